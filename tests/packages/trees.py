"""The file systems of fresh hosts, one for each release of Debian: made by debootstrap, once a machine.

    python -m tests.packages.trees 12 13

A tree has what a host has before calico-agent comes: systemd, Python and Docker, and what the guides take for given.
It is kept in the user's cache under a name that is made of all it depends on, and is never written to.
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from tests.packages.cache import cache

SUITES = {"12": "bookworm", "13": "trixie"}

_MIRROR = "http://deb.debian.org/debian"
_INCLUDED = "systemd,systemd-sysv,procps,python3,python3-venv,iproute2,make,openssl,ca-certificates"
# They bring services, which debootstrap would have to start.
_SERVICES = ("docker.io", "nftables", "nginx", "curl")
_CLIENT = {"13": ("docker-cli",)}  # in Debian 12 it is part of docker.io


def tree(release: str) -> Path:
    """The root of the tree, which is made unless it is there."""
    parts = (Path(__file__).read_bytes(), release.encode())
    path = cache() / f"debian-{release}-{hashlib.sha256(b'|'.join(parts)).hexdigest()[:16]}"
    with (cache() / f"debian-{release}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test processes, one tree
        if not path.exists():
            for older in cache().glob(f"debian-{release}-*"):
                shutil.rmtree(older)
            _make(release, path)
    return path


def _make(release: str, path: Path) -> None:
    print(f"Making a tree of Debian {release}, once on this machine: some minutes", file=sys.stderr)
    unfinished = path.with_name(f"debian-{release}-unfinished")
    root = str(unfinished)
    _run("debootstrap", "--variant=minbase", f"--include={_INCLUDED}", SUITES[release], root, _MIRROR)
    _run(
        *("chroot", root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "--yes", "--quiet"),
        *("--no-install-recommends", *_SERVICES, *_CLIENT.get(release, ())),
    )
    _run("chroot", root, "apt-get", "clean")
    shutil.rmtree(unfinished / "var" / "lib" / "apt" / "lists")
    unfinished.rename(path)


def _run(*command: str) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}:\n{done.stdout[-3000:]}")


if __name__ == "__main__":
    for release in sys.argv[1:]:
        print(tree(release))
