"""What `detect` prints for a host that is decided, and for one that is not."""

import json
from dataclasses import replace
from ipaddress import ip_interface

import pytest

from calico_agent.faults.node.identity import IP_AMBIGUOUS, IP_NONE, IP_UNKNOWN, NAME_INVALID, NAME_LOCALHOST
from calico_agent.model.identity import AddressChoice, Candidate, Identity, NameChoice, NameSource, Opinion
from calico_agent.model.network.address import Family
from calico_agent.report.pages.identity_text import identity_json, render_identity

ETH0 = Candidate(ip_interface("10.0.0.13/24"), "eth0")
ETH1 = Candidate(ip_interface("192.168.7.3/24"), "eth1")
DOCKER0 = Candidate(
    ip_interface("172.17.0.1/16"),
    "docker0",
    "docker-network",
    "belongs to Docker's network 'bridge' (docker network ls)",
)
OVERLAP = Candidate(
    ip_interface("192.168.1.5/24"),
    "eth2",
    "pool-overlap",
    (
        "lies in the IP pool default-ipv4-ippool (192.168.0.0/16), from which pods get addresses: pool and host "
        "network must not overlap"
    ),
)
DECIDED = Identity(
    NameChoice(
        "host3",
        "host name",
        sources=(
            NameSource("kubelet", "", "no kubelet runs here"),
            NameSource("host name", "host3", "hostname"),
            NameSource("full name", "host3.example", "/etc/hosts"),
            NameSource("CNI", "host9", "/etc/cni/net.d/10-calico.conflist"),
        ),
    ),
    AddressChoice(
        Family.IPV4,
        chosen=ETH0.interface,
        link="eth0",
        rule="other nodes",
        candidates=(ETH0, ETH1, DOCKER0, OVERLAP),
        opinions=(
            Opinion("configured", (), "no address is configured"),
            Opinion("other nodes", (ETH0.interface,), "the kernel reaches 2 of 2 other nodes from 10.0.0.13 (eth0)"),
            Opinion(
                "datastore",
                (ETH0.interface, ETH1.interface),
                "the kernel reaches the datastore from 10.0.0.13 (eth0) and 192.168.7.3 (eth1)",
            ),
            Opinion(
                "default route",
                (ETH1.interface,),
                "packets to the rest of the world leave from 192.168.7.3 (eth1)",
            ),
            Opinion("only candidate", (), "2 candidates are left"),
        ),
        calico=(Opinion("Calico itself", (ETH1.interface,), "first-found would take 192.168.7.3 (eth1)"),),
    ),
    AddressChoice(Family.IPV6, wanted=False),
)
REFUSED = Identity(
    NameChoice(None, "host name", "This machine's host name 'localhost' is no node name.", NAME_LOCALHOST),
    AddressChoice(
        Family.IPV4,
        candidates=(ETH0, ETH1),
        opinions=(
            Opinion("datastore", (ETH0.interface, ETH1.interface), "the kernel reaches the datastore from both"),
            Opinion("default route", (), "there is no default route"),
        ),
        refusal='2 IPv4 addresses could be this node\'s. Write the right one: [identity] ipv4 = "10.0.0.13".',
        refused_by=IP_AMBIGUOUS,
    ),
    AddressChoice(Family.IPV6, wanted=False),
)


def test_a_decided_host() -> None:
    """Every address with its verdict, then the rule that decided and how all others stand to it."""
    assert render_identity(DECIDED) == (
        """\
ADDRESS         LINK     VERDICT   EVIDENCE
10.0.0.13/24    eth0     chosen    by rule: other nodes
192.168.7.3/24  eth1     possible
172.17.0.1/16   docker0  rejected  belongs to Docker's network 'bridge' (docker network ls)
                                   [docker-network]
192.168.1.5/24  eth2     rejected  lies in the IP pool default-ipv4-ippool (192.168.0.0/16), from
                                   which pods get addresses: pool and host network must not overlap
                                   [pool-overlap]

IPv4: 10.0.0.13/24 on eth0, by rule: other nodes
  RULE            STAND      DETAIL
  configured      silent     no address is configured
  other nodes     decides    the kernel reaches 2 of 2 other nodes from 10.0.0.13 (eth0)
  datastore       undecided  the kernel reaches the datastore from 10.0.0.13 (eth0) and 192.168.7.3
                             (eth1)
  default route   disagrees  packets to the rest of the world leave from 192.168.7.3 (eth1)
  only candidate  silent     2 candidates are left
  Calico itself   disagrees  first-found would take 192.168.7.3 (eth1)

IPv6: not used

Name: host3, from the host name
  SOURCE     STAND       NAME           WHERE
  kubelet    silent      -              no kubelet runs here
  host name  decides     host3          hostname
  full name  other form  host3.example  /etc/hosts
  CNI        disagrees   host9          /etc/cni/net.d/10-calico.conflist
"""
    )


def test_a_refused_host() -> None:
    """What to do stands where the decision would."""
    assert render_identity(REFUSED) == (
        """\
ADDRESS         LINK  VERDICT   EVIDENCE
10.0.0.13/24    eth0  possible
192.168.7.3/24  eth1  possible

IPv4: none. IP-AMBIGUOUS: 2 IPv4 addresses could be this node's. Write the right one: [identity]
ipv4 = "10.0.0.13".
  RULE           STAND      DETAIL
  datastore      undecided  the kernel reaches the datastore from both
  default route  silent     there is no default route

IPv6: not used

Name: none. NAME-LOCALHOST: This machine's host name 'localhost' is no node name.
"""
    )


def test_a_host_whose_kernel_cannot_be_read_has_no_table() -> None:
    """An empty table would look like a host without addresses."""
    ipv4 = AddressChoice(Family.IPV4, refusal="The addresses of this host cannot be read: x", refused_by=IP_UNKNOWN)
    text = render_identity(replace(DECIDED, ipv4=ipv4))
    assert text.startswith("IPv4: none. IP-UNKNOWN: The addresses of this host cannot be read: x\n")


def test_a_chosen_address_that_was_presumed_wrong_says_so() -> None:
    """A configured address on a tunnel: chosen, with the doubt beside it."""
    wg0 = Candidate(ip_interface("10.9.0.3/24"), "wg0", "virtual-link", "is on a WireGuard tunnel")
    choice = AddressChoice(Family.IPV4, chosen=wg0.interface, link="wg0", rule="configured", candidates=(wg0,))
    text = render_identity(replace(DECIDED, ipv4=choice))
    assert "10.9.0.3/24  wg0   chosen   by rule: configured, although it is on a WireGuard tunnel\n" in text


@pytest.mark.parametrize("prefix_length", [64, 128])
def test_no_line_is_longer_than_a_terminal_of_100_columns(prefix_length: int) -> None:
    """Not with the longest address, link name and evidence either."""
    longest = ip_interface(f"2001:db8:ffff:ffff:ffff:ffff:ffff:ffff/{prefix_length}")
    candidate = replace(OVERLAP, interface=longest, link="enp130s0f1np1.4094")
    choice = AddressChoice(Family.IPV6, chosen=longest, link="enp130s0f1np1.4094", rule="configured")
    text = render_identity(replace(DECIDED, ipv6=replace(choice, candidates=(candidate, replace(candidate, link="x")))))
    assert max(len(line) for line in text.splitlines()) <= 100
    assert str(longest) in text


def test_json_holds_what_the_text_says() -> None:
    """In plain JSON types, with the machine's words."""
    document = json.loads(json.dumps(identity_json(DECIDED)))
    assert document["complete"] is True
    assert document["name"] == {
        "name": "host3",
        "source": "host name",
        "refusal": "",
        "refusal_code": "",
        "sources": [
            {"source": "kubelet", "name": "", "stand": "silent", "where": "no kubelet runs here"},
            {"source": "host name", "name": "host3", "stand": "decides", "where": "hostname"},
            {"source": "full name", "name": "host3.example", "stand": "other form", "where": "/etc/hosts"},
            {"source": "CNI", "name": "host9", "stand": "disagrees", "where": "/etc/cni/net.d/10-calico.conflist"},
        ],
    }
    assert document["ipv4"]["calico"][0]["stand"] == "disagrees"
    assert (document["ipv4"]["chosen"], document["ipv4"]["link"]) == ("10.0.0.13/24", "eth0")
    assert document["ipv4"]["candidates"][2] == {
        "address": "172.17.0.1/16",
        "link": "docker0",
        "accepted": False,
        "reason": "docker-network",
        "evidence": "belongs to Docker's network 'bridge' (docker network ls)",
        "yields": "",
    }
    assert [opinion["stand"] for opinion in document["ipv4"]["opinions"]] == [
        "silent",
        "decides",
        "undecided",
        "disagrees",
        "silent",
    ]


def test_json_of_a_refusal() -> None:
    """Null, never an empty string, where there is no address."""
    document = json.loads(json.dumps(identity_json(REFUSED)))
    assert document["ipv4"]["chosen"] is None
    assert (document["ipv4"]["refusal_code"], document["name"]["refusal_code"]) == ("IP-AMBIGUOUS", "NAME-LOCALHOST")
    assert document["complete"] is False


EVIL = "x\x1b[31m\u202ey\r\nz"


@pytest.mark.parametrize("refused", [False, True], ids=["decided", "refused"])
def test_what_comes_from_outside_cannot_move_the_cursor(*, refused: bool) -> None:
    """Names of links, of the kubelet's node, of containers and files are whatever somebody made them."""
    evil = Candidate(ip_interface("10.0.0.13/24"), EVIL, "link-name", f"is {EVIL}", f"for {EVIL}")
    name = NameChoice(EVIL, EVIL, sources=(NameSource(EVIL, EVIL, EVIL, EVIL),))
    choice = replace(DECIDED.ipv4, link=EVIL, rule=EVIL, candidates=(evil,), opinions=(Opinion(EVIL, (), EVIL),))
    if refused:
        choice = replace(choice, chosen=None, refusal=EVIL, refused_by=IP_NONE)
        name = replace(name, name=None, refusal=EVIL, refused_by=NAME_INVALID)
    text = render_identity(Identity(name, choice, DECIDED.ipv6))
    assert "x\\x1b[31m" in text
    assert all(character.isprintable() or character == "\n" for character in text)
