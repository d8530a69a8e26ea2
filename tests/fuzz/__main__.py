"""Feed one target after the other with inputs that coverage guides.

    python -m tests.fuzz [--runs N] [--seed N] [TARGET ...]

Each target runs in a process of its own, as libFuzzer ends it at the first input that does harm: an exception that it
does not say it raises, ten seconds for one input, a gibibyte. That input is left in build/fuzz/TARGET; put it into
tests/fuzz/found/TARGET when it is mended, where `make test` takes it again for ever. What gave new coverage is kept, so
that the next run begins there.
"""

import argparse
import subprocess
import sys

from tests.fuzz.guided import LONGEST, folder
from tests.fuzz.targets import TARGETS
from tests.places import REPOSITORY


def main() -> None:
    """Run the targets that the command line names, all without."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"some of {', '.join(TARGETS)}")
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    if unknown := [name for name in given.targets if name not in TARGETS]:
        parser.error(f"no target {unknown[0]}; there are {', '.join(TARGETS)}")
    bad = [name for name in given.targets or TARGETS if not _holds(name, given.runs, given.seed)]
    print(f"{given.runs} runs each, seed {given.seed}: {'harmed: ' + ', '.join(bad) if bad else 'nothing does harm'}")
    sys.exit(1 if bad else 0)


def _holds(name: str, runs: int, seed: int) -> bool:
    corpus = folder(name)
    corpus.mkdir(parents=True, exist_ok=True)
    for number, example in enumerate(TARGETS[name].examples()):
        corpus.joinpath(f"seed-{number}").write_bytes(example[:LONGEST])
    command = [sys.executable, "-m", "tests.fuzz.guided", name, str(runs), str(seed)]
    done = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    said = done.stdout.decode(errors="replace")
    told = [line for line in said.splitlines() if "stat::number_of_executed_units" in line]
    print(f"{name}: {told[-1] if done.returncode == 0 and told else said[-4000:]}", flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    main()
