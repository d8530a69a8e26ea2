"""Docker's events -> whether somebody asked for a container to be stopped.

`docker stop` (and Compose, and the API) leaves a `kill` event with SIGTERM before the container ends and a `stop` event
after it; `docker kill`, a crash and the kernel's out-of-memory killer leave no such pair. The exit code tells nothing:
it is 137 or 143 after any of them.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

# Longer than anybody waits between SIGTERM and SIGKILL (`docker stop --time`).
_BEFORE_END = timedelta(minutes=5)
_SIGTERM = "15"


@dataclass(frozen=True, slots=True)
class EventFilter:
    """The question to the Engine's events: what happened to container `id` around its end, until `now`."""

    id: str
    finished_at: datetime
    now: datetime

    @property
    def parameters(self) -> dict[str, str]:
        """Query parameters. The answer is a stream that ends at `until`: at once, if that is not in the future."""
        return {
            "since": f"{(self.finished_at - _BEFORE_END).timestamp():.9f}",
            "until": f"{self.now.timestamp():.9f}",
            "filters": json.dumps({"type": ["container"], "container": [self.id], "event": ["kill", "start", "stop"]}),
        }


def asked_to_stop(lines: str) -> bool:
    """Whether these events, a JSON object on each line and the oldest first, end in a request to stop."""
    asked = False
    for line in lines.splitlines():
        try:
            event = json.loads(line)
            action, signal = event["Action"], event["Actor"]["Attributes"].get("signal", "")
        except (ValueError, KeyError, TypeError, AttributeError):
            continue  # a last line that was cut off
        if action == "start":
            asked = False
        elif action == "stop" or (action == "kill" and signal == _SIGTERM):
            asked = True
    return asked
