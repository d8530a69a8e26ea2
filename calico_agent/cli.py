"""The commands. Each imports what it needs when it runs: `status` must answer within 100 ms, the daemon costs 600.

Exit codes: 0 all good, 1 something is wrong, 2 usage or configuration, 3 the agent is not running.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from calico_agent import __version__, paths
from calico_agent.errors import EXIT_GOOD, EXIT_WRONG, CalicoAgentError, UsageError

if TYPE_CHECKING:
    from calico_agent.config import Config

# What a shell reports for a process that ended by SIGINT and by SIGPIPE.
_EXIT_INTERRUPTED = 130
_EXIT_PIPE_CLOSED = 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        code = command(options)
        sys.stdout.flush()
    except CalicoAgentError as error:
        for line in str(error).splitlines():
            print(f"calico-agent: {line}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return _EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read, for example `head`, has enough. The interpreter must not flush into the closed pipe at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _EXIT_PIPE_CLOSED
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="calico-agent",
        description="Starts calico/node as the right node, keeps it up, and proves that every node's pods can be "
        "routed to. Exit codes: 0 all good, 1 something is wrong, 2 usage or configuration, 3 agent not running.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"calico-agent {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    file = _file_option()
    settings = argparse.ArgumentParser(add_help=False, parents=[file])
    settings.add_argument("--mode", metavar="MODE", help="observe or supervise")
    settings.add_argument("--log-level", metavar="LEVEL", help="debug, info, warning or error")
    settings.add_argument("--log-format", metavar="FORMAT", help="logfmt or json")

    def add(name: str, command: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        parents = [settings] if command in {_run, _detect} else [file] if command is _status else []
        sub = commands.add_parser(name, help=text, description=text, parents=parents, allow_abbrev=False)
        sub.set_defaults(command=command)
        return sub

    add("run", _run, "run the agent in the foreground, as the systemd unit does")
    status = add("status", _status, "what the running agent says about this host")
    status.add_argument("--json", action="store_true", help="print JSON")
    status.add_argument("--once", action="store_true", help="look now, without a running agent; changes nothing")
    status.add_argument("--socket", metavar="PATH", help="the socket of the running agent")
    detect = add("detect", _detect, "which address and name this host should have, and why; changes nothing")
    detect.add_argument("--json", action="store_true", help="print JSON")
    explain = add("explain", _explain, "what the code of a problem means and what to do")
    explain.add_argument("code", nargs="?", metavar="CODE", help="for example IP-BRIDGE; without it all are listed")
    config = commands.add_parser("config", help="check or show the configuration", allow_abbrev=False)
    actions = config.add_subparsers(title="actions", required=True, metavar="ACTION")
    for name, command, text in (
        ("check", _config_check, "say whether the configuration can be used"),
        ("show", _config_show, "print the effective configuration"),
    ):
        action = actions.add_parser(name, help=text, description=text, parents=[settings], allow_abbrev=False)
        action.set_defaults(command=command)
    return parser


def _file_option() -> argparse.ArgumentParser:
    file = argparse.ArgumentParser(add_help=False)
    file.add_argument("--config", type=Path, metavar="FILE", help=f"instead of {paths.CONFIG_FILE}")
    return file


def _load(options: argparse.Namespace) -> "Config":
    from calico_agent.config import load  # noqa: PLC0415

    flags = {
        ("", "mode"): getattr(options, "mode", None),
        ("log", "level"): getattr(options, "log_level", None),
        ("log", "format"): getattr(options, "log_format", None),
    }
    return load(options.config, os.environ, {key: value for key, value in flags.items() if value is not None})


def _run(options: argparse.Namespace) -> int:
    config = _load(options)
    from calico_agent import daemon  # noqa: PLC0415

    return daemon.run(config, lambda: _load(options))


def _status(options: argparse.Namespace) -> int:
    if options.once:
        return _status_once(options)
    from calico_agent import client  # noqa: PLC0415

    socket_path = options.socket or client.find_socket(options.config, os.environ)
    wanted = "json" if options.json else f"text&colour={int(_wants_colour())}"
    answer = client.ask(socket_path, f"/status?format={wanted}")
    _print(answer.text)
    return EXIT_GOOD if answer.healthy else EXIT_WRONG


def _status_once(options: argparse.Namespace) -> int:
    config = _load(options)
    from datetime import UTC, datetime  # noqa: PLC0415

    from calico_agent import agent  # noqa: PLC0415
    from calico_agent.report.as_json import render_json  # noqa: PLC0415
    from calico_agent.report.as_text import render_status  # noqa: PLC0415

    report = agent.report_once(config)
    if options.json:
        _print_json(render_json(report))
    else:
        _print(render_status(report, datetime.now(UTC), colour=_wants_colour()))
    return EXIT_GOOD if report.healthy else EXIT_WRONG


def _detect(options: argparse.Namespace) -> int:
    config = _load(options)
    from calico_agent import agent  # noqa: PLC0415
    from calico_agent.report.identity_text import identity_json, render_identity  # noqa: PLC0415

    identity = agent.identify_now(config)
    if options.json:
        _print_json(identity_json(identity))
    else:
        _print(render_identity(identity))
    return EXIT_GOOD if identity.complete else EXIT_WRONG


def _explain(options: argparse.Namespace) -> int:
    from calico_agent.verify.catalogue import CATALOGUE  # noqa: PLC0415

    if options.code is None:
        width = max(len(code) for code in CATALOGUE)
        _print("".join(f"{code:<{width}}  {entry.title}\n" for code, entry in sorted(CATALOGUE.items())))
        return EXIT_GOOD
    code = options.code.upper()
    entry = CATALOGUE.get(code)
    if entry is None:
        import difflib  # noqa: PLC0415

        close = difflib.get_close_matches(code[:60], CATALOGUE, n=1)
        hint = f"did you mean {close[0]}?" if close else "`calico-agent explain` lists them"
        raise UsageError(f"there is no code {options.code[:60]!a}", hint=hint)
    _print(f"{code}: {entry.title}\n\n{entry.explanation.strip()}\n")
    return EXIT_GOOD


def _config_check(options: argparse.Namespace) -> int:
    config = _load(options)
    _print(f"the configuration is good (mode {config.mode.value})\n")
    return EXIT_GOOD


def _config_show(options: argparse.Namespace) -> int:
    config = _load(options)
    from calico_agent.config.show import render_config  # noqa: PLC0415

    _print(render_config(config))
    return EXIT_GOOD


def _wants_colour() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def _print_json(document: dict[str, object]) -> None:
    import json  # noqa: PLC0415

    _print(json.dumps(document, indent=2) + "\n")


def _print(text: str) -> None:
    """Text to standard output, whatever its encoding: what it cannot show is escaped."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
