"""One target in this process, under libFuzzer: `python -m tests.fuzz.guided TARGET RUNS SEED`."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.places import REPOSITORY

LONGEST = 8_000  # bytes of an input


def folder(name: str) -> Path:
    """The corpus of a target, and what did harm in it."""
    return REPOSITORY / "build" / "fuzz" / name


def main() -> None:
    """Does not return: libFuzzer ends the process."""
    atheris: Any = import_module("atheris")  # without types, and only `make fuzz` installs it
    name, runs, seed = sys.argv[1:]
    with atheris.instrument_imports(include=["calico_agent"]):
        from tests.fuzz.target import one  # noqa: PLC0415 - what is imported here is followed
        from tests.fuzz.targets import TARGETS  # noqa: PLC0415

    target, corpus = TARGETS[name], folder(name)
    bounds = (f"-max_len={LONGEST}", "-timeout=10", "-rss_limit_mb=1024")
    flags = (f"-runs={runs}", f"-seed={seed}", f"-artifact_prefix={corpus}/harm-", "-print_final_stats=1")
    atheris.Setup([name, *bounds, *flags, str(corpus)], lambda data: one(target, data))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
