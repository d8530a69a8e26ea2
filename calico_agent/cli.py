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
from calico_agent.arguments import Parser
from calico_agent.errors import EXIT_GOOD, EXIT_WRONG, CalicoAgentError, UsageError

if TYPE_CHECKING:
    from calico_agent.config import Config

# What a shell reports for a process that ended by SIGINT and by SIGPIPE.
_EXIT_INTERRUPTED = 130
_EXIT_PIPE_CLOSED = 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    options = _parser().parse_everything(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        code = command(options)
        sys.stdout.flush()
    except CalicoAgentError as error:
        from calico_agent.model.secret import masked  # noqa: PLC0415

        for line in masked(str(error)).splitlines():
            print(f"calico-agent: {line}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return _EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read, for example `head`, has enough. The interpreter must not flush into the closed pipe at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _EXIT_PIPE_CLOSED
    return code


def _parser() -> Parser:
    parser = Parser(
        prog="calico-agent",
        description="Starts calico/node as the right node, keeps it up, and proves that every node's pods can be "
        "routed to. Exit codes: 0 all good, 1 something is wrong, 2 usage or configuration, 3 agent not running.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"calico-agent {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    file = _file_option()
    settings = Parser(add_help=False, parents=[file])
    settings.add_argument("--mode", metavar="MODE", help="observe or supervise")
    settings.add_argument("--log-level", metavar="LEVEL", help="debug, info, warning or error")
    settings.add_argument("--log-format", metavar="FORMAT", help="logfmt or json")

    def add(name: str, command: Callable[[argparse.Namespace], int], text: str) -> Parser:
        parents = [settings] if command in {_run, _detect} else [file] if command in {_status, _routes, _trace} else []
        sub = commands.add_parser(name, help=text, description=text, parents=parents, allow_abbrev=False)
        sub.set_defaults(command=command, parser=sub)
        return sub

    run = add("run", _run, "run the agent in the foreground, as the systemd unit does")
    run.add_argument(
        "--dry-run", action="store_true", help="print the `docker run` line that is equal to what the agent would do"
    )
    status = add("status", _status, "what the running agent says about this host")
    status.add_argument("--json", action="store_true", help="print JSON")
    status.add_argument("--once", action="store_true", help="look now, without a running agent; changes nothing")
    status.add_argument("--socket", metavar="PATH", help="the socket of the running agent")
    detect = add("detect", _detect, "which address and name this host should have, and why; changes nothing")
    detect.add_argument("--json", action="store_true", help="print JSON")
    routes = add("routes", _routes, "every route this host should have, and what the kernel has")
    routes.add_argument("--node", metavar="NODE", default="", help="only routes to this node's pods")
    routes.add_argument("--pool", metavar="POOL", default="", help="only this pool")
    routes.add_argument("--state", choices=("right", "missing", "wrong", "stale"), default="")
    trace = add("trace", _trace, "where a packet to an address goes now, and where it should")
    trace.add_argument("address", metavar="IP", help="for example the address of a pod")
    for question in (routes, trace):
        question.add_argument("--json", action="store_true", help="print JSON")
        question.add_argument("--once", action="store_true", help="look now, without a running agent")
        question.add_argument("--socket", metavar="PATH", help="the socket of the running agent")
    explain = add("explain", _explain, "what the code of a problem or a condition means and what to do")
    explain.add_argument("code", nargs="?", metavar="CODE", help="for example IP-BRIDGE; without it all are listed")
    help_ = add("help", _help, "what the commands are, or how one of them is used")
    help_.add_argument("words", nargs="*", metavar="COMMAND")
    help_.set_defaults(top=parser)
    config = commands.add_parser("config", help="check or show the configuration", allow_abbrev=False)
    actions = config.add_subparsers(title="actions", required=True, metavar="ACTION")
    for name, command, text in (
        ("check", _config_check, "say whether the configuration can be used"),
        ("show", _config_show, "print the effective configuration"),
    ):
        action = actions.add_parser(name, help=text, description=text, parents=[settings], allow_abbrev=False)
        action.set_defaults(command=command, parser=action)
    return parser


def _file_option() -> Parser:
    file = Parser(add_help=False)
    file.add_argument("--config", type=Path, metavar="FILE", help=f"instead of {paths.CONFIG_FILE}")
    return file


def _load(options: argparse.Namespace) -> "Config":
    from calico_agent.config import load  # noqa: PLC0415

    return load(options.config, os.environ, _flags(options))


def _flags(options: argparse.Namespace) -> dict[tuple[str, str], str]:
    flags = {
        ("", "mode"): getattr(options, "mode", None),
        ("log", "level"): getattr(options, "log_level", None),
        ("log", "format"): getattr(options, "log_format", None),
    }
    return {key: value for key, value in flags.items() if value is not None}


def _run(options: argparse.Namespace) -> int:
    config = _load(options)
    if options.dry_run:
        return _dry_run(config)
    from calico_agent import daemon  # noqa: PLC0415
    from calico_agent.config import ConfigOnDisk  # noqa: PLC0415

    return daemon.run(config, ConfigOnDisk(config, lambda: _load(options), options.config))


def _dry_run(config: "Config") -> int:
    from calico_agent import once  # noqa: PLC0415
    from calico_agent.model.secret import masked  # noqa: PLC0415
    from calico_agent.report.docker_run import render_docker_run  # noqa: PLC0415

    if not config.node.image:
        raise UsageError("[node] image is not set: which calico/node would be run?")
    wanted = once.wanted_now(config)
    if wanted.spec is None:
        raise CalicoAgentError(f"the agent would run no calico/node here: {wanted.why_not}")
    password = config.datastore.password_file
    _print(render_docker_run(wanted.spec, url=config.docker.url, files={"ETCD_PASSWORD": password} if password else {}))
    succession = wanted.succession
    stays = f"what runs here stays as it is, because {succession.stays}; {succession.on_purpose}"
    refused = wanted.refused or succession.barred
    for reason in (refused, wanted.unproved, stays if succession.stays else ""):
        if reason:
            print(f"calico-agent: not now: {masked(reason)}", file=sys.stderr)
    return EXIT_GOOD


def _status(options: argparse.Namespace) -> int:
    if options.once:
        return _status_once(options)
    from calico_agent import client  # noqa: PLC0415

    socket_path = options.socket or client.find_socket(options.config, os.environ)
    wanted = "json" if options.json else f"text&colour={int(_wants_colour())}&width={_width()}"
    answer = client.ask(socket_path, f"/status?format={wanted}")
    _print(answer.text)
    return EXIT_GOOD if answer.healthy else EXIT_WRONG


def _status_once(options: argparse.Namespace) -> int:
    config = _load(options)
    from datetime import UTC, datetime  # noqa: PLC0415

    from calico_agent import once  # noqa: PLC0415
    from calico_agent.report.as_json import json_text, render_json  # noqa: PLC0415
    from calico_agent.report.as_text import render_status  # noqa: PLC0415

    report = once.report_once(config)
    if options.json:
        _print(json_text(render_json(report)))
    else:
        _print(render_status(report, datetime.now(UTC), colour=_wants_colour(), width=_width()))
    return EXIT_GOOD if report.healthy else EXIT_WRONG


def _detect(options: argparse.Namespace) -> int:
    config = _load(options)
    from calico_agent import once  # noqa: PLC0415
    from calico_agent.report.as_json import json_text  # noqa: PLC0415
    from calico_agent.report.identity_text import identity_json, render_identity  # noqa: PLC0415

    identity = once.identify_now(config)
    if options.json:
        _print(json_text(identity_json(identity)))
    else:
        _print(render_identity(identity, _width()))
    return EXIT_GOOD if identity.complete else EXIT_WRONG


def _routes(options: argparse.Namespace) -> int:
    filters = {"node": options.node, "pool": options.pool, "state": options.state}
    return _question(options, "routes", filters)


def _trace(options: argparse.Namespace) -> int:
    from ipaddress import ip_address  # noqa: PLC0415

    try:
        address = ip_address(options.address)
    except ValueError:
        raise UsageError(f"{options.address[:60]!a} is no address", hint="for example 192.168.1.5") from None
    return _question(options, "trace", {"address": str(address)})


def _question(options: argparse.Namespace, page: str, parameters: dict[str, str]) -> int:
    """Ask the running agent, or what a running agent would answer."""
    parameters["format"] = "json" if options.json else "text"
    if options.once:
        from calico_agent import once  # noqa: PLC0415
        from calico_agent.serve import questions  # noqa: PLC0415

        explorer = once.explore_now(_load(options))
        answered = (questions.answer_routes if page == "routes" else questions.answer_trace)(explorer, parameters)
        if answered.error:
            raise UsageError(answered.error)
        healthy, text = answered.healthy, answered.body.decode()
    else:
        from urllib.parse import urlencode  # noqa: PLC0415

        from calico_agent import client  # noqa: PLC0415

        socket_path = options.socket or client.find_socket(options.config, os.environ)
        answer = client.ask(socket_path, f"/{page}?{urlencode(parameters)}", timeout=10.0)
        healthy, text = answer.healthy, answer.text
    _print(text)
    return EXIT_GOOD if healthy else EXIT_WRONG


def _explain(options: argparse.Namespace) -> int:
    from calico_agent.explain import explain  # noqa: PLC0415

    _print(explain(options.code))
    return EXIT_GOOD


def _help(options: argparse.Namespace) -> int:
    # Whatever is not a command ends here with the usage of what comes before it.
    options.top.parse_args([*options.words, "--help"])
    return EXIT_GOOD


def _config_check(options: argparse.Namespace) -> int:
    from calico_agent.config import check  # noqa: PLC0415

    config, warnings, notes = check(options.config, os.environ, _flags(options))
    for warning in warnings:
        print(f"calico-agent: warning: {warning}", file=sys.stderr)
    _print("".join(f"{line}\n" for line in (f"the configuration is good (mode {config.mode.value})", *notes)))
    return EXIT_GOOD


def _config_show(options: argparse.Namespace) -> int:
    config = _load(options)
    from calico_agent.config.show import render_config  # noqa: PLC0415
    from calico_agent.plan.presets import render_preset  # noqa: PLC0415

    _print(render_config(config) + "\n" + render_preset(config.node.preset))
    return EXIT_GOOD


def _width() -> int:
    """How wide the text may be: as the terminal, or what the pages have without one."""
    import shutil  # noqa: PLC0415

    return min(max(shutil.get_terminal_size((100, 24)).columns, 60), 400) if sys.stdout.isatty() else 100


def _wants_colour() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def _print(text: str) -> None:
    """Text to standard output, whatever its encoding: what it cannot show is escaped."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
