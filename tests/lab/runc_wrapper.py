"""runc for machines that lack a capability.

`docker run --privileged` asks runc for every capability the kernel knows. In a container or a small virtual
machine even root may lack one (CAP_SYS_RESOURCE, say), and runc then refuses to start: "unable to apply caps:
operation not permitted". This wrapper takes out of the request what the bounding set lacks, and becomes runc.
Where nothing is lacking it changes nothing.
"""

import itertools
import json
import os
import sys
from pathlib import Path
from typing import Any

# linux/capability.h: the number of a capability is its place in this list.
_CAPABILITIES = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE "
    "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN "
    "SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE "
    "MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
)


def _available() -> frozenset[str]:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapBnd:"):
            mask = int(line.split()[1], 16)
            return frozenset(f"CAP_{name}" for number, name in enumerate(_CAPABILITIES.split()) if mask >> number & 1)
    return frozenset()


def _trim(process: dict[str, Any]) -> None:
    available = _available()
    for kind, names in (process.get("capabilities") or {}).items():
        process["capabilities"][kind] = [name for name in names if name in available]


def _trim_file(file: Path, *, whole_bundle: bool) -> None:
    content = json.loads(file.read_text())
    _trim(content["process"] if whole_bundle else content)
    file.write_text(json.dumps(content))


def main(arguments: list[str]) -> None:
    """Trim the bundle (create, run) or the process (exec) that the arguments name, then exec runc."""
    for flag, value in itertools.pairwise(arguments):
        if flag in {"--bundle", "-b"}:
            _trim_file(Path(value) / "config.json", whole_bundle=True)
        elif flag in {"--process", "-p"}:
            _trim_file(Path(value), whole_bundle=False)
    os.execvp("runc", ["runc", *arguments])


if __name__ == "__main__":
    main(sys.argv[1:])
