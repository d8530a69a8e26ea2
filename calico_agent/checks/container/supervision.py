"""How supervision goes: a container that does not last, one that somebody stopped, one that is not the wanted one.

Only in mode `supervise`: the rules look at what the agent wants and at what it remembers of its attempts.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from calico_agent.checks.container.refused import explained
from calico_agent.expected.view import View
from calico_agent.faults.node.supervision import SV_CRASHLOOP, SV_DRIFT, SV_STOPPED
from calico_agent.model.calico.bird import Bird
from calico_agent.model.container.container import Container, ContainerState, Docker
from calico_agent.model.container.drift import restart_policy
from calico_agent.model.container.rollout import drift, refused, same_identity
from calico_agent.model.container.supervision import Supervising
from calico_agent.model.finding import Finding, Severity
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import DriftPolicy

# The first start and three more.
_CRASH_LOOP = 4

_MOST_DIFFERENCES = 8


def find_supervision(view: View) -> Iterator[Finding]:
    """Yield what is wrong with the container as the agent's own."""
    container, supervising = view.local.container, view.supervising
    if container is None or supervising is None or not container.managed:
        return
    if loops(view):
        yield _crash_loop(view, container, supervising)
    if stays_stopped(view):
        yield _stopped(view, container)
    docker, spec = view.observation.docker, supervising.spec
    if spec is None or isinstance(docker, Unreadable):
        return
    if found := drift(container, spec, docker, supervising.settings.pull):
        yield _drifted(view, container, found, _future(view, container, found, docker))


def loops(view: View) -> bool:
    """True if the container was started again and again and did not last."""
    return view.supervising is not None and view.supervising.attempts.failures >= _CRASH_LOOP


def stays_stopped(view: View) -> bool:
    """True if it ended because somebody asked for it, and is to stay so."""
    container, supervising = view.local.container, view.supervising
    if container is None or supervising is None or container.state is not ContainerState.EXITED:
        return False
    remembered = container.finished_at is not None and container.finished_at == supervising.attempts.stopped_at
    return supervising.settings.respect_stop and (container.stopped_by_hand or remembered)


def in_one_sentence(found: tuple[str, ...]) -> str:
    """Return differences as evidence, the first of many."""
    more = len(found) - _MOST_DIFFERENCES
    return "; ".join(found[:_MOST_DIFFERENCES]) + (f"; and {more} more differences" if more > 0 else "")


def _crash_loop(view: View, container: Container, supervising: Supervising) -> Finding:
    attempts = supervising.attempts
    # The container says how it ended last while it is down, the memory while it is up for a moment again.
    ended = container.state is ContainerState.EXITED
    how = container.ending if ended else attempts.last_failure
    hint = (container.log_hint if ended else None) or attempts.hint
    reason = f": {hint.sentence}" if hint else ""
    evidence, cure = explained(view, container, hint)
    well = _runs_again(view, container)
    now = f"; it runs for {_seconds(view, container)} s now" if well else ""
    effect = f"none while it runs; it counts as well at {supervising.settings.stable_after.total_seconds():.0f} s"
    return SV_CRASHLOOP.finding(
        container.name,
        f"container {container.name} was started {attempts.failures} times in a row and did not last; "
        f"the last time it {how or 'could not be started'}{reason}{now}",
        why=f"{evidence}; {attempts.last_error}" if attempts.last_error else evidence,
        effect=effect
        if well
        else "routes here stay as they are; peers drop the routes to this host's pods after some minutes",
        cure=cure,
        node=view.me,
        severity=Severity.WARNING if well else None,
    )


def _runs_again(view: View, container: Container) -> bool:
    """Whether it is up and does its work, though not yet for long enough to be sure of it."""
    answers = isinstance(view.observation.bird, Bird) or not view.local.uses_bird
    return container.running and not view.starting and answers


def _seconds(view: View, container: Container) -> int:
    begun = container.started_at or view.observation.at
    return max(0, int((view.observation.at - begun).total_seconds()))


def _stopped(view: View, container: Container) -> Finding:
    when = f" at {container.finished_at:%Y-%m-%d %H:%M:%S} UTC" if container.finished_at else ""
    return SV_STOPPED.finding(
        container.name,
        f"container {container.name} was stopped by hand{when}, and stays so",
        why="Docker was asked to stop it, and supervise.respect_stop is true",
        effect="routes here stay as they are; peers drop the routes to this host's pods after some minutes",
        cure=f"docker start {container.name}",
        node=view.me,
    )


@dataclass(frozen=True, slots=True)
class _Future:
    """What becomes of a container that is not the wanted one."""

    effect: str
    cure: str
    changes: bool = False


def _future(view: View, container: Container, found: tuple[str, ...], docker: Docker) -> _Future:
    """As the plan decides it (`plan.remediation`)."""
    assert view.supervising is not None
    if stays_stopped(view):
        return _Future("it stays stopped, as somebody asked", f"docker start {container.name} when the work is done")
    taken = view.supervising.settings.on_drift is DriftPolicy.REPLACE and container.restarted_by_docker
    back = "calico-agent takes the restart policy back"
    if taken and found == restart_policy(container):
        return _Future("it goes on", back, changes=True)
    rest = _successor(view, container, docker)
    return replace(rest, cure=f"{back}; {rest.cure}") if taken else rest


def _successor(view: View, container: Container, docker: Docker) -> _Future:
    """First who the node is, then on_drift."""
    assert view.supervising is not None
    assert view.supervising.spec is not None
    spec, succession, settings = view.supervising.spec, view.succession, view.supervising.settings
    same, name = same_identity(container, spec), container.name
    if not same and succession.stays:
        return _Future(f"it keeps its name and address, because {succession.stays}", succession.on_purpose)
    if same and settings.on_drift is DriftPolicy.REPORT:
        by_hand = f'docker rm -f {name}, or supervise.on_drift = "replace": calico-agent then makes it anew'
        return _Future("it goes on as it is", f"{by_hand}{_unless(succession.barred)}")
    if container.alive and not container.running:
        return _Future(f"it is left alone while it is {container.state.value}", f"docker unpause {name}")
    if refusal := refused(docker, spec, settings.pull):
        return _Future("it goes on: what is wanted did not get ready", f"docker logs {refusal.name} says why")
    if succession.barred:
        return _Future("it goes on as it is", f"calico-agent does not replace it while this holds: {succession.barred}")
    return _Future("it goes on until it is replaced", "calico-agent replaces it", changes=True)


def _unless(barred: str) -> str:
    return f", but not while this holds: {barred}" if barred else ""


def _drifted(view: View, container: Container, found: tuple[str, ...], future: _Future) -> Finding:
    return SV_DRIFT.finding(
        container.name,
        f"container {container.name} is not the wanted one",
        why=in_one_sentence(found),
        effect=future.effect,
        cure=future.cure,
        node=view.me,
        severity=Severity.INFO if future.changes else Severity.WARNING,
    )
