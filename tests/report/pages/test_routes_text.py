"""Routes and traces as people and programs read them."""

from ipaddress import ip_address, ip_network

from calico_agent.model.network.route_trace import RouteRow, RouteState, Trace
from calico_agent.report.pages.routes_text import (
    all_right,
    render_routes,
    render_trace,
    routes_json,
    select,
    trace_json,
)

RIGHT = RouteRow(
    ip_network("192.168.2.0/26"), "host2", "default", RouteState.RIGHT, "via 10.77.0.12", "via 10.77.0.12 dev eth0"
)
MISSING = RouteRow(
    ip_network("192.168.130.0/26"), "host3", "far", RouteState.MISSING, "via 10.77.0.13", "nothing", "RT-MISSING"
)
FOREIGN = RouteRow(
    ip_network("192.168.4.0/26"), "", "default", RouteState.WRONG, "nothing", "dev eth1\n", "RT-SHADOWED"
)
ROWS = (RIGHT, FOREIGN, MISSING)


def test_a_line_for_each_route_in_columns_and_a_count() -> None:
    assert render_routes(ROWS).splitlines() == [
        "PREFIX            NODE   POOL     STATE              WANTED          FOUND",
        "192.168.2.0/26    host2  default  right              via 10.77.0.12  via 10.77.0.12 dev eth0",
        "192.168.4.0/26    -      default  wrong RT-SHADOWED  nothing         dev eth1",
        "192.168.130.0/26  host3  far      missing            via 10.77.0.13  nothing",
        "3 routes: 1 right, 1 missing, 1 wrong",
    ]


def test_no_route_at_all_is_said() -> None:
    assert render_routes(()).splitlines()[-1] == "0 routes"


def test_filters_join_and_an_empty_one_asks_for_nothing() -> None:
    assert select(ROWS, {}) == ROWS
    assert select(ROWS, {"node": "host2", "pool": "", "state": ""}) == (RIGHT,)
    assert select(ROWS, {"pool": "default", "state": "wrong"}) == (FOREIGN,)
    assert select(ROWS, {"node": "host2", "state": "missing"}) == ()


def test_only_right_routes_are_all_right() -> None:
    assert all_right((RIGHT,))
    assert not all_right(ROWS)


def test_programs_get_the_same() -> None:
    routes = routes_json(ROWS)["routes"]
    assert isinstance(routes, list)
    assert routes[2] == {
        "prefix": "192.168.130.0/26",
        "node": "host3",
        "pool": "far",
        "state": "missing",
        "code": "RT-MISSING",
        "wanted": "via 10.77.0.13",
        "found": "nothing",
    }


def test_a_trace_begins_with_its_verdict() -> None:
    trace = Trace(
        ip_address("192.168.2.7"), True, "192.168.2.7 goes to node host2, as it should", (("table", "main"),), ()
    )
    assert render_trace(trace) == "192.168.2.7 goes to node host2, as it should\n\nnow\n  table         main\n"
    assert trace_json(trace)["now"] == [{"fact": "table", "text": "main"}]
