"""Whether a step may be taken now: what forbids it, what must be known before it, and the wait after failures."""

from dataclasses import replace
from datetime import datetime

from calico_agent.model.action import (
    CreateContainer,
    ForbidRestarts,
    Plan,
    PutInPlace,
    RemoveContainer,
    RenameContainer,
    ReplaceContainer,
    RestartContainer,
    StartContainer,
    TakeBack,
    Wanted,
)
from calico_agent.model.settings import SuperviseSettings
from calico_agent.plan.backoff import delay

# What starts calico/node under this identity; all of them are counted and wait for the backoff.
_Start = CreateContainer | StartContainer | ReplaceContainer | PutInPlace | TakeBack | RestartContainer

# What may be done although nothing proves that the identity is free: it goes on with a container that was made for it.
_HARMLESS = StartContainer | PutInPlace | TakeBack | RemoveContainer | RenameContainer | ForbidRestarts

# What may be done although calico/node must not be started: nothing is started or stopped by it.
_NO_START = RemoveContainer | RenameContainer | ForbidRestarts


def permit(step: Plan, wanted: Wanted, settings: SuperviseSettings, *, now: datetime, jitter: float) -> Plan:
    """The step, if it may be taken now; else why not, or from when on. `jitter` is a random number of [0, 1)."""
    if step.action is None:
        return step
    if wanted.refused and not isinstance(step.action, _NO_START):
        return replace(step, action=None, doing=f"not {step.doing}: {wanted.refused}")
    if wanted.unproved and not isinstance(step.action, _HARMLESS):
        return replace(step, action=None, doing=f"waiting before {step.doing}: {wanted.unproved}")
    # A clock that was set back must not keep the container down.
    until = min(step.attempts.not_before or now, now + settings.backoff_max)
    if now < until:
        seconds = (until - now).total_seconds()
        waiting = f"{step.doing} in {seconds:.0f} s, after {step.attempts.failures} starts that failed or did not last"
        return replace(step, action=None, doing=waiting, next_attempt=until)
    if not isinstance(step.action, _Start):
        return step
    wait = delay(step.attempts.failures, initial=settings.backoff_initial, longest=settings.backoff_max, jitter=jitter)
    counted = replace(
        step.attempts,
        failures=step.attempts.failures + 1,
        starts=step.attempts.starts + 1,
        not_before=now + wait,
        spec=wanted.spec.hash if wanted.spec else "",
    )
    return replace(step, attempts=counted)
