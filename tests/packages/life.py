"""What a host goes through with a package, as the guides tell it; calico/node's container stays the same."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab.guide import Guide, read_guide
from tests.packages import builds
from tests.packages.host import ADDRESS, ENDPOINT, NODE_IMAGE, Host, booted
from tests.patience import until

GUIDES = frozenset({"install.md", "upgrade.md", "network-and-security.md", "install-elsewhere.md"})
"""Those that are followed here."""

OLDER = "0.0.99"
"""The version that hosts come from: this checkout under an older number."""


@contextmanager
def fresh_host(release: str, folder: Path) -> Iterator[tuple[Host, str, str]]:
    """A host without calico-agent, and the packages that lie in it: the older and the newer one."""
    blank = dict.fromkeys(("PACKAGE", "PERSON", "ENDPOINT", "IMAGE"), "none")
    made = [builds.package(release, version, blank) for version in (OLDER, builds.version())]
    binds = {package: f"/root/{package.name}" for package in made}
    with booted(release, folder, binds) as host:
        older, newer = (f"./{package.name}" for package in made)
        yield host, older, newer


def follow(host: Host, guide: Guide, section: str, **values: str) -> str:
    """The commands of a section, run on the host; what they print."""
    return host.run(guide.script(section, {**dict.fromkeys(guide.variables, "none"), **values}))


def container(host: Host) -> str:
    """The id of calico/node's container, which runs."""
    found = host.run("docker ps --quiet --no-trunc --filter name=^calico-node$").split()
    assert len(found) == 1, host.run("docker ps --all")
    return found[0]


def install(host: Host, package: str, people: str) -> Guide:
    """docs/install.md: afterwards the agent supervises a calico/node that it has made."""
    guide = read_guide("install.md")
    follow(host, guide, "Install", PACKAGE=package)
    status = host.run("calico-agent status --json", check=False)
    assert json.loads(status)["agent"]["mode"] == "observe"
    told = follow(host, guide, "Look")
    assert "HOST-FIREWALL" in told
    _let_others_look(host, guide, people)
    follow(host, guide, "Let it run", ENDPOINT=ENDPOINT, IMAGE=NODE_IMAGE)
    return guide


def _let_others_look(host: Host, guide: Guide, person: str) -> None:
    host.run(f"useradd {person}")
    denied = host.run(f"runuser --user {person} -- calico-agent status", check=False)
    assert "ermission denied" in denied, denied
    told = follow(host, guide, "Let others", PERSON=person)
    assert "HostPrepared" in told, told
    assert "adm\n" in told
    assert host.run("stat --format %G:%a /run/calico-agent/agent.sock") == "calico-agent:660\n"
    assert "ermission denied" in host.run(
        f"runuser --user {person} -- cat /etc/calico-agent/calico-agent.toml", check=False
    )


def change(host: Host, older: str, newer: str) -> None:
    """docs/upgrade.md up to the removal: nothing of the host's owner is lost, and the container stays."""
    guide = read_guide("upgrade.md")
    before = container(host)
    host.run("echo '# mine' >> /etc/default/calico-agent")
    mine = host.run("cat /etc/default/calico-agent /etc/calico-agent/calico-agent.toml")
    for section, version in (("Upgrade", builds.version()), ("Roll back", OLDER), ("Upgrade", builds.version())):
        told = follow(host, guide, section, PACKAGE=newer, OLDER=older)
        assert f"calico-agent {version}\n" in told
        assert container(host) == before
        assert host.run("cat /etc/default/calico-agent /etc/calico-agent/calico-agent.toml") == mine
    _remove(host, guide, newer)
    assert container(host) == before
    _purge(host, guide)
    assert container(host) == before
    assert guide.left_out == set()


def _remove(host: Host, guide: Guide, package: str) -> None:
    """The removal says what it means; Docker takes the container over, and an agent that comes back does."""
    before = container(host)
    told = follow(host, guide, "Remove")
    assert f"runs on: calico-node ({NODE_IMAGE})" in told, told
    assert "neither after a crash nor after a reboot" in told
    assert "docker update --restart=always calico-node" in told
    host.run("systemctl restart docker.service")  # what a reboot is to Docker
    until("Docker starts it", lambda: container_or_none(host) == before)
    host.run(f"apt-get install --yes {package}")
    until("the agent takes it over", lambda: host.run("calico-agent status", check=False).startswith("host1: all good"))
    assert container(host) == before
    assert host.run("docker inspect --format '{{.HostConfig.RestartPolicy.Name}}' calico-node") == "no\n"


def container_or_none(host: Host) -> str:
    """The same where it may not run."""
    return host.run("docker ps --quiet --no-trunc --filter name=^calico-node$", check=False).strip()


def _purge(host: Host, guide: Guide) -> None:
    told = follow(host, guide, "Purge")
    assert f"runs on: calico-node ({NODE_IMAGE})" in told
    found = host.run("find / /run -xdev -name '*calico-agent*' ! -name '*.deb' ! -path '/usr/src/*'").split()
    assert found == [], found
    host.run("test -d /opt")
    assert host.run("systemctl list-unit-files 'calico-agent*' --no-legend", check=False) == ""
    assert host.run("getent group calico-agent").startswith("calico-agent:")


def reach(host: Host) -> None:
    """docs/network-and-security.md: who is let in reads the metrics, and others nothing."""
    guide = read_guide("network-and-security.md")
    values = {"ADDRESS": ADDRESS, "PROMETHEUS": "10.77.0.1"}
    host.run("cp /etc/calico-agent/calico-agent.toml /root/before.toml")
    assert "calico_agent_build_info" in follow(host, guide, "A Prometheus", **values)
    ask = "ip netns exec world curl --silent --max-time 3 --cacert /etc/calico-agent/tls/cert.pem"
    ask += " --write-out '%{http_code}'"
    others = f"https://{ADDRESS}:9197"
    ours = f'--header "Authorization: Bearer $(cat /etc/calico-agent/token)" {others}'
    assert "calico_agent_build_info" in host.run(f"{ask} {ours}/metrics")
    for page in ("metrics", "status", "livez"):
        assert host.run(f"{ask} --output /dev/null {others}/{page}") == "401"
    follow(host, guide, "Firewall", **values)
    assert "calico_agent_build_info" in host.run(f"{ask} {ours}/metrics")
    host.run("ip -n world address add 10.77.0.99/24 dev br0")
    assert host.run(f"{ask} --interface 10.77.0.99 --output /dev/null {ours}/metrics", check=False) == "000"
    host.run("mv /root/before.toml /etc/calico-agent/calico-agent.toml")
    host.run("rm -r /etc/calico-agent/tls /etc/calico-agent/token; systemctl restart calico-agent")
    host.run("nft delete table inet calico_agent; ip -n world address del 10.77.0.99/24 dev br0")
    assert guide.left_out == set()


def is_told_in(guide: Guide) -> None:
    """Every section of a guide was followed."""
    if guide.left_out - {"Build the package"}:
        pytest.fail(f"{guide.name}: nobody follows {guide.left_out}")
