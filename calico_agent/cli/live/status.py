"""`calico-agent status`: what the running agent says about this host, or what one would say now."""

import argparse
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from calico_agent.cli import terminal
from calico_agent.errors import EXIT_GOOD, EXIT_WRONG

if TYPE_CHECKING:
    from calico_agent.config import Config


def status(options: argparse.Namespace, load: Callable[[], "Config"]) -> int:
    """The command. `load` reads the configuration, which only a look of its own needs."""
    if options.once:
        return _once(options, load())
    from calico_agent.cli import client  # noqa: PLC0415

    socket_path = options.socket or client.find_socket(options.config, os.environ)
    wanted = "json" if options.json else f"text&colour={int(terminal.wants_colour())}&width={terminal.width()}"
    answer = client.ask(socket_path, f"/status?format={wanted}")
    terminal.show(answer.text)
    return EXIT_GOOD if answer.healthy else EXIT_WRONG


def _once(options: argparse.Namespace, config: "Config") -> int:
    from datetime import UTC, datetime  # noqa: PLC0415

    from calico_agent.report.as_json import json_text, render_json  # noqa: PLC0415
    from calico_agent.report.as_text import render_status  # noqa: PLC0415
    from calico_agent.runtime import oneshot as once  # noqa: PLC0415

    report = once.report_once(config)
    if options.json:
        terminal.show(json_text(render_json(report)))
    else:
        now, colour = datetime.now(UTC), terminal.wants_colour()
        terminal.show(render_status(report, now, colour=colour, width=terminal.width()))
    return EXIT_GOOD if report.healthy else EXIT_WRONG
