"""The calico/node container: is there one, does it run, does its start get on, is it ours.

Running is not started: its process list stays up while the start-up program waits for etcd, and BIRD does not run then.
"""

from collections.abc import Iterator

from calico_agent.checks.commands import how_to_start, logs_here, restart_here
from calico_agent.checks.container.refused import explained
from calico_agent.checks.container.supervision import in_one_sentence, loops, stays_stopped
from calico_agent.expected.view import View
from calico_agent.faults.node.container import SV_ABSENT, SV_EXITED, SV_FOREIGN, SV_NOT_RUNNING, SV_STUCK, SV_TWO
from calico_agent.faults.node.supervision import SV_ROLLED_BACK
from calico_agent.model.calico.bird import Bird
from calico_agent.model.container.container import Container, ContainerState, Docker
from calico_agent.model.container.drift import differences
from calico_agent.model.container.rollout import refused
from calico_agent.model.container.starter import how_to_end, starter_of, still_active, why_not_taken_over
from calico_agent.model.finding import Finding
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import SuperviseSettings

# BIRD is not there at all; a BIRD that hangs, or that may not be asked, says nothing about the start.
_NO_BIRD = frozenset({"absent", "refused"})

_LONGEST_QUOTE = 200


def find_container(view: View) -> Iterator[Finding]:
    """Yield what is wrong with the container."""
    docker, container = view.observation.docker, view.local.container
    if container is None:
        if not isinstance(view.observation.bird, Bird) and (isinstance(docker, Docker) or _is_the_kubelets(view)):
            yield _absent(view)
        return
    if isinstance(docker, Docker):
        yield from _second(view, docker.containers, container)
    if container.state in {ContainerState.EXITED, ContainerState.RESTARTING, ContainerState.DEAD}:
        if not loops(view) and not stays_stopped(view):
            yield _exited(view, container)
    elif not container.running:
        yield _not_running(view, container)
    elif _start_is_stuck(view, container):
        yield _stuck(view, container)
    if view.supervised and container.alive and not container.managed:
        yield _foreign(view, container)


def _is_the_kubelets(view: View) -> bool:
    """Whether this host has no Docker, and a kubelet that is to run calico/node."""
    return view.observation.without_docker and not view.supervised


def _absent(view: View) -> Finding:
    cure = "calico-agent makes it" if view.supervised else how_to_start(view)
    docker = view.observation.docker
    if view.supervised and isinstance(docker, Docker) and docker.unit:
        cure = f"calico-agent does not make it: {still_active(docker.unit)}"
    elif against := view.succession.barred or view.succession.stays:
        cure = f"calico-agent does not make it while this holds: {against}; {view.succession.on_purpose}"
        cure = cure.removesuffix("; ")
    none = "no Felix runs here" if isinstance(docker, Unreadable) else "Docker has none, running or stopped"
    return SV_ABSENT.finding(
        view.me,
        "there is no calico/node container on this host",
        why=f"{none}, and no BIRD answers",
        effect="routes and policies stay as they were left, if there ever were any",
        cure=cure,
        node=view.me,
    )


def _exited(view: View, container: Container) -> Finding:
    hint = container.log_hint
    how = container.ending
    if container.state is ContainerState.RESTARTING:
        how = f"{how} and is started again and again ({container.restart_count} times so far)"
    reason = hint.sentence if hint else container.error
    evidence, cure = explained(view, container, hint)
    return SV_EXITED.finding(
        container.name,
        f"container {container.name} {how}{f': {reason}' if reason else ''}",
        why=evidence,
        effect="routes here stay as they are; peers drop the routes to this host's pods after some minutes",
        cure=cure,
        node=view.me,
    )


def _not_running(view: View, container: Container) -> Finding:
    command = "unpause" if container.state is ContainerState.PAUSED else "start"
    return SV_NOT_RUNNING.finding(
        container.name,
        f"container {container.name} is {container.state.value}, not running",
        why=container.error,
        effect="routes here stay as they are; peers drop the routes to this host's pods after some minutes",
        cure=f"docker {command} {container.name}" if container.runtime == "docker" else restart_here(view),
        node=view.me,
    )


def _start_is_stuck(view: View, container: Container) -> bool:
    bird = view.observation.bird
    no_bird = isinstance(bird, Unreadable) and bird.code in _NO_BIRD
    if not no_bird or not view.local.uses_bird or view.starting:
        return False
    if container.programs:
        return False  # start-up is over; it is BIRD that ended
    if container.log_hint is not None:
        return True
    # Without a word in the log only the process tree tells a start that hangs from a BIRD that ended.
    settings = view.supervising.settings if view.supervising else SuperviseSettings()
    running_for = view.observation.at - (container.started_at or view.observation.at)
    return container.programs == () and running_for >= settings.start_deadline


def _stuck(view: View, container: Container) -> Finding:
    hint = container.log_hint
    last = next((line.strip() for line in reversed(container.log_tail) if line.strip()), "")
    return SV_STUCK.finding(
        container.name,
        f"container {container.name} runs, but its start does not get on"
        + (f": {hint.sentence}" if hint else f"; the last line of its log: {last[:_LONGEST_QUOTE]}" if last else ""),
        why=f"its log: {hint.line}" if hint else "neither Felix nor BIRD nor confd runs in it",
        effect="BIRD does not run: routes stay as they are and do not follow the cluster",
        cure=hint.cure if hint else logs_here(view),
        node=view.me,
    )


def _foreign(view: View, container: Container) -> Finding:
    spec = view.supervising.spec if view.supervising else None
    changed = differences(container, spec) if spec else ()
    starter, end = starter_of(container), how_to_end(container)
    effect = "calico-agent watches it and does not touch it"
    cure = "stop what starts it for good, then remove it; or set [supervise] take_over = true"
    if starter:
        effect, cure = f"{effect}: {starter} would start it again", f"{end}; calico-agent then starts its own"
    elif view.takes_over and (reason := why_not_taken_over(container)):
        cure = reason
    elif view.takes_over and _is_refused(view):
        effect, cure = "it goes on: what was to take over did not get ready", f"{SV_ROLLED_BACK.code} says why"
    elif view.takes_over and (against := view.succession.stays or view.succession.barred):
        cure = f"it is not taken over while this holds: {against}; {view.succession.on_purpose}".removesuffix("; ")
    elif view.takes_over and container.state is not ContainerState.PAUSED:
        effect, cure = "it goes on until it is taken over", "calico-agent takes it over (supervise.take_over)"
    return SV_FOREIGN.finding(
        container.name,
        f"container {container.name} was not made by calico-agent, which is to supervise calico/node here",
        why=f"image {container.image}, restart policy {container.restart_policy or 'no'}"
        + (f"; what taking over would change: {in_one_sentence(changed)}" if changed else ""),
        effect=effect,
        cure=cure,
        node=view.me,
    )


def _is_refused(view: View) -> bool:
    docker, supervising = view.observation.docker, view.supervising
    if supervising is None or supervising.spec is None or not isinstance(docker, Docker):
        return False
    return refused(docker, supervising.spec, supervising.settings.pull) is not None


def _second(view: View, containers: tuple[Container, ...], counted: Container) -> Iterator[Finding]:
    second = next((found for found in containers if found.running and found.id != counted.id), None)
    if counted.running and second is not None:
        yield SV_TWO.finding(
            second.name,
            f"two calico/node containers run on this host: {counted.name} and {second.name}",
            why=f"images {counted.image} and {second.image}",
            effect="each undoes the routes and rules of the other",
            cure=f"{how_to_end(second) or f'stop {second.name} together with what starts it'}; or stop {counted.name}",
            node=view.me,
        )
