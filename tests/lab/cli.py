"""The lab as a program: people, tests and the demonstration drive it with the same commands."""

import argparse
import base64
import contextlib
import json
import sys
from collections.abc import Iterator, Sequence

from tests.lab.errors import LabError
from tests.lab.lab import Lab
from tests.lab.leftovers import clear_leftovers
from tests.lab.options import MAXIMUM_HOSTS, STANDIN_IMAGE, Kind, Options, Pool
from tests.lab.signals import ended_by_signals
from tests.uml.guest import Guest
from tests.uml.place import inside

_EPILOG = """The lab's name and directory come from CALICO_AGENT_LAB (default calab): two names are two labs. With
`up --kernel uml` the lab is in a guest of that name (tests/uml), and the other commands reach into it; they have no
terminal there."""
_OURSELVES = (sys.executable, "-m", "tests.lab")


def main(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit code: 0 done, 1 not done, 2 wrong usage, and that of the command for `exec`."""
    parsed = _parser().parse_args(arguments)
    lab = Lab.here(say=lambda text: print(text, flush=True))
    try:
        with ended_by_signals():
            guest = Guest(lab.directory.name)
            if parsed.command == "up" and parsed.kernel == "uml" and not inside():
                return _up_in(guest, _options(parsed), arguments)
            if guest.is_up() and parsed.command != "down":
                return guest.attach(*_OURSELVES, *arguments)
            return _run(lab, parsed)
    except LabError as failure:
        print(f"tests.lab: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("tests.lab: interrupted", file=sys.stderr)
        return 130


def _run(lab: Lab, parsed: argparse.Namespace) -> int:
    match parsed.command, getattr(parsed, "action", None):
        case "up", _:
            lab.up(_options(parsed), bare=parsed.bare)
        case "down", _:
            _down(lab, leftovers=parsed.all)
        case "node", "start":
            lab.node_start(parsed.host, dict(parsed.settings))
        case "node", _:
            lab.node_stop(parsed.host)
        case "agent", "start":
            lab.agent_start(parsed.host, dict(parsed.settings))
        case "agent", _:
            lab.agent_stop(parsed.host)
        case "pod", _:
            print(lab.pod(parsed.host, parsed.name))
        case "exec", _:
            return lab.attach(parsed.host, *parsed.argv)
        case "datastore" | "etcd", "dump":
            for line in dump_lines(lab):
                print(line)
        case "datastore" | "etcd", action:
            getattr(lab.datastore, str(action))()
    return 0


def _options(parsed: argparse.Namespace) -> Options:
    return Options(
        parsed.hosts,
        parsed.pool,
        parsed.ipv6,
        not parsed.no_tls,
        parsed.image_archive,
        parsed.image,
        parsed.datastore,
        parsed.containerd,
    )


def _up_in(guest: Guest, options: Options, arguments: Sequence[str]) -> int:
    """Start a guest and build the lab in it; when that fails nothing of it stays."""
    options.archive()  # is built here: what is written in the guest is gone with it
    with contextlib.ExitStack() as undone:
        undone.enter_context(Guest.boot(guest.name))
        code = guest.attach(*_OURSELVES, *arguments)
        if code == 0:
            undone.pop_all()
        return code


def _down(lab: Lab, *, leftovers: bool) -> None:
    Guest(lab.directory.name).close()
    lab.down()
    for what in clear_leftovers() if leftovers else ():
        print(f"removed, as what started it is gone: {what}")


def dump_lines(lab: Lab) -> Iterator[str]:
    """One key a line, as in the recordings: key, revision of its last change, lease, value (JSON where it is JSON)."""
    for pair in json.loads(lab.datastore.get("/calico/", prefix=True)).get("kvs", ()):
        text = base64.b64decode(pair.get("value", "")).decode(errors="replace")
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        key = base64.b64decode(pair["key"]).decode()
        yield json.dumps(
            {"key": key, "mod_revision": pair["mod_revision"], "lease": pair.get("lease", 0), "value": value}
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description=__doc__, epilog=_EPILOG)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    up = commands.add_parser("up", help="build the lab; every host gets an agent, calico/node and a pod")
    up.add_argument("--hosts", type=int, default=3, help=f"1 to {MAXIMUM_HOSTS} (default 3)")
    up.add_argument("--pool", type=Pool, default=Pool.NONE, help=", ".join(Pool), metavar="ENCAPSULATION")
    up.add_argument("--datastore", type=Kind, default=Kind.ETCD, help=", ".join(Kind), metavar="KIND")
    up.add_argument("--containerd", type=int, default=0, metavar="N", help="the last N hosts have it, and no Docker")
    up.add_argument("--kernel", choices=("own", "uml"), default="own", help="uml: one that has ipip and other links")
    up.add_argument("--ipv6", action="store_true", help="both families on the wire, in the pools and in BGP")
    up.add_argument("--no-tls", action="store_true", help="etcd without TLS and client certificates")
    up.add_argument("--image-archive", default="", metavar="FILE", help="another image, made by docker save or export")
    up.add_argument("--image", default=STANDIN_IMAGE, metavar="NAME", help="the image's name")
    up.add_argument("--bare", action="store_true", help="neither agents nor calico/node nor pods")
    down = commands.add_parser("down", help="remove everything, also after a crash")
    down.add_argument("--all", action="store_true", help="and what test runs that were killed have left")
    for name, text in (("node", "calico/node by hand, without the agent"), ("agent", "the agent")):
        command = commands.add_parser(name, help=text)
        command.add_argument("host")
        command.add_argument("action", choices=("start", "stop"))
        command.add_argument("settings", nargs="*", type=_setting, metavar="KEY=VALUE", help="environment")
    pod = commands.add_parser("pod", help="make a pod; prints its address")
    pod.add_argument("host")
    pod.add_argument("name")
    execute = commands.add_parser("exec", help="run a command in a host: exec HOST -- COMMAND ...")
    execute.add_argument("host")
    execute.add_argument("argv", nargs="+", metavar="COMMAND")
    datastore = commands.add_parser("datastore", aliases=["etcd"], help="the datastore's process, or its content")
    datastore.add_argument("action", choices=("stop", "start", "freeze", "thaw", "dump"))
    return parser


def _setting(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key, value
