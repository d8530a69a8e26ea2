"""Refusals: what a person reads when there is no address."""

from tests.identity.machine import DOCKER0, ETH0, LO, Machine, link

ETH1 = link("eth1", "192.168.7.3/24")
TWO = Machine(links=(LO, ETH0, ETH1, DOCKER0))


def refused(machine: Machine) -> tuple[str, str]:
    choice = machine.identify().ipv4
    assert choice.chosen is None
    assert not machine.identify().complete
    return choice.refusal_code, choice.refusal


def test_two_addresses_and_nothing_that_decides() -> None:
    """The lines to choose from are ready to be copied."""
    assert refused(TWO) == (
        "IP-AMBIGUOUS",
        (
            "2 IPv4 addresses could be this node's, and nothing decides between them: 10.0.0.13/24 (eth0), "
            "192.168.7.3/24 (eth1). Write the right one into the configuration: "
            '[identity] ipv4 = "10.0.0.13" or ipv4 = "192.168.7.3".'
        ),
    )


def test_very_many_addresses_are_cut() -> None:
    """Nobody reads twenty lines; `detect` prints them all."""
    many = tuple(link(f"eth{n}", f"10.0.{n}.13/24") for n in range(20))
    _, refusal = refused(Machine(links=many))
    assert "10.0.5.13/24 (eth5), and 14 more." in refusal


def test_every_address_is_rejected() -> None:
    """Each with its evidence; loopback and link-local go without saying."""
    assert refused(Machine(links=(LO, DOCKER0, link("eth0", "10.0.0.13/24", up=False)))) == (
        "IP-NONE",
        (
            "No IPv4 address of this host can be the node's: 172.17.0.1/16 docker0 belongs to Docker's network "
            "'bridge' (docker network ls); 10.0.0.13/24 eth0 is on a link that is switched off (ip link set up). Give "
            "a link the address at which other nodes reach this host; if one of these is right all the same, write it "
            'into the configuration: [identity] ipv4 = "...".'
        ),
    )


def test_no_address_at_all() -> None:
    """An empty list is not shown."""
    assert refused(Machine(links=(LO,))) == (
        "IP-NONE",
        (
            "This host has no IPv4 address other than loopback and link-local ones. Give a link the address at which "
            "other nodes reach this host."
        ),
    )


def test_the_configured_address_is_on_no_link() -> None:
    """A typo, or the configuration of another host: the other rules do not step in."""
    assert refused(Machine().configured("10.0.0.31")) == (
        "IP-NOT-LOCAL",
        (
            "The configured IPv4 address 10.0.0.31 is on no link of this host, so BIRD could not use it. "
            'Write instead: [identity] ipv4 = "10.0.0.13".'
        ),
    )


def test_the_configured_address_is_dockers() -> None:
    """Written by hand, and wrong all the same."""
    assert refused(Machine().configured("172.17.0.1")) == (
        "IP-REJECTED",
        (
            "The configured IPv4 address 172.17.0.1 cannot be the node's: 172.17.0.1/16 docker0 belongs to Docker's "
            "network 'bridge' (docker network ls). Write instead: [identity] ipv4 = \"10.0.0.13\"."
        ),
    )


def test_the_configured_address_is_dockers_and_there_is_no_better_one() -> None:
    """Nothing is offered that is not there."""
    code, refusal = refused(Machine(links=(LO, DOCKER0)).configured("172.17.0.1"))
    assert code == "IP-REJECTED"
    assert refusal.endswith("This host has no other address that could be it.")
