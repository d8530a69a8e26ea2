"""`status --watch`: the same page again and again in its place, until somebody presses q or Ctrl-C.

On a terminal it has the alternate screen, and what stood there before comes back in the end. Each line is written over
the old one and only then is the rest of it cleared, so nothing flickers. Without a terminal one page follows another.
"""

import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

from calico_agent.cli import terminal
from calico_agent.cli.client import AgentAnswer
from calico_agent.errors import EXIT_GOOD, EXIT_NOT_RUNNING, EXIT_WRONG, NotRunningError

_ENTER, _LEAVE = "\033[?1049h\033[?25l\033[?7l", "\033[?7h\033[?25h\033[?1049l"
_HOME, _CLEAR_LINE, _CLEAR_BELOW, _PLAIN = "\033[H", "\033[K", "\033[J", "\033[0m"
_QUIT = frozenset(b"qQ\x03\x04")


def watch(ask: Callable[[], AgentAnswer], seconds: float) -> int:
    """Show what `ask` answers every so many seconds; returns the exit code of the last answer."""
    code = EXIT_GOOD
    if not sys.stdout.isatty():
        while True:
            text, code = _page(ask)
            terminal.show(f"{text}\n")
            sys.stdout.flush()
            time.sleep(seconds)
    with _screen() as keys:
        while True:
            text, code = _page(ask)
            _draw(text, seconds)
            if keys.pressed(seconds):
                return code


def _page(ask: Callable[[], AgentAnswer]) -> tuple[str, int]:
    """The page and its exit code. An agent that does not answer now may do so later."""
    try:
        answer = ask()
    except NotRunningError as error:
        return f"{error}\n", EXIT_NOT_RUNNING
    return answer.text, EXIT_GOOD if answer.healthy else EXIT_WRONG


def _draw(text: str, seconds: float) -> None:
    lines, rows = text.splitlines(), _rows()
    head = f"every {seconds:g} s, at {datetime.now().astimezone():%H:%M:%S}; q ends"
    room = max(1, rows - 2)
    hidden = len(lines) - room
    shown = [*lines[: room - 1], f"... {hidden + 1} more lines: make the window higher"] if hidden > 0 else lines
    page = f"{_PLAIN}{_CLEAR_LINE}\r\n".join([head, *shown])
    terminal.show(f"{_HOME}{page}{_PLAIN}{_CLEAR_LINE}{_CLEAR_BELOW}")
    sys.stdout.flush()


def _rows() -> int:
    try:
        return os.get_terminal_size(sys.stdout.fileno()).lines or 24
    except OSError:
        return 24


class _Keys:
    """What wakes the wait: a key, and a window of another size, which is to be drawn at once."""

    def __init__(self, resized: int) -> None:
        self._resized = resized
        self._keyboard = sys.stdin.fileno() if sys.stdin.isatty() else None

    def pressed(self, seconds: float) -> bool:
        """Wait so long, or until the window changes. True where the end was asked for."""
        watched = [self._resized] + ([] if self._keyboard is None else [self._keyboard])
        ready, _, _ = select.select(watched, [], [], seconds)
        if self._resized in ready:
            os.read(self._resized, 4096)
        if self._keyboard is not None and self._keyboard in ready:
            typed = os.read(self._keyboard, 4096)
            return not typed or not _QUIT.isdisjoint(typed)
        return False


@contextmanager
def _screen() -> Iterator[_Keys]:
    """The alternate screen, without a cursor and without an echo of keys; all is as before in the end."""
    import termios  # noqa: PLC0415 - there is none where there is no terminal
    import tty  # noqa: PLC0415

    before = termios.tcgetattr(sys.stdin.fileno()) if sys.stdin.isatty() else None
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    wakeup = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    resize = signal.signal(signal.SIGWINCH, lambda *_: None)
    end = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        sys.stdout.write(_ENTER)
        if before is not None:
            tty.setcbreak(sys.stdin.fileno())
        yield _Keys(reading)
    finally:
        signal.signal(signal.SIGWINCH, resize)
        signal.signal(signal.SIGTERM, end)
        signal.set_wakeup_fd(wakeup)
        os.close(reading)
        os.close(writing)
        with suppress(OSError, termios.error):
            if before is not None:
                termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, before)
            sys.stdout.write(_LEAVE)
            sys.stdout.flush()
