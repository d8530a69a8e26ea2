"""Whether the configuration on disk is the one in use, or could be: a bad one must not wait for the next start.

The file is read again only when its size, its time or its place on the disk changed.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from calico_agent import paths
from calico_agent.config.schema import Config
from calico_agent.errors import ConfigError
from calico_agent.model.configuration import Configuration

_Mark = tuple[int, int, int] | None


class ConfigOnDisk:
    """`load` reads all of it, as at the start; `path` None means the usual file, which may be absent."""

    def __init__(self, config: Config, load: Callable[[], Config], path: Path | None) -> None:
        self._used = config
        self._load = load
        self._path = path or Path(paths.CONFIG_FILE)
        self._state = Configuration(datetime.now(UTC))
        # What was looked at last. Nothing yet: it may have changed since `config` was read.
        self._seen: _Mark | int = 0
        self._was_there = self._mark() is not None

    def look(self) -> Configuration:
        """How it is now."""
        mark = self._mark()
        if mark != self._seen:
            self._seen = mark
            self._state = replace(self._state, refused=(), waiting=False)
            try:
                found = self._load()
            except ConfigError as error:
                self._state = replace(self._state, refused=error.faults)
            else:
                if self._was_there and mark is None:
                    self._state = replace(self._state, refused=(f"{self._path}: the file is gone",))
                elif self._state.reload_failed and found != self._used:
                    self._state = replace(self._state, waiting=True)
        return self._state

    def peek(self) -> Config:
        """The one on disk, of which nothing becomes. Raises ConfigError."""
        return self._load()

    def reload(self, accept: Callable[[Config], None] = lambda _: None) -> Config:
        """The one on disk, which is in use from now on. Raises ConfigError, and then that of before still is.

        `accept` raises ConfigError, too, for one that cannot be used here and now.
        """
        self._seen = mark = self._mark()
        try:
            found = self._load()
            accept(found)
        except ConfigError as error:
            self._state = replace(self._state, refused=error.faults, reload_failed=True, waiting=False)
            raise
        self._used, self._was_there = found, mark is not None
        self._state = Configuration(datetime.now(UTC))
        return self._used

    def _mark(self) -> _Mark:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino
