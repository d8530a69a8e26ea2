"""`python -m tests.worlds --seconds 3600 --seed 7`: as many worlds as fit, the smallest that failed.

Exit code: 0 nothing was found, 1 something was.
"""

import argparse
import sys
import time
from collections.abc import Callable

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.worlds.properties import wrong
from tests.worlds.shown import shown
from tests.worlds.strategies import Case, cases

_BATCH = 200


class Run:
    """Batches of worlds, each with a seed of its own, until the time is over."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self.worlds = 0
        self.failures: dict[str, str] = {}

    def batch(self, number: int) -> None:
        """One batch. A failure is shrunk by hypothesis; the same one is kept once."""
        smallest: list[tuple[Case, list[str]]] = []

        @seed(number)
        @settings(
            max_examples=_BATCH,
            deadline=None,
            database=None,
            print_blob=False,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink),
        )
        @given(cases())
        def every_world(case: Case) -> None:
            if time.monotonic() > self._until:
                return
            self.worlds += 1
            found = wrong(case)
            if found and _kind(found[0]) not in self.failures:
                smallest[:] = [(case, found)]
                raise AssertionError(_kind(found[0]))

        _quietly(every_world)
        if smallest:
            case, found = smallest[0]
            self.failures[_kind(found[0])] = "\n".join((f"seed {number}", *found[:6], shown(case.world)))

    def until_over(self, first: int) -> None:
        """All batches that fit."""
        while time.monotonic() < self._until:
            self.batch(first)
            first += 1


def _quietly(run: Callable[[], None]) -> None:
    try:
        run()
    except AssertionError:
        return
    except BaseExceptionGroup as several:  # hypothesis found two kinds in one batch
        if several.split(AssertionError)[1] is not None:
            raise


def _kind(said: str) -> str:
    """What one complaint has in common with others of its kind: the words before the first host that has a name."""
    return ": ".join(said.split(": ")[: 2 if said.startswith(("silent", "blame", "not healed")) else 1])


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.worlds", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    run = Run(chosen.seconds)
    run.until_over(chosen.seed * 1_000_000)
    for failure in run.failures.values():
        print(f"{failure}\n")
    print(f"seed {chosen.seed}: {run.worlds} worlds, {len(run.failures)} kinds of failures")
    return 1 if run.failures else 0


if __name__ == "__main__":
    sys.exit(main())
