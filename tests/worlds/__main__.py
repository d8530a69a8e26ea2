"""`python -m tests.worlds --seconds 3600 --seed 7`: as many worlds as fit, and of what failed the smallest ones.

Exit code: 0 nothing was found, 1 something was. Ctrl-C ends it with what was found so far.
"""

import argparse
import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis.configuration import set_hypothesis_home_dir

from tests.worlds.hunt import Batch, Failure, ended_by_ctrl_c, hunt
from tests.worlds.shown import shown


def _tell(failure: Failure) -> None:
    size = "the smallest world" if failure.smallest else "not shrunk"
    print(f"batch {failure.batch}, {size}:", *failure.said[:6], sep="\n  ")
    print(f"from tests.worlds.again import *; print(wrong({shown(failure.case)}))\n", flush=True)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.worlds", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--workers", type=int, default=len(os.sched_getaffinity(0)), help="processes (one for each core)"
    )
    chosen = parser.parse_args()
    begun, first, over = time.monotonic(), chosen.seed * 1_000_000, ended_by_ctrl_c()
    batches = (Batch(number, begun + chosen.seconds) for number in range(first, first + 1_000_000))
    print(f"seed {chosen.seed}, {chosen.workers} processes, {chosen.seconds:.0f} s; Ctrl-C ends it before", flush=True)
    with TemporaryDirectory() as home:
        set_hypothesis_home_dir(Path(home))
        found = hunt(batches, chosen.workers, over, _tell)
    took = time.monotonic() - begun
    kinds = "".join(f"\n  {kind}" for kind in found.failures)
    rate = f"{found.worlds} worlds in {took:.0f} s ({found.worlds / took:.1f}/s)"
    print(f"seed {chosen.seed}: {rate}, {len(found.failures)} kinds of failures{kinds}")
    return 1 if found.failures else 0


if __name__ == "__main__":
    sys.exit(main())
