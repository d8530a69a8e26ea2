"""A moment whose age does not change when the system clock is set.

A clock that was wrong at boot is set by hours when NTP answers. While the machine has not been booted again, the age of
what was written down is told by its uptime (CLOCK_BOOTTIME of clock_gettime(2), which also counts sleep), and after a
boot by the clock, or by the uptime where the clock says that it is yet to come. Two views of one boot may have two ids:
systemd-nspawn hides the kernel's from all but those with a /proc of their own. There the clock counts, too.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

_LONGEST_UPTIME = 1e10
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment by the system clock (aware, UTC), and the boot that it was in with its uptime (s)."""

    at: datetime
    boot: str
    uptime: float

    def age(self, now: "Moment") -> timedelta:
        """Return how long ago it was."""
        if self.boot and self.boot == now.boot:
            return timedelta(seconds=max(0.0, now.uptime - self.uptime))
        age = now.at - self.at
        return age if age >= timedelta(0) else timedelta(seconds=now.uptime)

    def encode(self) -> dict[str, object]:
        """Return it as plain JSON types."""
        return {"at": self.at.isoformat(), "boot": self.boot, "uptime": self.uptime}

    @staticmethod
    def decode(values: dict[str, Any]) -> "Moment":
        """Return it again. Raises ValueError."""
        at, boot, uptime = values.get("at"), values.get("boot"), values.get("uptime")
        if not isinstance(at, str) or not isinstance(boot, str) or not isinstance(uptime, float):
            raise ValueError("it says no time")  # noqa: TRY004 - it is the file that is wrong
        if not 0 <= uptime < _LONGEST_UPTIME:
            raise ValueError(f"{uptime} is no uptime")
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise ValueError("its time has no zone")
        return Moment(moment.astimezone(UTC), boot, uptime)


def this_moment(at: datetime | None = None) -> Moment:
    """Return the moment of now, which is `at` by the clock of who asks."""
    try:
        boot = _BOOT_ID.read_text().strip()
    except OSError:
        boot = ""
    return Moment(at or datetime.now(UTC), boot, time.clock_gettime(time.CLOCK_BOOTTIME))
