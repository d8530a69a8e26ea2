"""What to do about the calico/node container, if anything.

A healthy container is never touched, one that this agent did not make is never killed without leave, and where
something is not known (Docker or the identity) nothing is done: what runs goes on running.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from calico_agent.model.container.action import (
    ClearRestartPolicy,
    CreateContainer,
    RenameContainer,
    RestartContainer,
    StartContainer,
)
from calico_agent.model.container.container import Container, ContainerSpec, ContainerState, Docker
from calico_agent.model.container.image import Pull
from calico_agent.model.container.rollout import drift, parts_of, same_identity
from calico_agent.model.container.starter import already_runs, still_active
from calico_agent.model.container.supervision import Attempts, DesiredContainer, Plan, Progress
from calico_agent.model.maintenance import Order
from calico_agent.model.observation import Unreadable
from calico_agent.model.report import TimedProblem
from calico_agent.model.settings import DriftPolicy, SuperviseSettings
from calico_agent.plan.image import plan_image
from calico_agent.plan.maintenance.restart_on_order import open_order, restart_on_order
from calico_agent.plan.patience import may_pass, noted
from calico_agent.plan.permission import permit
from calico_agent.plan.replacement import Case, replace_drifted, replacing, staying, take_over
from calico_agent.plan.restart_reason import restart_reason
from calico_agent.plan.rollout import Rollout, plan_rollout

# An action that failed is not tried again before that.
_PAUSE_AFTER_ERROR = timedelta(seconds=1)


def plan_supervision(
    docker: Docker | Unreadable,
    wanted: DesiredContainer,
    attempts: Attempts,
    settings: SuperviseSettings,
    *,
    problems: Iterable[TimedProblem] = (),
    progress: Progress = Progress(),  # noqa: B008 - a frozen value
    pull: Pull | None = None,
    order: Order | None = None,
    etcd_since: datetime | None = None,
    now: datetime,
    hold_down: timedelta,
    jitter: float,
) -> Plan:
    """Return the next step towards the wanted container; one step at a time, the next pass sees what came of it.

    `problems` are those of the report of this pass, `progress` is how far the container that runs has come, and `pull`
    the last fetching of an image; `order` is what somebody asks for now; `etcd_since` is since when etcd answers the
    agent (None: it does not). `hold_down` is how long another specification must be wanted before a running container
    is replaced, so that an address that is gone for a moment costs nothing. `jitter` is a random number of [0, 1).
    """
    if isinstance(docker, Unreadable):
        return Plan(None, f"waiting for Docker: {docker.reason}", attempts)
    if wanted.spec is None:
        return Plan(None, f"not starting calico/node: {wanted.why_not}", attempts)
    image = plan_image(docker, wanted.spec, pull, settings, now)
    case = Case(
        docker, wanted.spec, wanted.succession, settings, tuple(problems), progress, image, now, hold_down, etcd_since
    )
    attempts = _of_this_specification(attempts, wanted.spec)
    permitted = partial(permit, wanted=wanted, docker=docker, settings=settings, now=now, jitter=jitter)
    asked = open_order(order, attempts)
    not_done = ""
    if asked is not None:
        plan = permitted(restart_on_order(asked, docker, wanted.spec.name, attempts))
        if plan.action is not None:
            return replace(plan, attempts=replace(plan.attempts, order=asked.id), pull=image.pull)
        not_done = f"{plan.doing}; "
    plan = permitted(_next_step(docker, attempts, case))
    return replace(plan, doing=not_done + plan.doing, pull=image.pull)


def record_error(attempts: Attempts, error: str, at: datetime) -> Attempts:
    """Return the memory after an action ended with `error` (empty: it was done)."""
    pause = at + _PAUSE_AFTER_ERROR
    if error and (attempts.not_before is None or attempts.not_before < pause):
        attempts = replace(attempts, not_before=pause)
    return replace(attempts, last_error=error)


def _of_this_specification(attempts: Attempts, spec: ContainerSpec) -> Attempts:
    """Failures of another specification say nothing about this one: who corrects the configuration need not wait."""
    if attempts.spec in {"", spec.hash}:
        return attempts
    return replace(attempts, failures=0, not_before=None, spec="", last_failure="", hint=None)


def _next_step(docker: Docker, attempts: Attempts, case: Case) -> Plan:
    name = case.spec.name
    rollout = Rollout(case.spec, case.settings, case.progress, case.etcd_since, case.now, case.succession)
    begun = plan_rollout(docker, attempts, rollout)
    if begun is not None:
        return begun
    parts = parts_of(docker, name)
    container = parts.current
    kept = {part.id for part in (parts.next, parts.previous, parts.refused) if part is not None and not part.alive}
    others = [found for found in docker.containers if found.name != name and found.id not in kept]
    others.sort(key=lambda found: not found.alive)
    ours = next((found for found in others if found.managed), None)
    if container is None and ours is not None and (ours.alive or not any(found.alive for found in others)):
        action = RenameContainer(ours.id, name, f"it is called {ours.name}")
        return Plan(action, f"calling {ours.name} {name} again", attempts)
    other = next((found for found in others if found.alive), None)
    if other is not None:
        return Plan(None, already_runs(other), attempts)
    if docker.unit and not (container and (container.alive or container.managed)):
        return Plan(None, f"waiting before creating {name}: {still_active(docker.unit)}", attempts)
    if container is None and (case.succession.stays or case.succession.coming_back):
        attempts, why = noted(attempts, case.spec, case.now), case.succession.stays or case.succession.coming_back
        if case.succession.stays or may_pass(attempts, case.succession, case.now):
            return Plan(None, f"waiting before creating {name}: {why}", attempts)
    if container is None and case.image.missing:
        return Plan(None, f"waiting to create {name}: {case.image.doing}", attempts, case.image.next_attempt)
    if container is None:
        return Plan(CreateContainer(case.spec, "there is none"), f"creating {name}", attempts)
    if not container.managed:
        return take_over(container, attempts, case)
    return _ours(container, attempts, case)


def _ours(container: Container, attempts: Attempts, case: Case) -> Plan:
    """Who the node is comes before everything else that may differ (`on_drift`)."""
    if case.settings.respect_stop and _stopped_by_hand(container, attempts):
        return _ended(container, attempts, case)
    replaces = case.settings.on_drift is DriftPolicy.REPLACE
    if replaces and container.restarted_by_docker:
        policy = container.restart_policy
        forbid = ClearRestartPolicy(container.id, f"its restart policy is {policy}")
        return Plan(forbid, f"taking the restart policy {policy} from {container.name}", attempts)
    if container.alive and not container.running:
        advice = f"; go on with: docker unpause {container.name}" if container.state is ContainerState.PAUSED else ""
        return Plan(None, f"{container.name} is {container.state.value}{advice}", attempts)
    same = same_identity(container, case.spec)
    gives_way = replaces if same else not case.succession.keeps(container)
    if gives_way and drift(container, case.spec, case.docker, case.settings.pull):
        step = replace_drifted(container, attempts, case)
        # One that has ended may be started again as it was, while its successor cannot be made.
        if step.action is not None or container.running or not same:
            return step
    else:
        attempts = replace(attempts, drift="", drift_since=None)
    if container.state in {ContainerState.EXITED, ContainerState.CREATED}:
        return _ended(container, attempts, case)
    if container.state is ContainerState.DEAD:
        return replacing(container, "it is dead", attempts, case)
    if not container.running:
        return Plan(None, f"{container.name} is {container.state.value}", attempts)
    seen = case.progress.seen
    if reason := restart_reason(container, case.problems, case.settings, case.now, case.etcd_since, seen=seen):
        action = RestartContainer(container.id, reason)
        ailing = replace(attempts, last_failure=f"was restarted because {reason}", hint=container.log_hint)
        return Plan(action, f"restarting {container.name}: {reason}", ailing)
    if container.started_at and case.now - container.started_at >= case.settings.stable_after:
        attempts = replace(
            attempts, failures=0, not_before=None, spec="", last_failure="", hint=None, stopped_at=None, last_error=""
        )
    doing = f"{container.name} is {container.state.value}" if same else staying(container, case.succession)
    return Plan(None, doing, attempts)


def _ended(container: Container, attempts: Attempts, case: Case) -> Plan:
    """One of ours that does not run. Docker forgets in time that it was asked to stop it, so that is remembered."""
    if container.finished_at is None:
        action = StartContainer(container.id, "it was never started")
        return Plan(action, f"starting {container.name}: it was never started", attempts)
    by_hand = _stopped_by_hand(container, attempts)
    attempts = replace(attempts, stopped_at=container.finished_at if by_hand else None)
    if by_hand and case.settings.respect_stop:
        doing = f"leaving {container.name} stopped, as somebody asked (supervise.respect_stop); docker start undoes it"
        return Plan(None, doing, attempts)
    reason = f"it {container.ending}"
    attempts = replace(attempts, last_failure=container.ending, hint=container.log_hint)
    return Plan(StartContainer(container.id, reason), f"starting {container.name}: {reason}", attempts)


def _stopped_by_hand(container: Container, attempts: Attempts) -> bool:
    if container.state is not ContainerState.EXITED or container.finished_at is None:
        return False
    return container.stopped_by_hand or container.finished_at == attempts.stopped_at
