"""What FelixConfiguration and Felix's environment change about the routes that are expected."""

from dataclasses import replace

import pytest

from calico_agent.model.assessment import RouteCounts
from calico_agent.model.calico.felix import FelixSettings
from calico_agent.model.observation import Observation
from calico_agent.model.settings import Mode
from tests.checks.case import Case, check
from tests.checks.cluster import BOOT, FELIX, contained, drop, look, routed, stored, via
from tests.checks.vxlan import VXLAN, without

TO2, TO3, OWN = "192.168.2.0/26", "192.168.3.0/26", "192.168.1.0/26"
FREE = "192.168.7.0/26"
RIGHT = (
    via(TO2, "192.168.2.1", "vxlan.calico", BOOT),
    via(TO3, "192.168.3.1", "vxlan.calico", BOOT),
    drop(OWN, protocol=FELIX),
)
EACH: dict[str, set[str]] = {f"RT-MISSING {TO2}": set(), f"RT-MISSING {TO3}": set()}
DEFAULT = FelixSettings()
NONE = replace(VXLAN, kernel=without([TO2, TO3]))
BY_PODS = replace(without([TO2, TO3, OWN]))
PROTO_200 = routed(
    via(TO2, "192.168.2.1", "vxlan.calico", 200), via(TO3, "192.168.3.1", "vxlan.calico", 200), drop(OWN, protocol=200)
)


def vxlan(seen: Observation) -> Observation:
    """The VXLAN cluster with the kernel of another observation."""
    return replace(VXLAN, kernel=seen.kernel)


def told(observation: Observation, settings: FelixSettings = DEFAULT, **node: object) -> Observation:
    """Felix is told so by FelixConfiguration default, and more by that of host1."""
    return stored(observation, felix=settings, felix_nodes=(("host1", tuple(node.items())),))


CASES = {
    "routes of a protocol that nobody told of": Case(
        vxlan(PROTO_200),
        {f"RT-FOREIGN {OWN}": set()},
    ),
    "deviceRouteProtocol in FelixConfiguration default": Case(
        told(vxlan(PROTO_200), FelixSettings(route_protocol=200)), {}, status={}
    ),
    "deviceRouteProtocol in that of this node": Case(told(vxlan(PROTO_200), deviceRouteProtocol=200), {}, status={}),
    "deviceRouteProtocol in the environment": Case(
        contained(vxlan(PROTO_200), env=(("FELIX_DEVICEROUTEPROTOCOL", "200"),)), {}, status={}
    ),
    "deviceRouteProtocol of another node": Case(
        stored(vxlan(PROTO_200), felix_nodes=(("host2", (("deviceRouteProtocol", 200),)),)),
        {f"RT-FOREIGN {OWN}": set()},
    ),
    "the environment has the last word over deviceRouteProtocol": Case(
        contained(
            told(vxlan(PROTO_200), FelixSettings(route_protocol=100), deviceRouteProtocol=100),
            env=(("FELIX_DEVICEROUTEPROTOCOL", "200"),),
        ),
        {},
    ),
    "a blackhole of Felix's protocol on a block of another node is Calico's too": Case(
        told(routed(drop(TO3, protocol=200)), deviceRouteProtocol=200),
        {f"RT-BLACKHOLE {TO3}": set()},
        says=("as if the block were its own",),
    ),
    "no route to blocks, and nobody said that there is to be none": Case(NONE, EACH),
    "routeSource WorkloadIPs: routes to pods in place of those to blocks": Case(
        told(replace(VXLAN, kernel=BY_PODS), FelixSettings(workload_routes=True)), {}, status={}
    ),
    "routeSource WorkloadIPs in the environment": Case(
        contained(replace(VXLAN, kernel=BY_PODS), env=(("FELIX_ROUTESOURCE", "WorkloadIPs"),)), {}, status={}
    ),
    "a route into the tunnel to nobody's block is left by Felix": Case(
        vxlan(routed(*RIGHT, via(FREE, "192.168.2.1", "vxlan.calico", BOOT))), {f"RT-STALE {FREE}": set()}
    ),
    "removeExternalRoutes false: it is somebody else's, and wanted": Case(
        told(vxlan(routed(*RIGHT, via(FREE, "192.168.2.1", "vxlan.calico", BOOT))), removeExternalRoutes=False), {}
    ),
    "removeExternalRoutes false: one of Felix's own is stale all the same": Case(
        told(vxlan(routed(*RIGHT, via(FREE, "192.168.2.1", "vxlan.calico", FELIX))), removeExternalRoutes=False),
        {f"RT-STALE {FREE}": set()},
    ),
    "routeSyncDisabled: somebody else writes routes, or nobody": Case(
        told(NONE, routeSyncDisabled=True), {}, status={}
    ),
    "routeSyncDisabled says nothing of what BIRD brings": Case(
        told(routed(without=[TO3]), routeSyncDisabled=True), {f"RT-MISSING {TO3}": set()}
    ),
    "routeSyncDisabled was set back for this node": Case(
        told(NONE, FelixSettings(syncs_routes=False), routeSyncDisabled=False), EACH
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_felix_settings(case: Case) -> None:
    check(case)


def test_what_felix_is_told_to_leave_out_is_said() -> None:
    seen = look(told(NONE, routeSyncDisabled=True), mode=Mode.OBSERVE)
    assert seen.routes == RouteCounts(left_out=2)
    routes = next(one for one in seen.conditions if one.type.value == "RoutesInPlace")
    assert routes.message.startswith("0 of 0 routes right, the way to 2 blocks not judged: Felix is told")
