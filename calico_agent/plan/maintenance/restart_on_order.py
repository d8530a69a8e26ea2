"""A restart that somebody asked for: done at once, whatever the backoff, and only where a start is not forbidden."""

from dataclasses import replace

from calico_agent.model.container.action import RestartContainer, StartContainer
from calico_agent.model.container.container import Container, ContainerState, Docker
from calico_agent.model.container.rollout import parts_of
from calico_agent.model.container.starter import already_runs
from calico_agent.model.container.supervision import Attempts, Plan
from calico_agent.model.maintenance import Deed, Order


def open_order(order: Order | None, attempts: Attempts) -> Order | None:
    """The restart that is asked for and was not made yet, if any."""
    wanted = order is not None and order.deed is Deed.RESTART and order.id != attempts.order
    return order if wanted else None


def restart_on_order(order: Order, docker: Docker, name: str, attempts: Attempts) -> Plan:
    """The step that fulfils it; without an action where there is nothing of ours to restart. Nothing is replaced."""
    parts = parts_of(docker, name)
    container = parts.current
    fresh = replace(attempts, failures=0, not_before=None, last_failure="", hint=None, stopped_at=None)
    if container is None or not container.managed:
        whose = f"there is no container {name}" if container is None else f"calico-agent did not make {name}"
        return Plan(None, f"not restarting {name} on demand: {whose}", attempts)
    if parts.next is not None or parts.previous is not None:
        return Plan(None, f"not restarting {name} on demand: it is being replaced", attempts)
    other = next((found for found in docker.containers if found.alive and found.id != container.id), None)
    if other is not None:
        return Plan(None, f"not restarting {name} on demand: {already_runs(other)}", attempts)
    if container.running:
        return Plan(RestartContainer(container.id, str(order)), f"restarting {name} on demand", fresh)
    if _ended(container):
        return Plan(StartContainer(container.id, str(order)), f"starting {name} on demand", fresh)
    return Plan(None, f"not restarting {name} on demand: it is {container.state.value}", attempts)


def _ended(container: Container) -> bool:
    return container.state in {ContainerState.EXITED, ContainerState.CREATED}
