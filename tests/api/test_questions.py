"""/routes and /trace, answered by somebody who knows and by somebody who does not."""

import json
from ipaddress import ip_address

import pytest

from calico_agent.api.questions import answer_routes, answer_trace
from calico_agent.model.network.address import IPAddress
from calico_agent.model.network.route_trace import KnownNames, NodeWay, RouteRow, Trace
from calico_agent.model.observation import Unreadable
from tests.report.pages.test_routes_text import MISSING, RIGHT

BLIND = Unreadable("etcd", "nobody answers", "refused")


class Known:
    """Two routes; one address is right and every other one wrong."""

    def routes(self) -> tuple[RouteRow, ...] | Unreadable:
        return (RIGHT, MISSING)

    def names(self) -> KnownNames:
        return KnownNames(frozenset({"host1", "host2", "host3"}), frozenset({"default", "empty"}))

    def ways(self) -> tuple[NodeWay, ...] | Unreadable:
        return (NodeWay("host2", "none"), NodeWay("host3", "none"))

    def trace(self, address: IPAddress) -> Trace | Unreadable:
        right = address == ip_address("192.168.2.7")
        return Trace(address, right, f"{address} goes {'well' if right else 'astray'}")


class Unknown:
    """Nothing is known."""

    def routes(self) -> tuple[RouteRow, ...] | Unreadable:
        return BLIND

    def names(self) -> KnownNames:
        return KnownNames()

    def ways(self) -> tuple[NodeWay, ...] | Unreadable:
        return BLIND

    def trace(self, address: IPAddress) -> Trace | Unreadable:  # noqa: ARG002
        return BLIND


def test_routes_are_listed_and_marked_by_what_is_listed() -> None:
    everything = answer_routes(Known(), {})
    assert (everything.status, everything.healthy) == (200, False)
    assert len(json.loads(everything.body)["routes"]) == 2
    right = answer_routes(Known(), {"state": "right", "format": "text"})
    assert (right.status, right.healthy) == (200, True)
    assert right.body.decode().splitlines()[-1] == "1 route: 1 right"


@pytest.mark.parametrize(("address", "healthy"), [("192.168.2.7", True), ("192.168.2.8", False)])
def test_a_trace_is_marked_by_its_verdict(address: str, healthy: bool) -> None:
    answered = answer_trace(Known(), {"address": address, "format": "text"})
    assert (answered.status, answered.healthy) == (200, healthy)
    assert answered.body.decode().startswith(f"{address} goes ")


def test_what_cannot_be_asked_is_refused() -> None:
    assert answer_routes(Known(), {"state": "purple"}).status == 400
    for address in ("", "host2", "192.168.2.0/26"):
        assert answer_trace(Known(), {"address": address}).status == 400


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"node": "hsot2"}, "there is no node 'hsot2' (did you mean host2?)"),
        ({"node": "HOST2"}, "there is no node 'HOST2'"),
        ({"pool": "defualt", "format": "text"}, "there is no pool 'defualt' (did you mean default?)"),
        ({"pool": "nosuch"}, "there is no pool 'nosuch'"),
        ({"node": "host2", "pool": "\x1b[31m"}, "there is no pool '\\\\x1b[31m'"),
    ],
)
def test_a_typo_is_no_good_news(asked: dict[str, str], error: str) -> None:
    answered = answer_routes(Known(), asked)
    assert (answered.status, answered.healthy, answered.error) == (404, False, error)


@pytest.mark.parametrize("asked", [{"node": "host1"}, {"pool": "empty"}, {"node": "", "pool": "", "state": ""}])
def test_a_node_and_a_pool_without_routes_are_none_the_less_there(asked: dict[str, str]) -> None:
    assert answer_routes(Known(), asked).status == 200


@pytest.mark.parametrize("form", ["json", "text"])
def test_not_knowing_is_no_answer(form: str) -> None:
    for answered in (
        answer_routes(Unknown(), {"format": form}),
        answer_trace(Unknown(), {"address": "10.0.0.1", "format": form}),
    ):
        assert (answered.status, answered.healthy) == (503, False)
        assert "etcd: nobody answers" in answered.body.decode()
