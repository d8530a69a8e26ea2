"""The log of a pod's container as the runtime writes it: `TIME STREAM TAG TEXT`, where the tag P means: it goes on.

pkg/kubelet/kuberuntime/logs/logs.go@kubernetes v1.31.
"""

import re
from collections.abc import Iterator

from calico_agent.secret import masked
from calico_agent.sources.docker.decode.log_lines import LogLine, log_lines

_LINE = re.compile(r"([0-9T:.Z+-]+) (?:stdout|stderr) ([A-Z:]+) (.*)")


def decode_pod_log(text: str) -> tuple[LogLine, ...]:
    """Its lines, each cut at 1,000 characters; no secrets."""
    return log_lines(_whole(masked(text)))


def _whole(text: str) -> Iterator[str]:
    begun = ""
    for line in text.splitlines():
        found = _LINE.fullmatch(line)
        if found is None:
            continue  # the file's beginning was cut
        begun = f"{begun}{found[3]}" if begun else f"{found[1]} {found[3]}"
        if not found[2].startswith("P"):
            yield begun
            begun = ""
