"""`calico-agent history`: what happened on this host, read from the agent's files, so that it needs no agent.

Who may not read these files (they are root's) asks the running agent, whose socket is for its group, too.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from datetime import datetime

from calico_agent.cli import client, terminal
from calico_agent.cli.live.moments import read_moment
from calico_agent.errors import EXIT_GOOD, CalicoAgentError, UsageError
from calico_agent.report.pages.history_text import render_history
from calico_agent.state.history import Entry, history_files, read_history
from calico_agent.state.history_tail import HistoryTail

_POLL_SECONDS = 0.5


def history(options: argparse.Namespace) -> int:
    """The command. Raises UsageError for a moment that is none, and where nothing is kept."""
    since = read_moment(options.since, datetime.now().astimezone()) if options.since else None
    state_dir = client.find_state_dir(options.config, os.environ)
    if not state_dir:
        raise UsageError("no history is kept: [agent] state_dir is empty")
    if _readable(state_dir):
        tail = HistoryTail(state_dir)  # before the files are read, so that nothing comes in between unseen
        entries = _kept(state_dir, since)
        seen = len(entries)
        newer = tail.read
    else:
        socket_path = options.socket or client.find_socket(options.config, os.environ)
        entries = _asked(socket_path, since)
        seen = len(entries)
        newer = _Asking(socket_path, entries).newer
    _show(entries, options)
    if not seen and not options.json:
        sys.stderr.write("calico-agent: nothing is kept of that time\n")
    while options.follow:
        sys.stdout.flush()
        time.sleep(_POLL_SECONDS)
        _show(newer(), options)
    return EXIT_GOOD


def _readable(state_dir: str) -> bool:
    """Whether the files can be read, as far as there are any."""
    if not os.access(state_dir, os.X_OK):
        return not os.path.lexists(state_dir)
    return all(os.access(path, os.R_OK) or not path.exists() for path in history_files(state_dir))


def _kept(state_dir: str, since: datetime | None) -> list[Entry]:
    try:
        return list(read_history(state_dir, since))
    except (OSError, ValueError) as error:
        raise CalicoAgentError(f"the history in {state_dir} cannot be read: {error}") from None


def _asked(socket_path: str, since: datetime | None) -> list[Entry]:
    query = f"?since={since.timestamp():.6f}" if since is not None else ""
    answer = client.ask(socket_path, f"/history{query}", timeout=10.0)
    entries: list[Entry] = json.loads(answer.text)["entries"]
    return entries


class _Asking:
    """What is new since the last question to the agent."""

    def __init__(self, socket_path: str, entries: list[Entry]) -> None:
        self._socket_path = socket_path
        self._last = entries[-1:]
        self._newest: list[Entry] = entries

    def newer(self) -> list[Entry]:
        """The entries that were not there before."""
        since = datetime.fromisoformat(self._newest[-1]["at"]) if self._newest else None
        found = _asked(self._socket_path, since)
        fresh = [entry for entry in found if entry not in self._newest]
        self._newest = found or self._newest
        return fresh


def _show(entries: list[Entry], options: argparse.Namespace) -> None:
    if options.json:
        terminal.show("".join(_lines(entries)))
    elif entries:
        terminal.show(render_history(entries, colour=terminal.wants_colour(), width=terminal.width()))


def _lines(entries: list[Entry]) -> Iterator[str]:
    for entry in entries:
        yield json.dumps(entry, ensure_ascii=False) + "\n"
