"""What text is written to: how wide it is, whether it knows colours, and which characters it can show."""

import os
import sys


def width() -> int:
    """How wide the text may be: as the terminal, or what the pages have without one."""
    if not sys.stdout.isatty():
        return 100
    try:
        columns = int(os.environ.get("COLUMNS") or 0) or os.get_terminal_size(sys.stdout.fileno()).columns
    except (ValueError, OSError):
        columns = 0
    return min(max(columns or 100, 60), 400)


def wants_colour() -> bool:
    """Whether colours are shown: on a terminal that knows them, unless somebody does not want any (no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def show(text: str) -> None:
    """Text to standard output, whatever its encoding: what it cannot show is escaped."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
