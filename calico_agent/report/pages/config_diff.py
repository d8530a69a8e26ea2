"""What a reload of the configuration would do, before it is done: to its keys, and to the container."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from calico_agent.model.container.container import Container
from calico_agent.model.container.drift import restart_policy
from calico_agent.model.container.starter import why_not_taken_over
from calico_agent.model.container.supervision import DesiredContainer
from calico_agent.model.settings import DriftPolicy, Mode, SuperviseSettings
from calico_agent.text import counted

# What is read at the start of the agent only.
_NEEDS_RESTART = "http."
_NOT_SET = "not set"


@dataclass(frozen=True, slots=True)
class Outlook:
    """The host as it is, for a configuration: the container that should run, and the one that is there.

    `changes` is what would have to change in it. `unreadable` is why Docker could not be asked; empty when it could.
    """

    wanted: DesiredContainer
    container: Container | None
    changes: tuple[str, ...] = ()
    unreadable: str = ""


@dataclass(frozen=True, slots=True)
class Effect:
    """Sentences about it, and whether anything would change."""

    lines: tuple[str, ...]
    changes: bool


def changed_keys(used: Mapping[str, str], found: Mapping[str, str]) -> Effect:
    """Return both by key, with values as they may be shown."""
    names = [name for name in {**used, **found} if used.get(name) != found.get(name)]
    if not names:
        return Effect(("the configuration: no key changes",), False)
    lines = [f"the configuration: {counted(len(names), 'key')} would change"]
    for name in names:
        restart = " (only with a restart of calico-agent)" if name.startswith(_NEEDS_RESTART) else ""
        lines.append(f"  {name}: {used.get(name, _NOT_SET)} becomes {found.get(name, _NOT_SET)}{restart}")
    return Effect(tuple(lines), True)


def container_effect(outlook: Outlook, mode: Mode, settings: SuperviseSettings) -> Effect:
    """Return what becomes of the calico/node container."""
    wanted, container = outlook.wanted, outlook.container
    if mode is Mode.OBSERVE:
        return Effect(("the container: is not touched (mode observe)",), False)
    if outlook.unreadable:
        return Effect((f"the container: cannot tell what becomes of it: {outlook.unreadable}",), True)
    if wanted.spec is None:
        return Effect((f"the container: none would be started: {wanted.why_not}",), True)
    if container is None:
        return _listed(f"would be made from {wanted.spec.image}", (), wanted)
    if not container.managed:
        return _listed(*_foreign(container, outlook, settings), wanted)
    if not outlook.changes:
        return Effect((f"the container: {container.name} is kept as it is",), False)
    return _listed(*_ours(container, outlook, settings), wanted)


def _foreign(container: Container, outlook: Outlook, settings: SuperviseSettings) -> tuple[str, tuple[str, ...]]:
    name = container.name
    if not container.alive:
        return f"{name} is not calico-agent's and does not run: it would be set aside, and one be made", outlook.changes
    if not settings.take_over:
        return f"{name} is not calico-agent's: it would be left alone", outlook.changes
    if reason := why_not_taken_over(container):
        return f"{name} is not calico-agent's and would be left alone: {reason}", outlook.changes
    return f"{name} is not calico-agent's: it would be replaced (supervise.take_over)", outlook.changes


def _ours(container: Container, outlook: Outlook, settings: SuperviseSettings) -> tuple[str, tuple[str, ...]]:
    if settings.on_drift is DriftPolicy.REPORT:
        return f'{container.name} is kept, and what differs reported (on_drift = "report")', outlook.changes
    if outlook.changes == restart_policy(container):
        return f"{container.name} would be updated without a restart", outlook.changes
    return f"{container.name} would be replaced, the old one kept until the new one is ready", outlook.changes


def _listed(what: str, changes: tuple[str, ...], wanted: DesiredContainer) -> Effect:
    lines = [f"the container: {what}", *(f"  {change}" for change in changes)]
    return Effect((*lines, *(f"  not now: {reason}" for reason in objections(wanted))), True)


def objections(wanted: DesiredContainer) -> Iterator[str]:
    """Yield what forbids the start of the wanted container now, or could not be looked at."""
    after = wanted.succession
    stays = f"what runs here stays as it is, because {after.stays}; {after.on_purpose}" if after.stays else ""
    yield from dict.fromkeys(filter(None, (wanted.why_not, wanted.refused, after.barred, wanted.unproved, stays)))
