"""One fault, or a pair, on a lab that is up: broken, looked at, healed, and looked at again."""

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from tests.campaign.fault import LabFault
from tests.campaign.outcome import Expectation, Outcome, code_of
from tests.campaign.watch import Sight, Watch, watched
from tests.lab.agent import Agent
from tests.lab.errors import LabError
from tests.lab.lab import Lab
from tests.lab.sampling import routes_in, sampled
from tests.patience import eventually

QUIET_SECONDS = 15.0
"""So long nobody must confirm anything of what heals by itself: the hold-down, and what a pass takes."""
OTHERS_SECONDS = 6.0
"""So long the others, and further roots, have to be confirmed after the right one."""
GOOD_SECONDS = 180.0
_GOOD_FOR_SECONDS = 4.0
_CONTAINER_AGE = 25.0
"""Beyond the time in which an agent takes a calico/node for one that was started just now."""


def tried(lab: Lab, faults: tuple[LabFault, ...]) -> Outcome:
    """Break, look, heal, look."""
    name = " + ".join(fault.name for fault in faults)
    does = " ".join(fault.does for fault in faults)
    expected = tuple(Expectation(fault.name, fault.host, tuple(sorted(fault.roots))) for fault in faults)
    try:
        return _tried(lab, faults, Outcome(name, does, expected))
    except (LabError, OSError, ValueError, LookupError, AssertionError) as error:
        return Outcome(name, does, expected, error=f"{type(error).__name__}: {error}")


def _tried(lab: Lab, faults: tuple[LabFault, ...], blank: Outcome) -> Outcome:
    _settle(lab)
    containers, routes = _containers(lab), _tables(lab)
    _forget_peaks(lab)
    with sampled(lab) as samples, watched(lab) as watch:
        running = [fault.deed(lab) for fault in faults]
        begun = [_broken(deed) for deed in running][-1]
        _wait_for_words(watch, faults, begun)
        said = {host: tuple(sight.now) for host, sight in watch.sights.items()}
        ever = {host: tuple(sight.confirmed) for host, sight in watch.sights.items()}
        times = [_times(watch.sights[fault.host], fault.roots) for fault in faults if not fault.is_quiet]
        for deed in reversed(running):
            next(deed, None)
        healed = begun if blank.is_quiet else time.monotonic()
        good = eventually(watch.all_good_since, _has_lasted, GOOD_SECONDS)
        peak = _peak(lab)
    afterwards = {
        host: tuple(problem for problem in sight.confirmed if problem not in ever[host])
        for host, sight in watch.sights.items()
    }
    return Outcome(
        blank.name,
        blank.does,
        blank.expected,
        suspected=_latest([first for first, _ in times], begun),
        confirmed=_latest([second for _, second in times], begun),
        said=said,
        ever=ever,
        afterwards=afterwards,
        good_again=round(max(0.0, good - healed), 1) if good is not None and _has_lasted(good) else None,
        away=_longest(samples.lost),
        lost=tuple(sorted(routes - _tables(lab))),
        containers=_changes(containers, _containers(lab)),
        peak_mib=peak,
    )


def _broken(deed: Iterator[None]) -> float:
    """Break it; returns when that was done."""
    next(deed)
    return time.monotonic()


def _settle(lab: Lab) -> None:
    """Wait until all hosts are good, and every calico/node has run for a while.

    Raises:
        LabError: they are not, within three minutes.
    """
    with watched(lab) as watch:
        if not _has_lasted(eventually(watch.all_good_since, _has_lasted, GOOD_SECONDS)):
            told = {host: sight.now for host, sight in watch.sights.items() if not sight.is_good}
            raise LabError(f"the lab is not good before anything is broken: {told}")
    youngest = min(_age(started) for _, started in _containers(lab).values())
    time.sleep(max(0.0, _CONTAINER_AGE - youngest))


def _has_lasted(since: float | None) -> bool:
    """True if all hosts have been good for a while: one may be so for a moment, until it has seen what came of it."""
    return since is not None and time.monotonic() - since > _GOOD_FOR_SECONDS


def _wait_for_words(watch: Watch, faults: tuple[LabFault, ...], begun: float) -> None:
    """Until each fault has its root where it is known best, and the others had their time."""
    loud = [fault for fault in faults if not fault.is_quiet]
    if not loud:
        time.sleep(max(0.0, begun + QUIET_SECONDS - time.monotonic()))
        return

    def all_told() -> bool:
        return all(_times(watch.sights[fault.host], fault.roots)[1] is not None for fault in loud)

    eventually(all_told, bool, max(fault.patience for fault in loud))
    time.sleep(OTHERS_SECONDS)


def _times(sight: Sight, roots: frozenset[str]) -> tuple[float | None, float | None]:
    """When the first problem of these codes was suspected, and when it was confirmed."""
    suspected = [at for problem, at in dict(sight.suspected).items() if code_of(problem) in roots]
    confirmed = [at for problem, at in dict(sight.confirmed).items() if code_of(problem) in roots]
    return min(suspected, default=None), min(confirmed, default=None)


def _latest(times: list[float | None], begun: float) -> float | None:
    """The last of some times as seconds; None if one is missing, or there is none."""
    if not times or None in times:
        return None
    return round(max(0.0, max(at for at in times if at is not None) - begun), 1)


def _containers(lab: Lab) -> dict[str, tuple[str, str]]:
    """Id and start of each host's calico/node."""
    form = "{{.Id}} {{.State.StartedAt}}"
    found = {host: lab.engine(host).inspect(form).split() for host in lab.options.names}
    return {host: (words[0], words[1]) for host, words in found.items()}


def _age(started: str) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(started)).total_seconds()


def _changes(before: dict[str, tuple[str, str]], after: dict[str, tuple[str, str]]) -> dict[str, str]:
    words = {
        host: "another" if after[host][0] != was[0] else "restarted" if after[host] != was else ""
        for host, was in before.items()
    }
    return {host: word for host, word in words.items() if word}


def _tables(lab: Lab) -> set[str]:
    """Every IPv4 route of every host."""
    return {
        f"{host} {route}"
        for host in lab.options.names
        for route in routes_in(Path(f"/proc/{lab.host(host).init}/net/route"))
    }


def _longest(lost: dict[str, float]) -> dict[str, float]:
    """The longest that a route of each host was away, in seconds."""
    hosts = {route.partition(" ")[0] for route in lost}
    return {
        host: round(max(seconds for route, seconds in lost.items() if route.startswith(f"{host} ")), 2)
        for host in sorted(hosts)
    }


def _forget_peaks(lab: Lab) -> None:
    """Have the kernel count the most memory of each agent from now on (proc(5), clear_refs)."""
    for host in lab.options.names:
        if agent := Agent(lab.host(host)).process():
            Path(f"/proc/{agent.pid}/clear_refs").write_text("5")


def _peak(lab: Lab) -> float | None:
    """The most memory of any agent, in MiB; None if no agent runs."""
    found = []
    for host in lab.options.names:
        if agent := Agent(lab.host(host)).process():
            with contextlib.suppress(OSError):
                lines = Path(f"/proc/{agent.pid}/status").read_text().splitlines()
                found += [int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")]
    return round(max(found), 1) if found else None
