"""The container that is there, and the one that is wanted in its place: when the one gives way to the other."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from calico_agent.model.container.action import Action, Promote, ReplaceContainer
from calico_agent.model.container.container import Container, ContainerSpec, ContainerState, Docker
from calico_agent.model.container.rollout import parts_of, refused, same_identity
from calico_agent.model.container.starter import why_not_taken_over
from calico_agent.model.container.supervision import Attempts, Plan, Progress, Succession
from calico_agent.model.report import TimedProblem
from calico_agent.model.settings import SuperviseSettings
from calico_agent.plan.image import ImageStep
from calico_agent.plan.patience import is_early, noted
from calico_agent.plan.rollout import set_aside


@dataclass(frozen=True, slots=True)
class Case:
    """Everything a step is chosen from."""

    docker: Docker
    spec: ContainerSpec
    succession: Succession
    settings: SuperviseSettings
    problems: tuple[TimedProblem, ...]
    progress: Progress
    image: ImageStep
    now: datetime
    hold_down: timedelta
    etcd_since: datetime | None


def take_over(container: Container, attempts: Attempts, case: Case) -> Plan:
    """Return a container of that name which somebody else made.

    A stopped one is only renamed: its name is needed, its log may still be. A running one is replaced, with leave, as
    one of ours is, so that it runs again when its successor does not get ready.
    """
    name = container.name
    if not container.alive:
        doing = f"setting the stopped container {name} aside: calico-agent did not make it"
        return Plan(set_aside(container, name), doing, attempts)
    if container.state is ContainerState.PAUSED:
        return Plan(None, f"container {name} is paused, and is not ours", attempts)
    if not case.settings.take_over:
        return Plan(None, f"container {name} runs and is not ours; supervise.take_over = true replaces it", attempts)
    if reason := why_not_taken_over(container):
        return Plan(None, f"not taking over from container {name}: {reason}", attempts)
    if back := refused(case.docker, case.spec, case.settings.pull):
        doing = f"{name} runs as before: what was to take over did not get ready, see docker logs {back.name}"
        return Plan(None, doing, attempts)
    if case.succession.stays:
        return Plan(None, staying(container, case.succession), attempts)
    if case.image.missing:
        return Plan(None, f"waiting to take over from {name}: {case.image.doing}", attempts, case.image.next_attempt)
    attempts = noted(attempts, case.spec, case.now)
    doing = f"taking over from container {name} (supervise.take_over)"
    early = is_early(attempts, case.succession, case.hold_down, case.now, moves=True)
    if early and not same_identity(container, case.spec):
        return Plan(None, f"{doing}, with another name or address, if that lasts", attempts)
    return replace(replacing(container, "supervise.take_over", attempts, case), doing=doing)


def staying(container: Container, succession: Succession) -> str:
    """Return what is said of one that stays as it is."""
    return f"{container.name} keeps its name and address, because {succession.stays}; {succession.on_purpose}"


def replace_drifted(container: Container, attempts: Attempts, case: Case) -> Plan:
    """Return one of ours that is not, or not any more, what is wanted."""
    attempts = noted(attempts, case.spec, case.now)
    if back := refused(case.docker, case.spec, case.settings.pull):
        doing = f"{container.name} runs as before: what is wanted did not get ready, see docker logs {back.name}"
        return Plan(None, doing, attempts)
    if case.image.missing:
        doing = f"{container.name} runs until its successor can be made: {case.image.doing}"
        return Plan(None, doing, attempts, case.image.next_attempt)
    # What has ended waits, too, before it becomes another node: at boot addresses come one after the other.
    moves = not same_identity(container, case.spec)
    if (container.running or moves) and is_early(attempts, case.succession, case.hold_down, case.now, moves=moves):
        how = "runs with other settings than wanted" if container.running else "was made for another name or address"
        return Plan(None, f"{container.name} {how}; replacing it if that lasts", attempts)
    return replacing(container, "its image, environment or mounts are not the wanted ones", attempts, case)


def replacing(container: Container, reason: str, attempts: Attempts, case: Case) -> Plan:
    """Return the plan that puts the wanted one in its place, which may have been made already."""
    made = parts_of(case.docker, case.spec.name).next
    action: Action = ReplaceContainer(container.id, case.spec, reason)
    if made is not None:
        action = Promote(made.id, container.id, case.spec.name, reason)
    attempts = replace(attempts, sessions=case.progress.established if container.running else 0)
    return Plan(action, f"replacing {container.name}: {reason}", attempts)
