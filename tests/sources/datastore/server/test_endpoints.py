"""What the URLs of endpoints say."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.sources.datastore.server.endpoints import Endpoint, parse_endpoint, resolve_endpoints


@pytest.mark.parametrize(
    ("url", "tls_by_default", "expected", "shown"),
    [
        pytest.param(
            "https://10.77.0.1:2379",
            False,
            Endpoint("10.77.0.1", 2379, tls=True),
            "https://10.77.0.1:2379",
            id="https",
        ),
        pytest.param("http://etcd:4001/", True, Endpoint("etcd", 4001, tls=False), "http://etcd:4001", id="http"),
        pytest.param("HTTPS://etcd", False, Endpoint("etcd", 2379, tls=True), "https://etcd:2379", id="without a port"),
        pytest.param(
            "https://[fd00::1]:2379",
            False,
            Endpoint("fd00::1", 2379, tls=True),
            "https://[fd00::1]:2379",
            id="IPv6",
        ),
        pytest.param("etcd:2379", False, Endpoint("etcd", 2379, tls=False), "http://etcd:2379", id="no scheme, no TLS"),
        pytest.param("etcd:2379", True, Endpoint("etcd", 2379, tls=True), "https://etcd:2379", id="no scheme, TLS"),
    ],
)
def test_an_endpoint(url: str, tls_by_default: bool, expected: Endpoint, shown: str) -> None:
    endpoint = parse_endpoint(url, tls_by_default=tls_by_default)
    assert endpoint == expected
    assert str(endpoint) == shown


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("unix:///run/etcd", "the endpoint 'unix:///run/etcd' is neither http nor https"),
        ("", "the endpoint '' is not of the form https://host:2379"),
        ("https://etcd:port", "the endpoint 'https://etcd:port' is not of the form https://host:2379"),
        ("https://[fd00::1", "the endpoint 'https://[fd00::1' is not of the form https://host:2379"),
        ("https://etcd/v2", "the endpoint 'https://etcd/v2' is not of the form https://host:2379"),
    ],
)
def test_what_is_no_endpoint_is_told(url: str, told: str) -> None:
    with pytest.raises(ValueError, match="the endpoint") as caught:
        parse_endpoint(url, tls_by_default=False)
    assert str(caught.value) == told


def test_a_password_in_an_endpoint_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValueError, match="belong") as caught:
        parse_endpoint("https://root:secret@etcd:2379", tls_by_default=False)
    assert "secret" not in str(caught.value)


@given(st.text())
def test_any_text_is_an_endpoint_or_told_to_be_none(url: str) -> None:
    try:
        shown = str(parse_endpoint(url, tls_by_default=False))
    except ValueError as error:
        shown = str(error)
    assert shown
    assert shown.isprintable()


def test_the_addresses_of_endpoints_in_order_and_once_each() -> None:
    urls = ("https://10.77.0.1:2379", "http://[fd00::1]:2379", "localhost:2379", "https://", "10.77.0.1")
    addresses = resolve_endpoints(urls)
    assert addresses[:2] == (ip_address("10.77.0.1"), ip_address("fd00::1"))
    assert ip_address("127.0.0.1") in addresses
    assert len(set(addresses)) == len(addresses)
