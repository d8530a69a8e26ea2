"""`calico-agent status` and `peers`: what the running agent says about this host, or what one would say now."""

import argparse
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from calico_agent.cli import client, terminal
from calico_agent.errors import EXIT_GOOD, EXIT_WRONG, UsageError

if TYPE_CHECKING:
    from calico_agent.config import Config
    from calico_agent.report.as_text import TextOptions


def status(options: argparse.Namespace, load: Callable[[], "Config"]) -> int:
    """The command. `load` reads the configuration, which only a look of its own needs.

    Raises UsageError for what cannot be watched.
    """
    if options.watch is not None:
        if options.json or options.once:
            raise UsageError("--watch goes with neither --json nor --once")
        from calico_agent.cli.live.watch import watch  # noqa: PLC0415 - most do not watch

        return watch(lambda: _asked(options), options.watch)
    if options.once:
        return _once(options, load())
    answer = _asked(options)
    terminal.show(answer.text)
    return EXIT_GOOD if answer.healthy else EXIT_WRONG


def peers(options: argparse.Namespace, load: Callable[[], "Config"]) -> int:
    """The BGP sessions."""
    if options.once:
        return _peers_once(options, load())
    wanted = "json" if options.json else f"text&width={terminal.width()}"
    answer = client.ask(_socket(options), f"/peers?format={wanted}")
    terminal.show(answer.text)
    return EXIT_GOOD if answer.healthy else EXIT_WRONG


def _asked(options: argparse.Namespace) -> client.AgentAnswer:
    text = f"text&detail={_detail(options)}&colour={int(terminal.wants_colour())}&width={terminal.width()}"
    return client.ask(_socket(options), f"/status?format={'json' if options.json else text}")


def _detail(options: argparse.Namespace) -> str:
    return "brief" if options.brief else "all" if options.verbose else "usual"


def _socket(options: argparse.Namespace) -> str:
    return options.socket or client.find_socket(options.config, os.environ)


def _once(options: argparse.Namespace, config: "Config") -> int:
    from datetime import UTC, datetime  # noqa: PLC0415

    from calico_agent.report.as_json import json_text, render_json  # noqa: PLC0415
    from calico_agent.report.as_text import render_headline, render_status  # noqa: PLC0415
    from calico_agent.runtime import oneshot as once  # noqa: PLC0415

    report, now = once.report_once(config), datetime.now(UTC)
    if options.json:
        terminal.show(json_text(render_json(report)))
    elif options.brief:
        terminal.show(f"{render_headline(report, now)}\n")
    else:
        terminal.show(render_status(report, now, _text_options(whole=options.verbose)))
    return EXIT_GOOD if report.healthy else EXIT_WRONG


def _text_options(*, whole: bool) -> "TextOptions":
    from calico_agent.report.as_text import TextOptions  # noqa: PLC0415

    return TextOptions(colour=terminal.wants_colour(), width=terminal.width(), whole=whole)


def _peers_once(options: argparse.Namespace, config: "Config") -> int:
    from datetime import UTC, datetime  # noqa: PLC0415

    from calico_agent.report.as_json import json_text, peers_json  # noqa: PLC0415
    from calico_agent.report.pages.peers_text import peers_in_order, render_peers  # noqa: PLC0415
    from calico_agent.runtime import oneshot as once  # noqa: PLC0415

    report = once.glance(config)
    text = json_text(peers_json(report)) if options.json else ""
    terminal.show(text or render_peers(report, datetime.now(UTC), width=terminal.width()))
    return EXIT_GOOD if peers_in_order(report) else EXIT_WRONG
