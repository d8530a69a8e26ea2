"""`python -m tests.uml [-t SECONDS] COMMAND [ARGUMENT...]`: run one command in a guest that ends with it.

The exit code is the command's; 124: not done after SECONDS; 125: there is no guest.
"""

import argparse
import os
import subprocess
import sys

from tests.lab.signals import ended_by_signals
from tests.uml.guest import Guest, GuestError


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.uml", description=(__doc__ or "").partition(": ")[2])
    parser.add_argument("-t", type=float, default=900.0, metavar="SECONDS", help="time limit (default 900)")
    parser.add_argument("argv", nargs=argparse.REMAINDER, metavar="COMMAND")
    parsed = parser.parse_args()
    argv = [word for number, word in enumerate(parsed.argv) if number or word != "--"]
    try:
        with ended_by_signals(), Guest.boot(f"one-{os.getpid()}") as guest:
            return guest.attach(*(argv or ["bash", "-c", "uname -a"]), timeout=parsed.t)
    except subprocess.TimeoutExpired as late:
        print(f"tests.uml: {late}", file=sys.stderr)
        return 124
    except GuestError as failure:
        print(f"tests.uml: {failure}", file=sys.stderr)
        return 125
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
