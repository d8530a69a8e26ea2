"""The command line of the replay."""

import argparse
import json
from pathlib import Path

import tests.replay
from calico_agent.config import Config, load
from calico_agent.errors import ConfigError
from calico_agent.report.as_json import render_json
from calico_agent.report.as_text import render_status
from tests.replay.bundle import configuration_of, host_of, unpacked
from tests.replay.judge import report_capture


def main(arguments: list[str] | None = None) -> int:
    """The command; `arguments` are those of the command line by default."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.replay", description=(tests.replay.__doc__ or "").partition("\n")[0]
    )
    text = "directory with the datastore and one directory for each host, or a bundle of `calico-agent diags`"
    parser.add_argument("capture", type=Path, help=text)
    parser.add_argument("host", nargs="?", default="", help="name of a host's directory in it; a bundle has one")
    parser.add_argument("--config", type=Path, help="judge as an agent with this configuration file would")
    parser.add_argument("--json", action="store_true", help="the whole report as JSON")
    chosen = parser.parse_args(arguments)
    with unpacked(chosen.capture) as capture:
        chosen.capture = capture
        return _replay(parser, chosen)


def _replay(parser: argparse.ArgumentParser, chosen: argparse.Namespace) -> int:
    chosen.host = chosen.host or host_of(chosen.capture)
    chosen.config = chosen.config or configuration_of(chosen.capture)
    if not (chosen.capture / chosen.host).is_dir():
        parser.error(f"{chosen.capture} has no directory {chosen.host}")
    try:
        config = load(chosen.config, {}) if chosen.config else Config()
    except ConfigError as error:
        parser.error(str(error))
    report = report_capture(chosen.capture, chosen.host, config)
    print(json.dumps(render_json(report), indent=2) if chosen.json else render_status(report, report.at))
    return 0 if report.healthy else 1
