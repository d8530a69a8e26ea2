"""What docs/install-elsewhere.md says, on a host that has of PyPI only what was downloaded before."""

import shutil

from tests.lab.guide import Guide, read_guide
from tests.packages import builds
from tests.packages.host import Host
from tests.packages.life import follow

_CHECKOUT = "/usr/src/calico-agent"
_WHEELHOUSE = f"calico-agent-{builds.version()}-py311-x86_64"
_BASE = "debian-here:12"


def prepare(host: Host) -> Guide:
    """The checkout, and PyPI as a folder."""
    builds.checkout(host.root / _CHECKOUT[1:], builds.version())
    shutil.copytree(builds.downloads(), host.root / "srv" / "pypi")
    (host.root / "etc" / "pip.conf").write_text("[global]\nno-index = true\nfind-links = /srv/pypi\n")
    return read_guide("install-elsewhere.md")


def from_a_checkout(host: Host, guide: Guide) -> None:
    """`make install` gives a running agent, and `make uninstall` takes all of it away again."""
    before = _laid(host)
    assert f"calico-agent {builds.version()}\n" in follow(host, guide, "From a checkout", CHECKOUT=_CHECKOUT)
    assert host.run("calico-agent status --json | grep -c HostPrepared").strip() != "0"
    assert host.run("stat --format %G /run/calico-agent/agent.sock") == "calico-agent\n"
    assert _laid(host) > before
    follow(host, guide, "Remove", CHECKOUT=_CHECKOUT)
    assert _laid(host) == before


def _laid(host: Host) -> set[str]:
    """The files where `make install` lays some, but for settings."""
    return set(host.run("find /usr/local /opt /usr/lib/systemd /etc/systemd -type f -o -type l").splitlines())


def without_a_network(host: Host, guide: Guide) -> None:
    """The wheelhouse is all that pip needs."""
    follow(host, guide, "Without a network", CHECKOUT=_CHECKOUT)
    host.run(
        f"cp {_CHECKOUT}/dist/{_WHEELHOUSE}.tar.gz /root; mv /etc/pip.conf /etc/pip.conf.away; mv /srv/pypi /srv/away"
    )
    before = _laid(host)
    told = follow(host, guide, "On the host", WHEELHOUSE=_WHEELHOUSE)
    assert f"calico-agent {builds.version()}\n" in told
    assert host.run("systemctl is-active calico-agent") == "active\n"
    host.run("mv /etc/pip.conf.away /etc/pip.conf; mv /srv/away /srv/pypi")
    follow(host, guide, "Remove", CHECKOUT=_CHECKOUT)
    assert _laid(host) == before


def in_a_container(host: Host, guide: Guide) -> None:
    """An agent in a container says of the host what one on the host says."""
    base = "bin sbin lib lib64 usr/bin usr/lib usr/lib64 var/run etc"
    host.run(f"tar --one-file-system --create --directory=/ {base} | docker import - {_BASE}")
    told = follow(host, guide, "In a container", CHECKOUT=_CHECKOUT, IMAGE="calico-agent", BASE=_BASE)
    assert "host1: all good" in told
