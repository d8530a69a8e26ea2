"""The node name, and the names this host may already be known by."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.identity.name import choose_name, own_names
from calico_agent.model.container.container import Container, ContainerState, Docker
from calico_agent.model.host.machine import Host
from calico_agent.model.identity import NameChoice
from calico_agent.model.observation import Unreadable

UNREADABLE = Unreadable("host", "permission denied")

TAKEN = {
    "the host name": ("host3", "", "host3", "host name"),
    "the host name in lower case": ("Host3.Example", "", "host3.example", "host name"),
    "the host name without the newline of a careless /etc/hostname": ("host3\n", "", "host3", "host name"),
    "a fully qualified name": ("host3.rack-1.example", "", "host3.rack-1.example", "host name"),
    "a name of digits": ("1234", "", "1234", "host name"),
    "a name that only begins like localhost": ("localhost-7", "", "localhost-7", "host name"),
    "the configured name before the host name": ("host3", "worker-3", "worker-3", "configuration"),
}


@pytest.mark.parametrize(("hostname", "configured", "name", "source"), TAKEN.values(), ids=TAKEN.keys())
def test_takes(hostname: str, configured: str, name: str, source: str) -> None:
    """Each with where it comes from."""
    assert choose_name(Host(hostname), configured) == NameChoice(name, source)


REFUSED = {
    "localhost": ("localhost", "", "NAME-LOCALHOST"),
    "localhost with a domain": ("localhost.localdomain", "", "NAME-LOCALHOST"),
    "localhost in capitals": ("LocalHost", "", "NAME-LOCALHOST"),
    "a configured localhost": ("host3", "localhost", "NAME-LOCALHOST"),
    "an underscore": ("host_3", "", "NAME-INVALID"),
    "an empty host name": ("", "", "NAME-INVALID"),
    "a hyphen at the end of a part": ("host-.example", "", "NAME-INVALID"),
    "a dot at the end": ("host3.", "", "NAME-INVALID"),
    "a configured name in capitals, which Calico v3 refuses": ("host3", "Host3", "NAME-INVALID"),
    "a configured name with white space": ("host3", "host3\n", "NAME-INVALID"),
    "a slash, which would be another key in etcd": ("host3", "host3/x", "NAME-INVALID"),
    "more than 253 characters": ("host3", "a" * 254, "NAME-INVALID"),
}


@pytest.mark.parametrize(("hostname", "configured", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_refuses(hostname: str, configured: str, code: str) -> None:
    """Each with what to write where."""
    choice = choose_name(Host(hostname), configured)
    assert (choice.name, choice.refusal_code) == (None, code)
    assert '[identity] name = "..."' in choice.refusal


def test_the_refusal_names_the_name_and_its_source() -> None:
    """A whole sentence, once."""
    assert choose_name(Host("localhost.localdomain"), "").refusal == (
        "This machine's host name 'localhost.localdomain' is no node name: every machine is called that, and all would "
        'share one node. Write the name into the configuration: [identity] name = "...".'
    )


def test_an_unreadable_host_is_no_name() -> None:
    """Not knowing is not a name."""
    choice = choose_name(UNREADABLE, "")
    assert (choice.name, choice.refusal_code) == (None, "NAME-UNKNOWN")
    assert "permission denied" in choice.refusal


def test_a_configured_name_needs_no_host_name() -> None:
    """What is written down does not have to be read."""
    assert choose_name(UNREADABLE, "worker-3").name == "worker-3"


@given(st.text(max_size=300))
def test_any_host_name_gives_a_valid_name_or_a_reason(hostname: str) -> None:
    """A name that is taken can be a part of an etcd key and a node resource."""
    choice = choose_name(Host(hostname), "")
    assert (choice.name is None) == bool(choice.refusal)
    if choice.name is not None:
        assert choice.name == choice.name.lower()
        assert set(choice.name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")


def test_own_names_are_all_under_which_this_host_may_be_registered() -> None:
    """What it should be called, is called, was called, and what its container was told."""
    container = Container("1", "calico-node", "i", ContainerState.RUNNING, env=(("NODENAME", "host3.example"),))
    host = Host("Host3", nodename_file="old3")
    names = own_names(NameChoice("worker-3"), host, Docker(containers=(container,)))
    assert names == {"worker-3", "host3", "old3", "host3.example"}


def test_without_readable_sources_there_is_only_the_configured_name() -> None:
    """An empty name is nobody's."""
    assert own_names(NameChoice("worker-3"), UNREADABLE, UNREADABLE) == {"worker-3"}
    assert own_names(NameChoice(None), UNREADABLE, UNREADABLE) == frozenset()
