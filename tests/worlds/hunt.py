"""Batches of worlds, each in a process of its own: what one leaves in memory is gone with it."""

import math
import time
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.synchronize import Event
from signal import SIG_IGN, SIGINT, signal

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Flaky

from tests.worlds.properties import wrong
from tests.worlds.strategies import Case, cases

_FORK = get_context("fork")  # the modules are loaded already; no thread runs here that a fork would cut off


@dataclass(frozen=True)
class Failure:
    """A case of which something does not hold. `smallest`: hypothesis shrunk it to the end."""

    batch: int
    case: Case
    said: tuple[str, ...]
    smallest: bool = False


@dataclass
class Found:
    """How many worlds were looked at, and of each kind of failure one case."""

    worlds: int = 0
    failures: dict[str, Failure] = field(default_factory=dict)

    def add(self, other: "Found") -> None:
        """Count it, too; a smallest case takes the place of another one."""
        self.worlds += other.worlds
        for kind, one in other.failures.items():
            known = self.failures.get(kind)
            if known is None or (one.smallest and not known.smallest):
                self.failures[kind] = one


class _Over(KeyboardInterrupt):
    """The time is over. hypothesis lets nothing else through."""


@dataclass(frozen=True)
class Batch:
    """`size` worlds out of a seed, until a time by the monotonic clock (s), and what should hold of them."""

    number: int
    until: float = math.inf
    size: int = 200
    holds: Callable[[Case], list[str]] = wrong


def look_at(batch: Batch, known: Collection[str] = (), over: Callable[[], bool] = lambda: False) -> Found:
    """What fails in a batch. The first failure of a kind that is not known is shrunk; others are kept as they are."""
    found, shrunk = Found(), set[str]()

    @seed(batch.number)
    @settings(
        max_examples=batch.size,
        deadline=None,
        database=None,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    @given(cases())
    def every_world(case: Case) -> None:
        if over() or time.monotonic() > batch.until:
            raise _Over
        found.worlds += not shrunk  # what is tried to shrink one is no world more
        said = _wrong(case, batch.holds)
        kind = kind_of(said[0]) if said else ""
        if said and kind not in known:
            shrunk.update([kind] if not shrunk else [])
            if kind in shrunk or kind not in found.failures:
                found.failures[kind] = Failure(batch.number, case, tuple(said))
            assert kind not in shrunk, kind

    try:
        every_world()
    except AssertionError:
        for kind in shrunk:
            found.failures[kind] = replace(found.failures[kind], smallest=True)
    except (_Over, Flaky):  # no time to shrink it, or it does not fail each time
        pass
    return found


def _wrong(case: Case, holds: Callable[[Case], list[str]]) -> list[str]:
    try:
        return holds(case)
    except Exception as error:  # noqa: BLE001 - whatever is raised is a failure of this world
        last = traceback.extract_tb(error.__traceback__)[-1]
        return [f"raised {type(error).__name__} in {last.name}: {error}", *traceback.format_exception(error)]


def kind_of(said: str) -> str:
    """What one complaint has in common with others of its kind: the words before the first host that has a name."""
    return ": ".join(said.split(": ")[: 2 if said.startswith(("silent", "blame", "not healed", "overdone")) else 1])


def ended_by_ctrl_c() -> Event:
    """An event that Ctrl-C sets. No exception: one that comes while a process begins is lost in the fork's handlers."""
    over = _FORK.Event()
    signal(SIGINT, lambda *_: over.set())
    return over


def hunt(batches: Iterable[Batch], workers: int, over: Event, told: Callable[[Failure], None]) -> Found:
    """As many batches as are begun before it is over, in some processes. A failure is told at once."""
    left, whole, running = iter(batches), Found(), dict[Connection, int]()

    def one_more() -> None:
        one = next(left, None)
        if one is None or over.is_set() or time.monotonic() > one.until:
            return
        here, there = _FORK.Pipe(duplex=False)
        known = {kind for kind, one in whole.failures.items() if one.smallest}
        _FORK.Process(target=_work, args=(there, one, known, over), daemon=True).start()
        there.close()
        running[here] = one.number

    for _ in range(workers):
        one_more()
    for found in _answers(running):
        _add(whole, found, told)
        one_more()
    return whole


def _add(whole: Found, found: Found, told: Callable[[Failure], None]) -> None:
    before = dict(whole.failures)
    whole.add(found)
    for kind, one in whole.failures.items():
        if before.get(kind) is not one:
            told(one)


def _answers(running: dict[Connection, int]) -> Iterator[Found]:
    """What each batch found, as they end."""
    while running:
        for one in wait([*running]):
            assert isinstance(one, Connection)
            number = running.pop(one)
            try:
                yield one.recv()
            except EOFError:
                raise RuntimeError(f"batch {number} ended without an answer") from None
            finally:
                one.close()


def _work(answer: Connection, batch: Batch, known: Collection[str], over: Event) -> None:
    signal(SIGINT, SIG_IGN)  # it was meant for the one that gathers the answers
    answer.send(look_at(batch, known, over.is_set))
