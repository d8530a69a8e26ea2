"""Whether a step may be taken now: what forbids it, what must be known before it, and the wait after failures."""

from dataclasses import replace
from datetime import datetime

from calico_agent.model.container.action import (
    Action,
    ClearRestartPolicy,
    CreateContainer,
    Promote,
    RemoveContainer,
    RenameContainer,
    ReplaceContainer,
    RestartContainer,
    Rollback,
    StartContainer,
)
from calico_agent.model.container.container import Container, Docker
from calico_agent.model.container.rollout import may_return
from calico_agent.model.container.supervision import DesiredContainer, Plan
from calico_agent.model.settings import SuperviseSettings
from calico_agent.plan.backoff import delay

# What starts calico/node; all of them are counted and wait for the backoff.
_Start = CreateContainer | StartContainer | ReplaceContainer | Promote | Rollback | RestartContainer

# What may be done although nothing proves that the identity is free: it goes on with a container that was made for it,
# or that keeps its own.
_HARMLESS = StartContainer | Promote | Rollback | RemoveContainer | RenameContainer | ClearRestartPolicy

# What may be done although calico/node must not be started: nothing is started or stopped by it.
_NO_START = RemoveContainer | RenameContainer | ClearRestartPolicy


def permit(
    step: Plan, wanted: DesiredContainer, docker: Docker, settings: SuperviseSettings, *, now: datetime, jitter: float
) -> Plan:
    """Return the step, if it may be taken now; else why not, or from when on. `jitter` is a random number of [0, 1)."""
    if step.action is None:
        return step
    if refused := _refusal(step.action, wanted, docker):
        return replace(step, action=None, doing=f"not {step.doing}: {refused}")
    if wanted.unproved and not _is_harmless(step.action, wanted, docker):
        return replace(step, action=None, doing=f"waiting before {step.doing}: {wanted.unproved}")
    # A clock that was set back must not keep the container down.
    until = min(step.attempts.not_before or now, now + settings.backoff_max)
    if now < until:
        seconds = (until - now).total_seconds()
        waiting = f"{step.doing} in {seconds:.0f} s, after {step.attempts.failures} starts that failed or did not last"
        return replace(step, action=None, doing=waiting, next_attempt=until)
    if not isinstance(step.action, _Start):
        return step
    again = _started_again(step.action, docker)
    wait = delay(step.attempts.failures, initial=settings.backoff_initial, longest=settings.backoff_max, jitter=jitter)
    counted = replace(
        step.attempts,
        failures=step.attempts.failures + 1,
        starts=step.attempts.starts + 1,
        restarts=step.attempts.restarts + (again is not None and again.started_at is not None),
        not_before=now + wait,
        spec=wanted.spec.hash if wanted.spec else "",
    )
    return replace(step, attempts=counted)


def _refusal(action: Action, wanted: DesiredContainer, docker: Docker) -> str:
    """Why calico/node must not be started by it: asked of the identity that it would run under."""
    if not _starts(action, docker):
        return ""
    return wanted.refused or (
        wanted.succession.own_barred if _of_another(action, wanted, docker) else wanted.succession.barred
    )


def _is_harmless(action: Action, wanted: DesiredContainer, docker: Docker) -> bool:
    goes_on = bool(wanted.succession.stays) or not _of_another(action, wanted, docker)
    return isinstance(action, _HARMLESS) and (goes_on or not _starts(action, docker))


def _starts(action: Action, docker: Docker) -> bool:
    """Whether anything is started by it: what still runs is only called by its name again."""
    again = _started_again(action, docker)
    runs_on = isinstance(action, Rollback) and again is not None and again.alive
    return not isinstance(action, _NO_START) and not runs_on


def _of_another(action: Action, wanted: DesiredContainer, docker: Docker) -> bool:
    """Whether it starts a container that was made for another name or address than is wanted now."""
    again = _started_again(action, docker)
    return wanted.spec is not None and again is not None and not may_return(again, wanted.spec)


def _started_again(action: Action, docker: Docker) -> Container | None:
    """The container that was made before and is started by it."""
    match action:
        case StartContainer(id=identity) | RestartContainer(id=identity) | Rollback(previous=identity):
            return next((found for found in docker.containers if found.id == identity), None)
    return None
