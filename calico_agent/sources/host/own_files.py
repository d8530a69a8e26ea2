"""Whether this process itself has files left to open. Without one, no source can be read, and none of them is to blame.

The limit (RLIMIT_NOFILE) counts sockets and pipes too. What can take them is clients of the HTTP server, of which there
is a bounded number, and a limit that is far too low.
"""

import os
import resource
from pathlib import Path

from calico_agent.faults.agent import AGENT_FILES
from calico_agent.model.observation import AgentTrouble

# One pass opens about ten at a time: sockets to Docker, BIRD, the kernel and etcd, and files below /proc.
_NEEDED = 10


def read_file_trouble() -> AgentTrouble | None:
    """What to say when there are none left."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        # Listing takes one itself.
        open_files = len(list(Path("/proc/self/fd").iterdir())) - 1
    except OSError:
        open_files = limit
    if limit == resource.RLIM_INFINITY or open_files + _NEEDED <= limit:
        return None
    return AgentTrouble(
        AGENT_FILES,
        "calico-agent",
        f"the agent itself is out of file descriptors: {open_files} of {limit} are open",
        why=f"`ls -l /proc/{os.getpid()}/fd` shows what they are",
        effect="what it cannot read is not known; nothing else is to blame for that",
        cure=f"prlimit --pid {os.getpid()} --nofile=1024:1024 helps at once; for good: LimitNOFILE=1024 in the unit "
        "(systemctl edit calico-agent)",
    )
