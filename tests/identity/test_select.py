"""The whole identity: name and both families, also when sources cannot be read."""

from calico_agent.identity.select import identify_host
from calico_agent.model.calico.node import Datastore
from calico_agent.model.container.container import Docker
from calico_agent.model.host.machine import Host
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import AddressSettings, IdentitySettings
from tests.identity.machine import DOCKER0, LO, Machine, held, link


def test_a_plain_host_is_complete() -> None:
    """Name and IPv4; IPv6 is not used unless asked for."""
    identity = Machine().identify()
    assert (identity.name.name, str(identity.ipv4.chosen), identity.ipv6.wanted) == ("host3", "10.0.0.13/24", False)
    assert identity.complete


def test_a_family_that_is_not_used_still_shows_its_addresses() -> None:
    """`detect` shows every address there is."""
    identity = Machine().identify()
    assert [str(candidate.interface) for candidate in identity.ipv6.candidates] == ["::1/128"]
    assert identity.ipv6.opinions == ()


def test_dual_stack_needs_both() -> None:
    """A wanted family without an address keeps the container from being started."""
    ipv4_only = Machine().with_ipv6("auto")
    assert not ipv4_only.identify().complete
    assert ipv4_only.identify().ipv6.refusal_code == "IP-NONE"
    both = ipv4_only.having(links=(LO, link("eth0", "10.0.0.13/24", "fd00:77::13/64", held("fe80::1/64")), DOCKER0))
    assert str(both.identify().ipv6.chosen) == "fd00:77::13/64"
    assert both.identify().complete


def test_an_ipv6_only_host_is_complete_without_ipv4() -> None:
    """IPv4 is an option like IPv6."""
    settings = IdentitySettings(ipv4=AddressSettings("none"), ipv6=AddressSettings("auto"))
    machine = Machine(links=(LO, link("eth0", "fd00:77::13/64")), settings=settings)
    assert machine.identify().complete


def test_without_the_kernel_nothing_is_known_about_addresses() -> None:
    """Not knowing is not IP-NONE, and not a choice either, whatever is configured."""
    kernel = Unreadable("kernel", "netlink: no buffer space")
    settings = IdentitySettings(ipv6=AddressSettings("none"))
    identity = identify_host(Host("host3"), kernel, Docker(), Datastore(), settings, ())
    assert (identity.ipv4.chosen, identity.ipv4.refusal_code) == (None, "IP-UNKNOWN")
    assert "no buffer space" in identity.ipv4.refusal
    assert not identity.ipv6.wanted
    assert identity.name.name == "host3"


def test_a_refused_name_leaves_the_address_known() -> None:
    """Both are needed, each is told on its own."""
    identity = Machine(host=Host("localhost")).identify()
    assert identity.ipv4.chosen is not None
    assert not identity.complete


def test_docker_and_datastore_down_do_not_keep_a_plain_host_from_being_known() -> None:
    """docker0 is recognised without Docker, and the default route needs no datastore."""
    down = Machine(
        docker=Unreadable("Docker", "no such file: /var/run/docker.sock", "absent"),
        datastore=Unreadable("etcd", "connection refused", "refused"),
    )
    assert str(down.identify().ipv4.chosen) == "10.0.0.13/24"
    assert down.verdict("172.17.0.1").reason == "docker-network"
