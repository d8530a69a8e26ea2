"""Expected and found side by side, as `calico-agent routes` shows them."""

from dataclasses import replace

from calico_agent.checks.routes.rows import route_rows
from calico_agent.expected.view import view_of
from calico_agent.model.network.kernel import Kernel
from calico_agent.model.network.neighbor import Neighbour
from calico_agent.model.network.route import RouteType
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.settings import Mode
from tests.checks.cluster import HEALTHY, IDENTITY, addresses, drop, routed, stored, via


def rows(observation: Observation) -> dict[str, str]:
    """Each prefix with everything else that its row says."""
    view = view_of(observation, IDENTITY, mode=Mode.OBSERVE, container_name="calico-node")
    return {
        str(row.prefix): f"{row.node} {row.pool} {row.state.value} {row.code or '-'}: {row.wanted} / {row.found}"
        for row in route_rows(view)
    }


HOST1 = "host1 default right -: blackhole / blackhole proto bird"
HOST2 = "host2 default right -: via 10.77.0.12 / via 10.77.0.12 dev eth0 proto bird"
HOST3 = "host3 default right -: via 10.77.0.13 / via 10.77.0.13 dev eth0 proto bird"


def test_a_healthy_host_has_a_right_row_for_every_block() -> None:
    assert rows(HEALTHY) == {"192.168.1.0/26": HOST1, "192.168.2.0/26": HOST2, "192.168.3.0/26": HOST3}
    assert list(rows(HEALTHY)) == sorted(rows(HEALTHY)), "by prefix"


def test_a_missing_route_is_missing() -> None:
    found = rows(routed(without=["192.168.2.0/26"]))
    assert found["192.168.2.0/26"] == "host2 default missing RT-MISSING: via 10.77.0.12 / nothing"


def test_a_wrong_route_has_the_code_of_its_finding() -> None:
    found = rows(routed(via("192.168.2.0/26", "10.77.0.13")))
    assert found["192.168.2.0/26"].startswith("host2 default wrong RT-WRONG-NEXTHOP: via 10.77.0.12 / via 10.77.0.13")


def test_a_right_route_to_a_dead_node_is_wrong() -> None:
    assert isinstance(HEALTHY.kernel, Kernel)
    dead = Neighbour(addresses("10.77.0.12")[0], "eth0", "FAILED")
    kernel = replace(HEALTHY.kernel, neighbours=(dead,), fdb=())
    found = rows(replace(HEALTHY, kernel=kernel))
    assert found["192.168.2.0/26"].startswith("host2 default wrong RT-NEXTHOP-DEAD")
    assert found["192.168.3.0/26"] == HOST3


def test_a_block_of_this_host_without_its_blackhole_is_missing() -> None:
    found = rows(routed(without=["192.168.1.0/26"]))
    assert found["192.168.1.0/26"] == "host1 default missing RT-BLACKHOLE-MISSING: blackhole / nothing"


def test_a_route_that_nobody_wants_is_stale() -> None:
    found = rows(routed(drop("192.168.9.0/26", RouteType.BLACKHOLE)))
    assert found["192.168.9.0/26"] == " default stale RT-STALE: nothing / blackhole proto bird"


def test_without_the_datastore_there_is_no_table() -> None:
    assert rows(replace(HEALTHY, datastore=Unreadable("etcd", "down"))) == {}


def test_a_datastore_of_another_revision_with_the_same_records_gives_the_same_rows() -> None:
    assert rows(stored(revision=8)) == rows(HEALTHY)
