"""`calico-agent diags`: one file with everything that explains what this host says, for a report of trouble."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

from calico_agent.cli import client, terminal
from calico_agent.cli.new_files import NewFile, write_new
from calico_agent.config import Config
from calico_agent.diags.collect import make_bundle
from calico_agent.errors import EXIT_GOOD, UsageError
from calico_agent.text import counted


def diags(options: argparse.Namespace, load: Callable[[], Config]) -> int:
    """The command. Raises CalicoAgentError where the file cannot be written."""
    output: Path | None = options.output
    if output is not None and (output.is_dir() or os.path.lexists(output)):
        raise UsageError(f"{output} is there already, and is not written over")
    config = load()
    socket_path = options.socket or config.http.socket
    made = make_bundle(
        config, options.config, lambda page: client.ask(socket_path, page, timeout=4.0, marked=False).text
    )
    path = output or Path(f"{made.folder}.tar.gz")
    write_new([NewFile(path, made.content)])
    size = f"{len(made.content) / (1 << 20):.1f} MiB"
    missing = (
        f"; {counted(made.missing, 'thing')} could not be read (README.txt in it says why)" if made.missing else ""
    )
    terminal.show(
        f"{path}: {counted(made.files, 'file')}, {size}{missing}\n"
        "Passwords, keys and tokens were taken out; names and addresses of the cluster are in it.\n"
    )
    return EXIT_GOOD
