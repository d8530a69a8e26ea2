"""/proc/PID/cgroup -> what runs a process: a container of which runtime, in which pod, or a unit of systemd.

The driver `systemd` has `kubepods-burstable-pod<UID>.slice/cri-containerd-<ID>.scope`, with underscores in the UID; the
driver `cgroupfs` has `kubepods/burstable/pod<UID>/<ID>`, and tells no runtime. Podman has `libpod-<ID>.scope`.
"""

import re
from dataclasses import dataclass

from calico_agent.sources.host.decode.conflicting_processes import decode_cgroup

_UID = re.compile(
    r"pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice|[/:]|$)", re.MULTILINE
)
_RUNTIMES = {"cri-containerd": "containerd", "crio": "cri-o", "libpod": "podman", "docker": "docker"}
_PREFIX = re.compile(r"(cri-containerd|crio|libpod|docker)[-:][0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Placed:
    """`container` is an id, `pod_uid` that of its pod, `runtime` as `Container.runtime` has it; each may be empty."""

    container: str = ""
    pod_uid: str = ""
    runtime: str = ""
    unit: str = ""


def decode_placed(text: str) -> Placed:
    """What the control groups of a process tell of it."""
    unit, container = decode_cgroup(text)
    uid, prefix = _UID.search(text), _PREFIX.search(text)
    if not container:
        return Placed(runtime="systemd" if unit.endswith(".service") else "", unit=unit)
    runtime = _RUNTIMES[prefix[1]] if prefix else ""
    return Placed(container, uid[1].replace("_", "-") if uid else "", runtime)
