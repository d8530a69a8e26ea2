"""What Felix says of its own health."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FelixComponent:
    """A part of Felix that is not live.

    `timeout` is the time that it has for a report, empty for any, and `state` what Felix says of it, both in Felix's
    own words (`1m30s`, `timed out`).
    """

    name: str
    timeout: str
    state: str


@dataclass(frozen=True, slots=True)
class FelixHealth:
    """What Felix says of itself on its health port.

    It is `live` while each of its parts reports in time; `hung` are those that do not, which releases before v3.22 do
    not name. Whether it is ready is another question: it is not while the datastore is away, which is no fault of it.
    """

    live: bool
    hung: tuple[FelixComponent, ...] = ()
