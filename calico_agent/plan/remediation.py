"""What to do about the calico/node container, if anything.

A healthy container is never touched, one that this agent did not make is never killed without leave, and where
something is not known (Docker or the identity) nothing is done: what runs goes on running.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from calico_agent.model.action import (
    Attempts,
    CreateContainer,
    Plan,
    ReplaceContainer,
    SetAside,
    StartContainer,
    Wanted,
)
from calico_agent.model.container import Container, ContainerSpec, ContainerState, Docker
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import SuperviseSettings
from calico_agent.plan.backoff import delay


def plan_supervision(
    docker: Docker | Unreadable,
    wanted: Wanted,
    attempts: Attempts,
    settings: SuperviseSettings,
    *,
    now: datetime,
    hold_down: timedelta,
    jitter: float,
) -> Plan:
    """The next step towards the wanted container; one step at a time, the next pass sees what came of it.

    `hold_down` is how long another specification must be wanted before a running container is replaced, so that an
    address that is gone for a moment costs nothing. `jitter` is a random number of [0, 1).
    """
    if isinstance(docker, Unreadable):
        return Plan(None, f"waiting for Docker: {docker.reason}", attempts)
    if wanted.spec is None:
        return Plan(None, f"not starting calico/node: {wanted.why_not}", attempts)
    step = _next_step(docker, wanted.spec, attempts, settings, now=now, hold_down=hold_down)
    if step.action is None:
        return step
    if wanted.unproved and not isinstance(step.action, StartContainer):
        return replace(step, action=None, doing=f"waiting before {step.doing}: {wanted.unproved}")
    if step.attempts.not_before is not None and now < step.attempts.not_before:
        seconds = (step.attempts.not_before - now).total_seconds()
        waiting = f"{step.doing} in {seconds:.0f} s, after {step.attempts.failures} starts that failed or did not last"
        return replace(step, action=None, doing=waiting, next_attempt=step.attempts.not_before)
    return _count_start(step, settings, now=now, jitter=jitter)


def record_error(attempts: Attempts, error: str) -> Attempts:
    """The memory after an action ended with `error` (empty: it was done)."""
    return replace(attempts, last_error=error)


def _next_step(
    docker: Docker,
    spec: ContainerSpec,
    attempts: Attempts,
    settings: SuperviseSettings,
    *,
    now: datetime,
    hold_down: timedelta,
) -> Plan:
    container = next((found for found in docker.containers if found.name == spec.name), None)
    other = next((found for found in docker.containers if found.alive and found.name != spec.name), None)
    if other is not None:
        return Plan(None, f"container {other.name} already runs calico/node here; a second would fight it", attempts)
    if container is None:
        return Plan(CreateContainer(spec, "there is none"), f"creating {spec.name}", attempts)
    if not container.managed:
        return _foreign(container, attempts, take_over=settings.take_over)
    if container.spec_hash != spec.hash:
        return _drifted(container, spec, attempts, now=now, hold_down=hold_down)
    attempts = replace(attempts, drift="", drift_since=None)
    if container.state in {ContainerState.EXITED, ContainerState.CREATED}:
        reason = f"it exited with code {container.exit_code}" if container.finished_at else "it was never started"
        return Plan(StartContainer(container.id, reason), f"starting {spec.name}: {reason}", attempts)
    if container.state is ContainerState.DEAD:
        return Plan(ReplaceContainer(container.id, spec, "it is dead"), f"replacing {spec.name}: it is dead", attempts)
    if container.running and container.started_at and now - container.started_at >= settings.stable_after:
        attempts = replace(attempts, failures=0, not_before=None, last_error="")
    return Plan(None, f"{spec.name} is {container.state.value}", attempts)


def _foreign(container: Container, attempts: Attempts, *, take_over: bool) -> Plan:
    """A container of that name which somebody else made.

    A stopped one is only renamed: its name is needed, its log may still be. A running one is another manager's.
    """
    aside = SetAside(
        container.id, f"{container.name}-before-calico-agent-{container.id[:6]}", "not made by calico-agent"
    )
    if not container.alive:
        return Plan(
            aside, f"setting the stopped container {container.name} aside: calico-agent did not make it", attempts
        )
    if take_over:
        return Plan(aside, f"taking over from container {container.name} (supervise.take_over)", attempts)
    return Plan(
        None, f"container {container.name} runs and is not ours; supervise.take_over = true replaces it", attempts
    )


def _drifted(
    container: Container, spec: ContainerSpec, attempts: Attempts, *, now: datetime, hold_down: timedelta
) -> Plan:
    if attempts.drift != spec.hash or attempts.drift_since is None:
        attempts = replace(attempts, drift=spec.hash, drift_since=now)
    since = attempts.drift_since or now
    if container.running and now - since < hold_down:
        return Plan(None, f"{spec.name} runs with other settings than wanted; replacing it if that lasts", attempts)
    reason = "its image, environment or mounts are not the wanted ones"
    return Plan(ReplaceContainer(container.id, spec, reason), f"replacing {spec.name}: {reason}", attempts)


def _count_start(step: Plan, settings: SuperviseSettings, *, now: datetime, jitter: float) -> Plan:
    if isinstance(step.action, SetAside):
        return step  # nothing was started
    wait = delay(step.attempts.failures, initial=settings.backoff_initial, longest=settings.backoff_max, jitter=jitter)
    counted = replace(
        step.attempts,
        failures=step.attempts.failures + 1,
        starts=step.attempts.starts + 1,
        not_before=now + wait,
    )
    return replace(step, attempts=counted)
