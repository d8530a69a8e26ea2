"""Whether this Docker Engine can run calico/node: privileged, in the network of the host.

userns-remap: dockerd makes no such container unless that is put into the host's user namespace (`--userns=host`), as
calico-agent does (moby/moby daemon/daemon_unix.go@v20.10.24, verifyPlatformContainerSettings). Rootless: the host's
network is then that of a user's own namespace. Sandboxes: their containers have a network stack and a kernel of their
own. seccomp, AppArmor and SELinux do not confine privileged containers, and `no-new-privileges` takes nothing from
programs that are root's already.

Without live-restore a dockerd that ends takes its containers with it. Most hosts have it so, and swarm mode allows
nothing else: the routes stay, and calico/node comes back with dockerd. So that is told, and no fault.
"""

import re
from collections.abc import Iterator

from calico_agent.checks.preflight.known import known
from calico_agent.expected.local_node import runs_elsewhere
from calico_agent.expected.view import View
from calico_agent.faults.preflight.machine import HOST_DOCKER
from calico_agent.model.container.engine import Engine
from calico_agent.model.observation import Unreadable
from calico_agent.model.preflight import Check, Verdict

_SANDBOXES = re.compile(r"(.*[./-])?(runsc|gvisor|kata|sysbox)([./-].*)?")
# The first Docker for control groups of version 2 (its release notes).
_FIRST_FOR_CGROUPS_2 = (20, 10)


def check_engine(view: View) -> Iterator[Check]:
    """Yield one line for each setting."""
    engine = known(view.preparation.engine, "it was not asked")
    if runs_elsewhere(view.observation):
        yield Check(HOST_DOCKER, Verdict.NOT_APPLICABLE, "Docker: another container runtime runs calico/node here")
    elif isinstance(engine, Unreadable):
        yield Check(HOST_DOCKER, Verdict.UNKNOWN, f"Docker: {engine.reason}")
    else:
        yield _kind(engine)
        yield _user_namespace(view, engine)
        yield _storage(engine)
        yield _restarts(view, engine)


def _kind(engine: Engine) -> Check:
    subject = "engine"
    if engine.system != "linux":
        return _failure(
            subject,
            f"Docker runs containers of {engine.system}",
            "calico/node is a program for Linux",
            "a Docker Engine for Linux containers",
        )
    if "rootless" in engine.security:
        return _failure(
            subject,
            "Docker runs without root (rootless)",
            "its containers never see the network of this host: calico/node could set routes for nobody",
            "systemctl enable --now docker, and [docker] url of calico-agent.toml names the socket of that",
        )
    if _SANDBOXES.fullmatch(engine.default_runtime):
        return _failure(
            subject,
            f"Docker runs containers in a sandbox by default ({engine.default_runtime})",
            "there they have another kernel or network than this host: calico/node could set routes for nobody",
            'make runc the "default-runtime" in /etc/docker/daemon.json, and start sandboxes with --runtime',
        )
    if engine.cgroup_version == "2" and _older(engine.version, _FIRST_FOR_CGROUPS_2):
        return _failure(
            subject,
            f"Docker {engine.version} knows no control groups of version 2, which this host has",
            "it starts no container",
            "a Docker from 20.10 on, or systemd.unified_cgroup_hierarchy=0 on the kernel's command line",
        )
    groups = f", control groups v{engine.cgroup_version} by {engine.cgroup_driver}" if engine.cgroup_version else ""
    return Check(
        HOST_DOCKER, Verdict.OK, f"Docker {engine.version} runs calico/node as it must{groups}", subject=subject
    )


def _user_namespace(view: View, engine: Engine) -> Check:
    subject = "userns-remap"
    if "userns" not in engine.security:
        return Check(HOST_DOCKER, Verdict.OK, "Docker maps no users (userns-remap is off)", subject=subject)
    container = view.local.container
    if view.supervised or (container is not None and container.running):
        what = "userns-remap is on; calico/node is in the host's user namespace all the same (--userns=host)"
        return Check(HOST_DOCKER, Verdict.OK, what, subject=subject)
    return Check(
        HOST_DOCKER,
        Verdict.WARNING,
        "userns-remap is on",
        "dockerd refuses a privileged container in the host's network that is not in its user namespace, too",
        "docker run --userns=host ..., as calico-agent itself does",
        subject,
    )


def _storage(engine: Engine) -> Check:
    subject, remarks = "storage", dict(engine.storage)
    if remarks.get("Supports d_type", "true").lower() == "false":
        return Check(
            HOST_DOCKER,
            Verdict.WARNING,
            f"Docker's {engine.driver} lies on a file system without d_type",
            "containers cannot be removed there as a whole, and so not be replaced for sure",
            f"a file system for {engine.root_dir} that has it: mkfs.xfs -n ftype=1, or ext4",
            subject,
        )
    if "Data loop file" in remarks:
        return Check(
            HOST_DOCKER,
            Verdict.WARNING,
            f"Docker's {engine.driver} keeps its data in a file (loopback)",
            "it gets slow and full without a word, and then no container starts; docker info warns of it, too",
            'make overlay2 the "storage-driver" in /etc/docker/daemon.json, and fetch the images again',
            subject,
        )
    return Check(HOST_DOCKER, Verdict.OK, f"Docker keeps containers with {engine.driver}", subject=subject)


def _restarts(view: View, engine: Engine) -> Check:
    subject = "live-restore"
    if engine.live_restore:
        return Check(
            HOST_DOCKER, Verdict.OK, "calico/node goes on while dockerd restarts (live-restore)", subject=subject
        )
    container = view.local.container
    if view.supervised:
        back = "calico-agent starts it again"
    elif container is not None and container.restarted_by_docker:
        back = "Docker starts it again"
    else:
        back = "whoever keeps it starts it again"
    swarm = "; swarm mode has no live-restore" if engine.swarm else ""
    what = f"calico/node ends when dockerd does, and {back}; the routes stay (live-restore is off{swarm})"
    return Check(HOST_DOCKER, Verdict.OK, what, subject=subject)


def _failure(subject: str, what: str, why: str, cure: str) -> Check:
    return Check(HOST_DOCKER, Verdict.FAILURE, what, why, cure, subject)


def _older(version: str, than: tuple[int, int]) -> bool:
    """Whether a version is certainly older."""
    found = re.match(r"(\d+)\.(\d+)", version)
    return found is not None and (int(found[1]), int(found[2])) < than
