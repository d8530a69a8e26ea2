"""`calico-agent wait`: for units and scripts that go on when this host is ready, or healthy.

Exit codes: 0 it is; 1 it was not in time, and why; 3 no agent answered at the end of that time.
"""

import argparse
import json
import os
import time

from calico_agent.cli import client
from calico_agent.cli.told import Told
from calico_agent.errors import EXIT_WRONG, NotRunningError

_PAUSE_SECONDS = 0.5


def wait(options: argparse.Namespace) -> Told:
    """Ask again and again. An agent that does not run yet may be started meanwhile. Raises NotRunningError."""
    socket_path = options.socket or client.find_socket(options.config, os.environ)
    word, page = ("ready", "/readyz") if options.ready else ("healthy", "/status")
    deadline = time.monotonic() + options.timeout
    while True:
        left = deadline - time.monotonic()
        reason: str | NotRunningError
        try:
            answer = client.ask(socket_path, page, timeout=min(max(left, 0.1), 2.0))
        except NotRunningError as error:
            reason = error
        else:
            if answer.healthy:
                return Told(f"this host is {word}\n")
            reason = _why(answer.text)
        if left <= _PAUSE_SECONDS:
            break
        time.sleep(_PAUSE_SECONDS)
    if isinstance(reason, NotRunningError):
        raise reason
    return Told("", f"calico-agent: not {word} within {options.timeout:g} s: {reason}\n", EXIT_WRONG)


def _why(text: str) -> str:
    """What the page says against it."""
    document = json.loads(text)
    reasons = document.get("reasons") or [document.get("verdict", "")]
    return "; ".join(map(str, reasons))
