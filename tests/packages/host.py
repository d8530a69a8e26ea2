"""A fresh host that boots systemd from a tree of Debian, with a real Docker Engine in it, and no way to the internet.

    world (a network namespace in the host)          host
      etcd :2379 with TLS, 10.77.0.1 on br0  ------  eth0 10.77.0.11, dockerd, what the test installs

Everything of it is in a file system over the tree and in systemd-nspawn's namespaces: both go when it stops.
"""

import json
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.lab.certificates import make_certificates
from tests.lab.engine import _IMPORT_CHANGES, remove_cgroups
from tests.lab.standin import build_standin
from tests.packages.trees import tree
from tests.patience import until
from tests.places import REPOSITORY

CERTIFICATES = "/etc/calico/certs"
ENDPOINT = "https://10.77.0.1:2379"
ADDRESS = "10.77.0.11"
NODE_IMAGE = "calico/node:v3.31.7"

_UNITS = {
    "etc/systemd/system/world.service": """
[Unit]
Description=What is outside of the host: its network, and etcd
Before=docker.service
[Service]
Type=notify
NotifyAccess=all
ExecStartPre=/bin/sh -ec '\\
  ip netns add world; ip link add eth0 type veth peer name br0 netns world; \\
  ip address add 10.77.0.11/24 dev eth0; ip link set eth0 up; ip -n world link set lo up; \\
  ip -n world address add 10.77.0.1/24 dev br0; ip -n world link set br0 up; ip route add default via 10.77.0.1'
ExecStart=/usr/sbin/ip netns exec world /usr/local/bin/etcd --data-dir=/var/lib/etcd --log-level=warn \\
  --listen-client-urls=https://10.77.0.1:2379 --advertise-client-urls=https://10.77.0.1:2379 \\
  --client-cert-auth --trusted-ca-file=/srv/ca_cert.crt --cert-file=/srv/server.crt --key-file=/srv/server.pem
[Install]
WantedBy=multi-user.target
""",
    # nspawn mounts the control groups for reading, as containers need no others; dockerd is one that does.
    "etc/systemd/system/docker.service.d/host.conf": """
[Service]
ExecStartPre=/bin/sh -c 'for group in /sys/fs/cgroup/*/; do mount -o remount,rw,bind "$group" || true; done'
""",
    "usr/local/sbin/runc-here": '#!/bin/sh\nexec /usr/bin/python3 -SEs /srv/runc_wrapper.py "$@"\n',
}


class Host:
    """A booted host. Commands run in it as root would type them, in /root."""

    def __init__(self, release: str, folder: Path, *, binds: Mapping[Path, str]) -> None:
        self.release = release
        self._name = f"packages-{secrets.token_hex(4)}"
        self._folder = folder
        self.root = folder / "root"
        self._mount(tree(release))
        self._furnish()
        bound = {Path(shutil.which("etcd") or "/usr/bin/etcd"): "/usr/local/bin/etcd", **binds}
        self._console = folder / "console.log"
        with self._console.open("wb") as log:
            self._nspawn = subprocess.Popen(
                [
                    *("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", f"--directory={self.root}"),
                    *("--private-network", "--console=pipe", f"--machine={self._name}", "--hostname=host1"),
                    *("--capability=all", "--system-call-filter=add_key keyctl bpf", "--tmpfs=/var/lib/docker"),
                    *(f"--bind-ro={source}:{target}" for source, target in bound.items()),
                    # This machine may have version 1 of control groups, which systemd takes from 256 on if told so.
                    *("--boot", "systemd.firstboot=off", "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1"),
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def _mount(self, lower: Path) -> None:
        for name in ("upper", "work", "root"):
            (self._folder / name).mkdir()
        layers = f"lowerdir={lower},upperdir={self._folder / 'upper'},workdir={self._folder / 'work'}"
        subprocess.run(("mount", "-t", "overlay", "host", "-o", layers, self.root), check=True)

    def _furnish(self) -> None:
        """What this host has that a tree has not: its name, its network, etcd's certificates, calico/node's image."""
        certificates = self._folder / "certificates"
        make_certificates(certificates)
        for name in ("ca_cert.crt", "server.crt", "server.pem"):
            shutil.copy(certificates / name, self.root / "srv" / name)
        (self.root / CERTIFICATES[1:]).mkdir(parents=True)
        for name in ("ca_cert.crt", "cert.crt", "key.pem"):
            shutil.copy(certificates / name, self.root / CERTIFICATES[1:] / name)
        for name, text in _UNITS.items():
            file = self.root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            file.chmod(0o755 if "bin/" in name else 0o644)
        shutil.copy(REPOSITORY / "tests" / "lab" / "runc_wrapper.py", self.root / "srv")
        settings = {
            "default-runtime": "here",
            "runtimes": {"here": {"path": "/usr/local/sbin/runc-here"}},
            "cgroup-parent": f"/calico-agent-lab-{self._name}",
            "exec-opts": ["native.cgroupdriver=cgroupfs"],
        }
        (self.root / "etc" / "docker").mkdir(exist_ok=True)
        (self.root / "etc" / "docker" / "daemon.json").write_text(json.dumps(settings))
        (self.root / "etc" / "resolv.conf").unlink(missing_ok=True)
        (self.root / "etc" / "resolv.conf").touch()
        (self.root / "etc" / "hostname").write_text("host1\n")
        (self.root / "etc" / "hosts").write_text("127.0.0.1 localhost\n127.0.1.1 host1\n")
        wants = self.root / "etc" / "systemd" / "system" / "multi-user.target.wants"
        (wants / "world.service").symlink_to("../world.service")
        (wants / "nginx.service").unlink(missing_ok=True)
        shutil.copy(build_standin(), self.root / "srv" / "standin.tar")

    def wait_for_boot(self) -> None:
        """Until Docker and etcd answer; then calico/node's image is there as if it were pulled."""
        until("an init", lambda: self._leader() != 0, self.console)
        until(
            "booted",
            lambda: self.run("systemctl is-system-running", check=False) in {"running\n", "degraded\n"},
            self.console,
        )
        until("Docker answers", lambda: "Server" in self.run("docker version", check=False), self.console)
        changes = " ".join(f"--change '{change}'" for change in _IMPORT_CHANGES)
        self.run(f"docker import {changes} /srv/standin.tar {NODE_IMAGE}")

    def console(self) -> str:
        """The last of what the host has printed."""
        return self._console.read_text(errors="replace")[-2000:]

    def journal(self) -> str:
        """What the agent has logged."""
        return self.run("journalctl --no-pager --output=cat --unit=calico-agent.service", check=False)

    def run(self, script: str, *, check: bool = True, seconds: float = 240) -> str:
        """What a shell script prints, errors included. Fails when it does, with that."""
        environment = ("env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root")
        done = subprocess.run(
            ("nsenter", f"--target={self._leader()}", "--all", "--wdns=/root", *environment, "sh", "-s"),
            input=script, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds, check=False,
        )  # fmt: skip
        assert not check or done.returncode == 0, f"{script}\nexit code {done.returncode}\n{done.stdout[-4000:]}"
        return done.stdout

    def _leader(self) -> int:
        """The host's init, as this machine numbers it; 0 as long as there is none."""
        assert self._nspawn.poll() is None, self.console()
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children").read_text().split()
        return int(children[0]) if children else 0

    def stop(self) -> None:
        """Kill the init, which takes the whole host with it: nothing of it is kept."""
        try:
            if self._nspawn.poll() is None:
                os.kill(self._leader() or self._nspawn.pid, signal.SIGKILL)
            self._nspawn.wait(30)
        finally:
            if self._nspawn.poll() is None:
                os.killpg(self._nspawn.pid, signal.SIGKILL)
                self._nspawn.wait(15)
            subprocess.run(("umount", "--lazy", self.root), check=False)
            remove_cgroups(Path(self._name))


@contextmanager
def booted(release: str, folder: Path, binds: Mapping[Path, str]) -> Iterator[Host]:
    """A host for as long as the block lasts."""
    host = Host(release, folder, binds=binds)
    try:
        host.wait_for_boot()
        yield host
    finally:
        host.stop()
