"""`python -m tests.bench [PART ...]`: measures the budgets, prints them as a table, writes build/bench.json.

Every value stands beside what it is compared with, measured in the same run on the same machine. A budget that is
missed is said; that is no error of the program.
"""

import argparse
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench import audit, endpoints, growth, host, kubernetes, replacement, restart
from tests.bench.entry import Entry, table, write

_PARTS: dict[str, Callable[[Path], Iterator[Entry]]] = {
    "audit": audit.measure,
    "growth": growth.measure,
    "kubernetes": kubernetes.measure,
    "restart": restart.measure,
    "replacement": replacement.measure,
    "host": host.measure,
    "endpoints": endpoints.measure,
}
_REPORT = Path("build/bench.json")


def main(arguments: list[str] | None = None) -> int:
    """Run the parts, all of them by default."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(_PARTS)}")
    chosen = parser.parse_args(arguments).parts or list(_PARTS)
    if unknown := set(chosen) - _PARTS.keys():
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    begun = time.monotonic()
    entries: list[Entry] = []
    failed = [name for name in chosen if not _measure(name, entries)]
    write(entries, _REPORT)
    missed = [entry.name for entry in entries if not entry.ok]
    verdict = f"missed: {', '.join(missed)}" if missed else "all budgets hold"
    print(f"\n{verdict}; {time.monotonic() - begun:.0f} s; written to {_REPORT}")
    if failed:
        print(f"could not be measured to the end: {', '.join(failed)}")
    return 1 if failed else 0


def _measure(part: str, entries: list[Entry]) -> bool:
    """Add what a part measures. A part that fails is told, and the others are measured all the same."""
    with tempfile.TemporaryDirectory(prefix=f"calico-agent-bench-{part}-") as folder:
        try:
            for entry in _PARTS[part](Path(folder)):
                entries.append(entry)
                print(table([entry]), flush=True)
        except Exception:  # noqa: BLE001 - whatever it is, it is printed
            traceback.print_exc()
            return False
    return True


if __name__ == "__main__":
    sys.exit(main())
