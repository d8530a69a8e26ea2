"""Where everything goes that happens: to the history all of it, to the log what is no repetition."""

import time
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime

import structlog

from calico_agent import logs
from calico_agent.faults.agent import SV_STATE
from calico_agent.model.observation import AgentTrouble
from calico_agent.model.report import Event, RecentHistory
from calico_agent.report.repeats import Repeats
from calico_agent.state.history import NAME, Entry, read_history
from calico_agent.state.history_newest import HistoryNewest
from calico_agent.state.history_writer import HistoryWriter

_MOST_TOLD = 10_000


class Events:
    """The log and the history of one agent. For one thread."""

    def __init__(self, state_dir: str) -> None:
        self._log = structlog.get_logger("calico_agent")
        self._repeats = Repeats()
        self._history = HistoryWriter(state_dir)
        self._newest = HistoryNewest(state_dir)

    def tell(self, *events: Event, at: datetime | None = None) -> None:
        """Tell of what happened at this moment, by default now; called with none, of what was held back."""
        self._history.keep(events, at or datetime.now(UTC))
        for event in self._repeats.due(events, time.monotonic()):
            self._log.log(logs.LEVELS[event.level.value], event.name, **event.fields)

    def move(self, state_dir: str) -> None:
        """Keep the history in another place from now on."""
        if state_dir != self._history.state_dir:
            self._history.stop()
            self._history = HistoryWriter(state_dir)
            self._newest = HistoryNewest(state_dir)

    def recent(self) -> RecentHistory:
        """Return the newest of what is kept, without reading anew what did not change; for any thread."""
        if not self._history.state_dir:
            return RecentHistory(trouble="no history is kept: [agent] state_dir is empty")
        return self._newest.read()

    def past(self, since: datetime | None) -> list[Entry]:
        """Return what is kept since then, at most the newest ten thousand; for any thread.

        Raises OSError and ValueError.
        """
        state_dir = self._history.state_dir
        return list(deque(read_history(state_dir, since), _MOST_TOLD)) if state_dir else []

    def stop(self) -> None:
        """Write what is left, within a moment."""
        self._history.stop()

    def heartbeat(self) -> float:
        """Return when its thread was last seen alive (monotonic seconds)."""
        return self._history.heartbeat()

    def troubles(self) -> tuple[AgentTrouble, ...]:
        """Why the history is not kept, if it is not."""
        trouble = self._history.trouble
        if trouble is None:
            return ()
        cure = "see that [agent] state_dir can be written and has room (df -h shows it)"
        effect = "`calico-agent history` does not tell what changes from now on; all else goes on"
        return (AgentTrouble(SV_STATE, NAME, f"the history cannot be kept: {trouble.reason}", "", effect, cure),)


def changed_settings(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The keys of the configuration whose values differ."""
    return sorted(key for key in before.keys() | now.keys() if before.get(key) != now.get(key))
