"""What is left to do about a replacement that was begun: finish it, wait for the new container to get ready, or take it
back.

Decided from the containers there are (`model.container.rollout`), so it does not matter in which step the agent was
killed. The measure of "ready" is calico/node's own (`node/pkg/health/health.go@v3.32.1`): at first all sessions must be
established, later one is enough, so that a peer which dies during the replacement is not held against it. Nor is a
datastore that does not answer, or that all peers are away: the old container would get on as little.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from calico_agent.model.container.action import Promote, RemoveContainer, RenameContainer, Retire, Rollback
from calico_agent.model.container.container import Container, ContainerSpec, ContainerState, Docker
from calico_agent.model.container.program import Stage
from calico_agent.model.container.rollout import Parts, aside_name, is_made_from, may_return, parts_of, same_identity
from calico_agent.model.container.supervision import Attempts, Plan, Progress, Succession
from calico_agent.model.settings import DriftPolicy, SuperviseSettings

# The start that the replacement is, and one more: the host may have been restarted meanwhile.
_STARTS = 2

# Why one is taken back that had no time to show what it is: it may be as good as any.
_CHANGED_ON = "the configuration has changed again, and it was not ready yet"
_CHANGED_BACK = "what is wanted has changed again"
_UNTRIED = frozenset({_CHANGED_ON, _CHANGED_BACK})


@dataclass(frozen=True, slots=True)
class Rollout:
    """What the decision is made from. `etcd_since`: since when etcd answers the agent (None: it does not)."""

    spec: ContainerSpec
    settings: SuperviseSettings
    progress: Progress
    etcd_since: datetime | None
    now: datetime
    succession: Succession = Succession()  # noqa: RUF009 - a frozen value

    def keeps(self, previous: Container) -> bool:
        """True if the container of before remains who it is, although another name or address is wanted."""
        return not same_identity(previous, self.spec) and self.succession.keeps(previous)


def plan_rollout(docker: Docker, attempts: Attempts, rollout: Rollout) -> Plan | None:
    """Return the next step of a replacement that was begun; None where there is none, or supervision just goes on."""
    parts = parts_of(docker, rollout.spec.name)
    known = {part.id for part in (parts.current, parts.next, parts.previous) if part is not None}
    if any(found.alive and found.id not in known for found in docker.containers):
        return None  # somebody else runs calico/node here
    if _is_anothers(parts.previous) and not rollout.settings.take_over:
        return None
    if parts.refused and not parts.refused.alive and not parts.previous and attempts.refusal in _UNTRIED:
        return _remove(parts.refused, "it was never tried to the end, and may be wanted again", attempts)
    if parts.current is None:
        return _without_current(docker, parts, attempts, rollout)
    if not parts.current.managed:
        return _beside_anothers(docker, parts, attempts, rollout)
    if parts.next is not None and parts.next.alive and not parts.current.alive:
        return None  # somebody started it by hand: what runs is not removed
    if parts.next is not None and (parts.next.alive or not _is_next(docker, parts, rollout)):
        return _remove(parts.next, "it is not wanted any more", attempts)
    if parts.previous is not None:
        return _with_previous(docker, parts.current, parts.previous, attempts, rollout)
    return _without_previous(docker, parts.current, parts.refused, attempts, rollout)


def _is_anothers(previous: Container | None) -> bool:
    """Whether it runs and somebody else made it: without leave it is nobody's to stop, whatever it is called."""
    return previous is not None and previous.alive and not previous.managed


def _beside_anothers(docker: Docker, parts: Parts, attempts: Attempts, rollout: Rollout) -> Plan | None:
    """What was made to take the place of somebody else's, and cannot any more."""
    made = parts.next
    if made is None or made.alive:
        return None
    wanted = is_made_from(made, rollout.spec, docker, rollout.settings.pull)
    return None if wanted and rollout.settings.take_over else _remove(made, "it is not wanted any more", attempts)


def _is_next(docker: Docker, parts: Parts, rollout: Rollout) -> bool:
    """Whether the container that was made can still take the place of the current one."""
    if parts.next is None or parts.current is None or parts.previous is not None:
        return False
    policy = rollout.settings.pull
    wanted = is_made_from(parts.next, rollout.spec, docker, policy)
    return wanted and not is_made_from(parts.current, rollout.spec, docker, policy)


def _without_current(docker: Docker, parts: Parts, attempts: Attempts, rollout: Rollout) -> Plan | None:
    """Killed between two renamings, or somebody removed the current one."""
    name, previous = rollout.spec.name, parts.previous
    if previous is not None and previous.alive and rollout.keeps(previous):
        return Plan(RenameContainer(previous.id, name, "it stays"), f"calling it {name} again", attempts)
    if parts.next is not None:
        if is_made_from(parts.next, rollout.spec, docker, rollout.settings.pull):
            action = Promote(parts.next.id, previous.id if previous else "", name, "its place is free")
            return Plan(action, f"putting {parts.next.name} in its place", attempts)
        if parts.next.alive:
            return Plan(RenameContainer(parts.next.id, name, "it runs"), f"calling what runs {name}", attempts)
        return _remove(parts.next, "it is not wanted any more", attempts)
    if previous is None:
        return None
    if previous.alive:
        return Plan(RenameContainer(previous.id, name, "its successor is gone"), f"calling it {name} again", attempts)
    if not may_return(previous, rollout.spec) and not rollout.keeps(previous):
        return _let_go(previous, rollout.spec.name, "it was made for another name or address", attempts)
    return _take_back("", previous, rollout.spec.name, "its successor is gone", attempts)


def _without_previous(
    docker: Docker, current: Container, refused: Container | None, attempts: Attempts, rollout: Rollout
) -> Plan | None:
    """One that was refused is kept for its log, and so that it is not tried again, as long as it is wanted."""
    if refused is None or not is_made_from(current, rollout.spec, docker, rollout.settings.pull):
        return None
    return _remove(refused, "nobody wants it any more", attempts)


def _with_previous(
    docker: Docker, current: Container, previous: Container, attempts: Attempts, rollout: Rollout
) -> Plan | None:
    spec, settings = rollout.spec, rollout.settings
    if settings.respect_stop and current.stopped_by_hand and not previous.alive:
        return None  # whoever stopped it did not ask for the one of before
    wanted = is_made_from(current, spec, docker, settings.pull)
    if previous.alive and not current.alive and rollout.keeps(previous):
        return _remove(current, f"{previous.name} keeps its name and address", attempts)
    if previous.alive and (wanted or current.running):
        reason = f"{previous.name} still runs"
        action = Promote(current.id, previous.id, spec.name, reason)
        return Plan(action, f"putting {current.name} in its place: {reason}", attempts)
    if previous.alive and current.alive:
        return None  # somebody paused the one and started the other
    if previous.alive:  # whoever it is made for: what runs is not removed
        return _take_back(current.id, previous, spec.name, _CHANGED_BACK, attempts)
    if not may_return(previous, spec):
        return _let_go(previous, spec.name, "it was made for another name or address", attempts)
    why_not = _why_not_ready(current, attempts, rollout)
    if why_not is None:
        return _let_go(previous, spec.name, f"{current.name} is ready", attempts)
    if not wanted and settings.on_drift is DriftPolicy.REPLACE:
        why_not = why_not or _CHANGED_ON
    if why_not:
        return _take_back(current.id, previous, spec.name, why_not, attempts)
    if not current.running:
        return None
    return Plan(None, f"{current.name} was replaced; {previous.name} is kept until it is ready", attempts)


def _why_not_ready(current: Container, attempts: Attempts, rollout: Rollout) -> str | None:
    """None: it is ready. Empty: that is still waited for. Else why it will not be."""
    if current.state is ContainerState.CREATED:
        return f"Docker could not start it: {current.error}" if current.error else ""
    if current.state in {ContainerState.EXITED, ContainerState.DEAD}:
        return f"it {current.ending}" if attempts.failures >= _STARTS and rollout.etcd_since else ""
    if not current.running:
        return ""
    progress, deadline = rollout.progress, rollout.settings.start_deadline
    stage = progress.stage.stage if progress.stage else None
    if stage is Stage.READY or (stage is Stage.PROGRAMS_UP and progress.established >= attempts.sessions):
        return None
    if progress.stage is None or not progress.seen or not _is_late(current, rollout):
        return ""
    if stage is Stage.PROGRAMS_UP and (progress.established or progress.alone):
        return None if progress.established else ""
    return f"it was not ready within {deadline.total_seconds():.0f} s: {progress.stage.evidence}"


def _is_late(current: Container, rollout: Rollout) -> bool:
    """Whether it has had its whole time: a start that waited for etcd has it from then on."""
    if rollout.etcd_since is None or current.started_at is None:
        return False
    return rollout.now - max(current.started_at, rollout.etcd_since) >= rollout.settings.start_deadline


def set_aside(container: Container, name: str) -> Retire:
    """Return what is done with one that somebody else made and that does not run, so that its name is free."""
    return Retire(container.id, aside_name(name, container), "not made by calico-agent")


def _let_go(previous: Container, name: str, reason: str, attempts: Attempts) -> Plan:
    """The container of before is not needed any more; what somebody else made is theirs to remove."""
    if previous.managed:
        return _remove(previous, reason, attempts)
    return Plan(set_aside(previous, name), f"setting {previous.name} aside: {reason}", attempts)


def _remove(container: Container, reason: str, attempts: Attempts) -> Plan:
    return Plan(RemoveContainer(container.id, reason), f"removing {container.name}: {reason}", attempts)


def _take_back(failed: str, previous: Container, name: str, reason: str, attempts: Attempts) -> Plan:
    """Without the wait that a start of the same container would need, unless going back itself does not work."""
    action = Rollback(failed, previous.id, name, reason)
    attempts = replace(attempts, not_before=attempts.not_before if attempts.last_error else None)
    if failed:
        attempts = replace(attempts, refusal=reason)
    return Plan(action, f"going back to the container of before: {reason}", attempts)
