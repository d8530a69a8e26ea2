"""How far calico/node has come since it was started.

Its container runs from the first moment, so each stage has evidence of its own: `created`, Docker has it; `starting`,
its process 1 runs; `programs up`, BIRD answers on its socket (where BIRD is not used: Felix runs); `ready`, its
programs do their work, and its sessions and this host's routes are as they should be.
"""

from collections.abc import Iterable

from calico_agent.expected.view import View
from calico_agent.model.assessment import StageReached
from calico_agent.model.calico.bird import Bird
from calico_agent.model.container.container import ContainerState
from calico_agent.model.container.program import Stage
from calico_agent.model.finding import Condition, ConditionType, Status
from calico_agent.text import listed

_LAST_CONDITIONS = (
    ConditionType.CONTAINER_RUNNING,
    ConditionType.BGP_ESTABLISHED,
    ConditionType.ROUTES_IN_PLACE,
)


def stage_of(view: View, conditions: tuple[Condition, ...]) -> StageReached | None:
    """Return the stage and its evidence; None while no container is on its way."""
    container = view.local.container
    if container is None:
        return None
    if container.state is ContainerState.CREATED:
        return StageReached(Stage.CREATED, "Docker has made it, nothing runs yet")
    if not container.running:
        return None
    running = tuple(program.name for program in container.programs or () if program.pid)
    bird = view.observation.bird
    if view.local.uses_bird and not isinstance(bird, Bird):
        evidence = f"{listed(running)} running" if running else "no program runs yet"
        hint = f"; {container.log_hint.sentence}" if container.log_hint and not running else ""
        return StageReached(Stage.STARTING, f"{evidence}; {bird.reason}{hint}")
    if not view.local.uses_bird and not running:
        return StageReached(Stage.STARTING, "no program runs yet")
    return _last(conditions)


def stage_by(stage: StageReached | None, conditions: Iterable[Condition]) -> StageReached | None:
    """Return the same stage where `conditions` are those that count: what is only suspected makes no container less
    ready.
    """
    return _last(conditions) if stage is not None and stage.stage in {Stage.PROGRAMS_UP, Stage.READY} else stage


def _last(conditions: Iterable[Condition]) -> StageReached:
    missing = [one for one in conditions if one.type in _LAST_CONDITIONS and one.status is not Status.TRUE]
    if missing:
        return StageReached(Stage.PROGRAMS_UP, f"{missing[0].type.value} is {missing[0].status.value}")
    return StageReached(Stage.READY, "sessions and routes are as they should be")
