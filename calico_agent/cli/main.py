"""The command line: which commands there are, and what a shell learns of how one ended.

Exit codes: 0 all good, 1 something is wrong, 2 usage or configuration, 3 the agent is not running.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import TypeAlias

from calico_agent import __version__, paths
from calico_agent.cli import commands
from calico_agent.cli.arguments import Parser, given_duration, given_path, given_reason, given_seconds
from calico_agent.cli.commands import told_by
from calico_agent.errors import CalicoAgentError

# What a shell reports for a process that ended by SIGINT and by SIGPIPE.
_EXIT_INTERRUPTED = 130
_EXIT_PIPE_CLOSED = 141

_PROGRAM = "calico-agent"
_STATUS = ("status", "peers")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    options = _parser(words[0] if words else "").parse_everything(words)
    command: _Command = options.command
    try:
        code = command(options)
        sys.stdout.flush()
    except CalicoAgentError as error:
        from calico_agent.secret import masked  # noqa: PLC0415

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


_Subparsers: TypeAlias = "argparse._SubParsersAction[Parser]"  # noqa: SLF001 - it has no public name
_Command = Callable[[argparse.Namespace], int]


def _parser(first: str = "") -> Parser:
    """All commands; only its own part of them where `first` is one: `status` would wait for the others to be made."""
    parser = Parser(
        prog=_PROGRAM,
        description="Starts calico/node as the right node, keeps it up, and proves that every node's pods can be "
        "routed to. Exit codes: 0 all good, 1 something is wrong, 2 usage or configuration, 3 agent not running.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"calico-agent {__version__}")
    # Where `prog` is not said, argparse makes the usage to find it.
    subparsers = parser.add_subparsers(title="commands", required=True, metavar="COMMAND", prog=_PROGRAM)
    file = Parser(add_help=False)
    file.add_argument("--config", type=given_path, metavar="FILE", help=f"instead of {paths.CONFIG_FILE}")
    if first in _STATUS:
        _add_status(subparsers, file)
        return parser
    settings = Parser(add_help=False, parents=[file])
    settings.add_argument("--mode", metavar="MODE", help="observe or supervise")
    settings.add_argument("--log-level", metavar="LEVEL", help="debug, info, warning or error")
    settings.add_argument("--log-format", metavar="FORMAT", help="logfmt or json")
    run = _add(subparsers, "run", commands.run, "run the agent in the foreground, as the systemd unit does", settings)
    run.add_argument(
        "--dry-run", action="store_true", help="print the `docker run` line that is equal to what the agent would do"
    )
    _add_status(subparsers, file)
    _add_history(subparsers, file)
    _add_looks(subparsers, file, settings)
    _add_routes(subparsers, file)
    _add_maintenance(subparsers, file)
    _add_import(_add(subparsers, "import", commands.import_, _IMPORT, file))
    text = "what the code of a problem or a condition means and what to do"
    explain = _add(subparsers, "explain", commands.explain, text)
    explain.add_argument(
        "code", nargs="?", metavar="CODE", help="a code or condition, as `status` prints it; without it all are listed"
    )
    help_ = _add(subparsers, "help", commands.usage, "what the commands are, or how one of them is used")
    help_.add_argument("words", nargs="*", metavar="COMMAND")
    help_.set_defaults(top=parser)
    _add_config(subparsers, settings)
    _add_manifest(subparsers)
    return parser


def _add(subparsers: _Subparsers, name: str, command: _Command, text: str, *parents: Parser) -> Parser:
    sub = subparsers.add_parser(name, help=text, description=text, parents=parents, allow_abbrev=False)
    sub.set_defaults(command=command, parser=sub)
    return sub


def _add_status(subparsers: _Subparsers, file: Parser) -> None:
    status = _add(subparsers, "status", commands.status, "what the running agent says about this host", file)
    status.add_argument("--json", action="store_true", help="print JSON")
    status.add_argument("--once", action="store_true", help="look now, without a running agent; changes nothing")
    much = status.add_mutually_exclusive_group()
    much.add_argument("--brief", action="store_true", help="only the first line: the verdict with its cause")
    much.add_argument("--verbose", action="store_true", help="all problems, consequences and sessions, however many")
    text = "show it anew every N seconds (2) in its place, until q or Ctrl-C"
    status.add_argument("--watch", metavar="N", nargs="?", type=_pause, const=2.0, help=text)
    status.add_argument("--socket", metavar="PATH", help="the socket of the running agent")
    peers = _add(
        subparsers, "peers", commands.peers, "the BGP sessions: uptime, flaps, routes in and out, errors", file
    )
    peers.add_argument("--json", action="store_true", help="print JSON")
    peers.add_argument("--once", action="store_true", help="look now, without a running agent, which counts the flaps")
    peers.add_argument("--socket", metavar="PATH", help="the socket of the running agent")


def _add_looks(subparsers: _Subparsers, file: Parser, settings: Parser) -> None:
    text = "which address and name this host should have, and why; changes nothing"
    _add(subparsers, "detect", commands.detect, text, settings).add_argument(
        "--json", action="store_true", help="print JSON"
    )
    text = "whether this host and its cluster fulfil what Calico needs; changes nothing"
    _add(subparsers, "preflight", commands.preflight, text, file).add_argument(
        "--json", action="store_true", help="print JSON"
    )


def _pause(text: str) -> float:
    """The seconds of --watch. Raises ArgumentTypeError."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 86400:
        raise argparse.ArgumentTypeError(f"{text[:20]!a} is no number of seconds from 0.1 to 86400")
    return seconds


def _add_history(subparsers: _Subparsers, file: Parser) -> None:
    text = "what happened on this host, oldest first; needs no running agent"
    history = _add(subparsers, "history", commands.history, text, file)
    history.add_argument("--since", metavar="WHEN", help="1h, 30min, 03:10, 2026-11-27 03:10; without it all is told")
    history.add_argument("--json", action="store_true", help="a JSON object a line, as it is kept; times in UTC")
    history.add_argument("--follow", action="store_true", help="go on with what happens from now on")
    history.add_argument("--socket", metavar="PATH", help="the socket of the running agent, for who is not root")

    text = "put everything that explains what this host says into one file, without secrets; needs no running agent"
    diags = _add(subparsers, "diags", commands.diags, text, file)
    diags.add_argument(
        "-o", "--output", type=given_path, metavar="FILE", help="where to, over no other file; a .tar.gz"
    )
    diags.add_argument("--socket", metavar="PATH", help="the socket of the running agent")


def _add_maintenance(subparsers: _Subparsers, file: Parser) -> None:
    running = Parser(add_help=False, parents=[file])
    running.add_argument("--socket", metavar="PATH", help="the socket of the running agent")
    text = "wait until this host is ready, or healthy; exit code 1 where it was not in time, 3 where no agent answered"
    wait = _add(subparsers, "wait", told_by("waiting", "wait"), text, running)
    until = wait.add_mutually_exclusive_group(required=True)
    until.add_argument("--ready", action="store_true", help="as /readyz says: it does its part of the network")
    until.add_argument("--healthy", action="store_true", help="as `status` says: nothing at all is wrong")
    text = "give up after so long; 120 without this"
    wait.add_argument("--timeout", type=given_seconds, default=120.0, metavar="SECONDS", help=text)
    text = "have nothing started, stopped or replaced for a while; all is still said; it outlives restarts; for root"
    pause = _add(subparsers, "pause", told_by("maintenance", "pause"), text, running)
    text = "for how long: 30m, 2h, 1d; without this until `resume`"
    pause.add_argument("--for", dest="duration", type=given_duration, metavar="TIME", help=text)
    _add(subparsers, "resume", told_by("maintenance", "resume"), "end the pause; for root", running)
    text = "have the running agent restart calico/node now; for root"
    restart = _add(subparsers, "restart-node", told_by("maintenance", "restart_node"), text, running)
    for asking in (pause, restart):
        asking.add_argument(
            "--why", type=given_reason, default="", metavar="TEXT", help="the reason, for others to read"
        )
    text = "give up what is kept of this host, after saying what follows; for root"
    forget = _add(subparsers, "forget", told_by("forget", "forget"), text, running)
    text = "`identity`: name and addresses are found anew; `claim`: the node name is free for other machines"
    forget.add_argument("what", choices=("identity", "claim"), metavar="WHAT", help=text)
    forget.add_argument("--yes", action="store_true", help="do not ask")


def _add_routes(subparsers: _Subparsers, file: Parser) -> None:
    text = "every route this host should have, and what the kernel has"
    routes = _add(subparsers, "routes", commands.routes, text, file)
    routes.add_argument("--node", metavar="NODE", default="", help="only routes to this node's pods")
    routes.add_argument("--pool", metavar="POOL", default="", help="only this pool")
    routes.add_argument("--state", choices=("right", "missing", "wrong", "stale"), default="")
    text = "where a packet to an address goes now, and where it should"
    trace = _add(subparsers, "trace", commands.trace, text, file)
    trace.add_argument("address", metavar="IP", help="for example the address of a pod")
    for question in (routes, trace):
        question.add_argument("--json", action="store_true", help="print JSON")
        question.add_argument("--once", action="store_true", help="look now, without a running agent")
        question.add_argument("--socket", metavar="PATH", help="the socket of the running agent")


def _add_config(subparsers: _Subparsers, settings: Parser) -> None:
    config = subparsers.add_parser("config", help="check or show the configuration", allow_abbrev=False)
    actions = config.add_subparsers(title="actions", required=True, metavar="ACTION", prog=f"{_PROGRAM} config")
    _add(actions, "check", commands.config_check, "say whether the configuration can be used", settings)
    _add(actions, "show", commands.config_show, "print the effective configuration", settings)
    text = "what a reload would change, in the agent and in the container; changes nothing"
    diff = _add(actions, "diff", commands.config_diff, text, settings)
    diff.add_argument("--socket", metavar="PATH", help="the socket of the running agent")


def _add_manifest(subparsers: _Subparsers) -> None:
    manifest = subparsers.add_parser("manifest", help="take calico/node out of a manifest", allow_abbrev=False)
    actions = manifest.add_subparsers(title="actions", required=True, metavar="ACTION", prog=f"{_PROGRAM} manifest")
    text = "take calico/node out of its DaemonSet: the manifest without it, the agent's configuration, and the rollout"
    action = _add(actions, "split", commands.manifest_split, text)
    action.add_argument("manifest", type=given_path, metavar="FILE", help="Calico's manifest, - for standard input")
    action.add_argument("--certs-dir", metavar="DIR", help="where etcd's certificates will be on each host")
    output = action.add_mutually_exclusive_group()
    output.add_argument("--diff", action="store_true", help="print the change of the manifest, the rest aside")
    output.add_argument("--output-dir", type=given_path, metavar="DIR", help="write manifest and configuration there")
    output.add_argument("--in-place", action="store_true", help="change the file, and keep what it was beside it")


_IMPORT = "the configuration that gives the calico/node which somebody else runs; what differs goes to standard error"


def _add_import(parser: Parser) -> None:
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--unit", type=given_path, metavar="FILE", help="a systemd unit with a `docker run`")
    source.add_argument("--container", metavar="NAME", help="a container that is there, running or not")
    source.add_argument("--command", dest="run", metavar="TEXT", help="a `docker run` line; - is standard input")
    source.add_argument(
        "--kubespray", type=given_path, metavar="FILE", help="/etc/calico/calico.env of kubespray 2.1 and 2.2"
    )
    parser.add_argument(
        "--output", type=given_path, metavar="FILE", help="write the configuration there, over no other file"
    )
    parser.add_argument("--check", action="store_true", help="only say what would change on this host; changes nothing")
