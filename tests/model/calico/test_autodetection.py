"""Calico's methods: the grammar, and what is refused before anything starts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.model.calico.autodetection import MethodKind, parse_method

TAKEN = {
    "first-found": ("first-found", MethodKind.FIRST_FOUND),
    "one link": ("interface=eth0", MethodKind.INTERFACE),
    "expressions with white space around the comma": ("interface=eth.* , ens\\d", MethodKind.INTERFACE),
    "links to skip": ("skip-interface=^ens9$,docker", MethodKind.SKIP_INTERFACE),
    "networks": ("cidr=10.0.0.0/8,192.168.0.0/16", MethodKind.CIDR),
    "a network with host bits, which are masked away": ("cidr=10.0.0.7/8", MethodKind.CIDR),
    "an address to reach": ("can-reach=10.0.0.1", MethodKind.CAN_REACH),
    "a DNS name to reach": ("can-reach=www.example.com", MethodKind.CAN_REACH),
}


@pytest.mark.parametrize(("text", "kind"), TAKEN.values(), ids=TAKEN.keys())
def test_takes(text: str, kind: MethodKind) -> None:
    method = parse_method(text, 4)
    assert (method.kind, method.text) == (kind, text)


def test_an_expression_is_searched_for_in_the_name() -> None:
    """As in Go: interface=eth1 also takes eth10 and veth1."""
    method = parse_method("interface=eth1, bond", 4)
    assert [name for name in ("eth0", "eth1", "eth10", "veth1", "bond0") if method.names(name)] == [
        "eth1",
        "eth10",
        "veth1",
        "bond0",
    ]


REFUSED = {
    "a link without interface= (projectcalico/calico#2965)": ("eth1", 4, 'did you mean "interface=eth1"?'),
    "an address without can-reach=": ("8.8.8.8", 4, 'did you mean "can-reach=8.8.8.8"?'),
    "a network without cidr=": ("10.0.0.0/8", 4, 'did you mean "cidr=10.0.0.0/8"?'),
    "interfaces=": ("interfaces=eth0", 4, 'did you mean "interface="?'),
    "first_found": ("first_found", 4, 'did you mean "first-found"?'),
    "nothing": ("", 4, "is none of Calico's methods"),
    "an expression that is none": ("interface=eth(", 4, "has the item 'eth(', which cannot be used"),
    "an expression that Go refuses": ("interface=eth(?!0)", 4, "which Go and Python do not read alike"),
    "a comma at the end, which matches every link": ("interface=eth0,", 4, "has an empty item"),
    "no argument, which matches every link": ("interface=", 4, "has an empty item"),
    "a space before the name, which never matches": ("interface= eth0", 4, "has white space in the item ' eth0'"),
    "a network without a prefix length": ("cidr=10.0.0.0", 4, "is not an IPv4 network like 10.0.0.0/24"),
    "a network mask": ("cidr=10.0.0.0/255.0.0.0", 4, "is not an IPv4 network"),
    "an IPv6 network for IPv4": ("cidr=2001:db8::/32", 4, "is not an IPv4 network"),
    "an IPv4 network for IPv6": ("cidr=10.0.0.0/8", 6, "is not an IPv6 network like 2001:db8::/64"),
    "an IPv6 address for IPv4": ("can-reach=2001:db8::1", 4, "reaches for an IPv6 address"),
    "nothing to reach": ("can-reach=", 4, "has no address and no DNS name"),
    "a URL to reach": ("can-reach=http://x", 4, "has no address and no DNS name"),
    "Kubernetes' own address with an argument": ("kubernetes-internal-ip=1", 4, "is none of Calico's methods"),
}


@pytest.mark.parametrize(("text", "version", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_refuses(text: str, version: int, words: str) -> None:
    with pytest.raises(ValueError, match=r"^(is|has|asks|reaches) ") as caught:
        parse_method(text, version)
    assert words in str(caught.value)


@given(st.text(max_size=60), st.sampled_from([4, 6]))
def test_any_text_is_a_method_or_a_printable_fault(text: str, version: int) -> None:
    for written in (text, f"interface={text}", f"cidr={text}", f"can-reach={text}"):
        words = ""
        try:
            parse_method(written, version)
        except ValueError as error:
            words = str(error)
        assert words.isprintable()
