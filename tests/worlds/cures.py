"""What the printed cures do: those of the root make all well, and none makes a host worse on the way."""

from collections.abc import Iterator, Sequence

from calico_agent.model.finding import Finding, Severity
from tests.worlds.faults import Fault
from tests.worlds.heal import UnknownCureError, heal
from tests.worlds.health import complaints, false_alarms, unreached
from tests.worlds.looking import Look, look_at
from tests.worlds.model.settle import settle
from tests.worlds.model.values import World

_MOST_STEPS = 5


def uncured(
    before: World, broken: World, looks: Sequence[Look], knowing: Sequence[Look], fault: Fault
) -> Iterator[str]:
    """What is wrong with the cures that are printed on all hosts of a world with a fault.

    Many lead back to the world of before, which is well, and many to the same one.
    """
    followed = [before, broken]
    for look in looks:
        for root in look.roots:
            if root.severity is Severity.INFO:
                continue
            try:
                healed = heal(broken, look.hostname, root.cure)
            except UnknownCureError:
                yield f"unknown cure: {root.code}: {root.cure!r}, of {fault.name} on {look.hostname}"
                continue
            if healed in followed[: 1 if look in knowing else None]:
                continue
            followed.append(healed)
            if healed is not broken and (worse := list(_worse(broken, looks, healed))):
                yield f"worse: {fault.name}: by {root.cure!r} on {look.hostname}: {worse[:3]}"
            if look in knowing and root.code in fault.roots and not fault.incurable:
                yield from _still_ill(healed, root, look, fault)


def _worse(broken: World, looks: Sequence[Look], healed: World) -> Iterator[str]:
    """What works no more after a step, and who was well before it."""
    before, after = settle(broken), settle(healed)
    lost = {one.partition(" Arrival")[0] for one in unreached(before)}
    yield from (one for one in unreached(after) if one.partition(" Arrival")[0] not in lost)
    well = {one.hostname for one in looks if not any(complaints(one, broken))}
    for look in look_at(after):
        if look.hostname in well:
            yield from complaints(look, healed)


def _still_ill(world: World, root: Finding, look: Look, fault: Fault) -> Iterator[str]:
    """What is left when people go on, from one printed cure to the next, until there is nothing more to do."""
    done = [root.cure]
    for _ in range(_MOST_STEPS):
        left = false_alarms(world)
        if not left:
            return
        roots = ((each, one) for each in look_at(settle(world)) for one in each.roots)
        more = ((each.hostname, one.cure) for each, one in roots if one.severity is not Severity.INFO)
        step = next(((where, cure) for where, cure in more if _changes(world, where, cure)), None)
        if step is None:
            break
        world = heal(world, *step)
        done.append(step[1])
    yield f"not healed: {fault.name}: by {done} on {look.hostname}: {left[:3]}"


def _changes(world: World, where: str, cure: str) -> bool:
    try:
        return heal(world, where, cure) != world
    except UnknownCureError:
        return False
