"""`make demo`: the story of this project, told by three real hosts in a terminal of 100 columns.

Nothing is shown that does not happen: every command that is printed is run, every answer is what it printed. Each step
waits for what it announces and fails the demonstration when that does not come.

KEEP=1 leaves the lab running at the end. POOL=ipip (or ipip-cross) tells it with IPIP, in a kernel of its own
(tests/uml) because the machine's may lack it; that takes its time.
"""

import contextlib
import os
import sys
import textwrap
import time
from collections.abc import Callable

from tests.lab.errors import LabError
from tests.lab.lab import Lab
from tests.lab.leftovers import clear_leftovers
from tests.lab.options import Options, Pool
from tests.lab.owner import sign
from tests.lab.signals import ended_by_signals
from tests.uml.guest import Guest
from tests.uml.place import SLOWNESS, inside

_WIDTH = 100
_STATUS = ("calico-agent", "status")


class Story:
    """Prints what is done and what is answered, with the time since the beginning."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._begun = time.monotonic()

    def chapter(self, title: str, text: str) -> None:
        elapsed = f"[{time.monotonic() - self._begun:5.1f} s]"
        print(f"\n{elapsed} {title}\n{'-' * _WIDTH}")
        print(textwrap.fill(text, _WIDTH), flush=True)

    def show(self, host: str, *command: str, lines: int | None = None) -> str:
        """Run a command on a host and print both; at most the first `lines` lines of the answer."""
        print(f"\n{host}# {' '.join(command)}", flush=True)
        done = self._lab.exec(host, *command)
        answer = (done.stdout + done.stderr).rstrip().splitlines()
        for line in answer[:lines]:
            print(f"  {line}"[: _WIDTH + 2])
        if lines is not None and len(answer) > lines:
            print(f"  ... ({len(answer) - lines} lines more)")
        sys.stdout.flush()
        return done.stdout

    def wait(self, what: str, happened: Callable[[], bool], seconds: float = 40) -> float:
        """Wait until it happened and say how long that took; raises LabError when it does not."""
        begun = time.monotonic()
        while not happened():
            if time.monotonic() - begun > seconds * SLOWNESS:
                raise LabError(f"waited {seconds * SLOWNESS:.0f} s in vain until {what}")
            time.sleep(0.05)
        took = time.monotonic() - begun
        print(f"\n  ... {what}: after {took:.1f} s", flush=True)
        return took

    def status(self, host: str) -> tuple[int, str]:
        """Exit code and text of the agent's status, not printed."""
        done = self._lab.exec(host, *_STATUS)
        return done.returncode, done.stdout

    def healthy(self, *hosts: str) -> bool:
        return all(self.status(host)[0] == 0 for host in hosts)

    def says(self, host: str, *words: str) -> bool:
        code, text = self.status(host)
        return code == 1 and all(word in text for word in words)


def main() -> int:
    """Tell the story; returns the exit code."""
    keep = os.environ.get("KEEP") == "1"
    clear_leftovers()
    if not keep:
        sign()
    lab = Lab.here(say=lambda text: print(f"  {text}", flush=True))
    finished = False
    try:
        options = Options(pool=_pool(os.environ.get("POOL") or Pool.NONE))
        with ended_by_signals():
            if options.pool.is_ipip and not inside():
                return _in_guest(lab, options, keep=keep)
            _tell(lab, Story(lab), options)
        finished = True
    except LabError as failure:
        print(f"\nThe demonstration failed: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; cleaning up.", file=sys.stderr)
        return 130
    finally:
        if not (keep and finished):
            lab.down()
    print(
        "\nThe lab is still up: python -m tests.lab exec host1 -- bash; python -m tests.lab down ends it."
        if keep
        else ""
    )
    return 0


def _pool(name: str) -> Pool:
    try:
        return Pool(name)
    except ValueError:
        raise LabError(f"POOL={name}: there are {', '.join(Pool)}") from None


def _in_guest(lab: Lab, options: Options, *, keep: bool) -> int:
    """The same in a guest that has the lab's name, so that commands for the lab reach into it."""
    print("A Linux kernel with IPIP is started for the hosts: an ordinary process, in which all is some times slower.")
    options.archive()
    with contextlib.ExitStack() as undone:
        guest = undone.enter_context(Guest.boot(lab.directory.name))
        code = guest.attach(sys.executable, "-m", "tests.demo")
        if keep and code == 0:
            undone.pop_all()
        return code


def _tell(lab: Lab, story: Story, options: Options) -> None:
    story.chapter(
        "Three hosts",
        "Each has its own kernel tables, its own Docker Engine with a docker0 of 172.17.0.1/16, and one etcd with TLS "
        "is behind them. host1 and host2 get calico-agent. host3 is set up as in 2017: calico/node is started without "
        "it, and what it registers is the address of Docker's bridge."
        + (" What pods send to other hosts goes through the IPIP tunnel tunl0." if options.pool.is_ipip else ""),
    )
    lab.up(options, bare=True)
    pods = {}
    for host in ("host1", "host2"):
        lab.agent_start(host)
        pods[host] = lab.pod(host, f"pod{host[-1]}")
    story.wait("host1 and host2 say that all is well", lambda: story.healthy("host1", "host2"))
    lab.node_start("host3", {"IP": "172.17.0.1"})
    pods["host3"] = lab.pod("host3", "pod3")
    print("  pods: " + ", ".join(f"{address} on {host}" for host, address in pods.items()))

    story.chapter("What host3 looks like", "Only its own pod and its own block; nothing of the other hosts.")
    story.show("host3", "ip", "route")

    story.chapter(
        "What the agent on a healthy host says about it",
        "host1 cannot log in to host3, and need not: the datastore, its own log and its own docker0 tell.",
    )
    story.wait("host1 has confirmed what is wrong", lambda: story.says("host1", "PROBLEM", "host3", "172.17.0.1"))
    story.show("host1", *_STATUS)

    story.chapter(
        "The cure: calico-agent on host3 instead",
        "It finds the address by evidence (`detect` prints why), and starts calico/node with exactly that.",
    )
    story.show("host3", "calico-agent", "detect")
    lab.agent_start("host3")
    story.wait("all three hosts say that all is well", lambda: story.healthy("host1", "host2", "host3"), 60)
    story.show("host3", "ip", "route")
    story.show("host3", *_STATUS)

    story.chapter("A killed container", "docker kill on host2. The agent starts it again; routes stay meanwhile.")
    story.show("host2", "docker", "kill", "calico-node")
    running = ("docker", "inspect", "-f", "{{.State.Running}}", "calico-node")
    story.wait("calico-node runs again", lambda: lab.exec("host2", *running).stdout.strip() == "true")
    story.wait("all three hosts say that all is well", lambda: story.healthy("host1", "host2", "host3"), 60)

    story.chapter(
        "A deleted route",
        "BIRD puts a deleted route back by itself within its scan of two seconds: suspected at once, but no alarm.",
    )
    block = _block_towards(lab, "host1", "10.77.0.12")
    story.show("host1", "ip", "route", "del", block)
    story.wait("the route is back", lambda: bool(lab.exec("host1", "ip", "route", "show", block).stdout.strip()))

    story.chapter(
        "A foreign route",
        f"Somebody adds a route for host2's block {block} by hand on host1. BIRD there learns it and advertises it, so "
        "host3 suffers too: it splits its traffic, and half of it goes nowhere. The agent on host3 names host1.",
    )
    story.show("host1", "ip", "route", "replace", block, "via", "10.77.0.1")
    story.wait("host1 has confirmed it", lambda: story.says("host1", "PROBLEM", block))
    story.wait("host3 has confirmed it", lambda: story.says("host3", "PROBLEM", block))
    story.show("host1", *_STATUS, lines=20)
    story.show("host3", *_STATUS, lines=20)
    story.show("host1", "ip", "route", "del", block, "via", "10.77.0.1")
    story.wait("all three hosts say that all is well", lambda: story.healthy("host1", "host2", "host3"), 60)
    story.chapter("The end", "Everything of the lab is taken down now.")


def _block_towards(lab: Lab, host: str, gateway: str) -> str:
    """The first block that `host` reaches through `gateway`."""
    routes = lab.exec(host, "ip", "route", "show", "proto", "bird", "via", gateway).stdout.split()
    if not routes:
        raise LabError(f"{host} has no route through {gateway}")
    return routes[0]


if __name__ == "__main__":
    sys.exit(main())
