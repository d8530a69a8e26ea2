"""What ends with the block that it is used in, as `backend.py` wants it of connections and watches."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class ClosedAfterUse(ABC):
    """A connection, which is closed."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None:
        """End it."""


class CancelledAfterUse(ABC):
    """A watch, which is cancelled."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cancel()

    @abstractmethod
    def cancel(self) -> None:
        """End it, from any thread."""
