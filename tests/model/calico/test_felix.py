"""What Felix is told, as it understands it itself."""

import pytest

from calico_agent.model.calico.felix import ClusterRoutes, FelixSettings, Said, variable
from calico_agent.model.network.address import Family


@pytest.mark.parametrize(
    ("said", "settings"),
    [
        pytest.param((), FelixSettings(), id="nothing"),
        pytest.param((("deviceRouteProtocol", 200),), FelixSettings(route_protocol=200), id="a number"),
        pytest.param((("deviceRouteProtocol", "200"),), FelixSettings(route_protocol=200), id="a number as text"),
        pytest.param((("deviceRouteProtocol", 0),), FelixSettings(), id="a number that is none"),
        pytest.param((("vxlanVNI", "many"),), FelixSettings(), id="a word for a number"),
        pytest.param((("routeSource", "workloadips"),), FelixSettings(workload_routes=True), id="a word"),
        pytest.param((("routeSource", "Elsewhere"),), FelixSettings(), id="a word that is not known"),
        pytest.param((("routeSyncDisabled", True),), FelixSettings(syncs_routes=False), id="a flag"),
        pytest.param((("routeSyncDisabled", "Yes"),), FelixSettings(syncs_routes=False), id="a flag in words"),
        pytest.param((("routeSyncDisabled", "perhaps"),), FelixSettings(), id="a flag that is none"),
        pytest.param(
            (("programClusterRoutes", "enabled"),), FelixSettings(ClusterRoutes.ENABLED), id="who writes the routes"
        ),
        pytest.param((("ipipEnabled", "0"),), FelixSettings(off=frozenset({"ipipEnabled"})), id="a tunnel off"),
        pytest.param(
            (("wireguardEnabledV6", True),), FelixSettings(wireguard=frozenset({Family.IPV6})), id="WireGuard"
        ),
        pytest.param((("ipForwarding", "disabled"),), FelixSettings(enables_forwarding=False), id="no forwarding"),
        pytest.param((("ipForwarding", "perhaps"),), FelixSettings(), id="forwarding, in a word that is not known"),
        pytest.param((("ignoreLooseRPF", "true"),), FelixSettings(takes_loose_rpf=True), id="loose source checks"),
        pytest.param(
            (("vxlanMTU", "1400"), ("ipipMTU", 1480), ("vxlanMTU", 1410)),
            FelixSettings(mtus=(("ipipMTU", 1480), ("vxlanMTU", 1410))),
            id="MTUs",
        ),
        pytest.param((("logSeverityScreen", "Info"),), FelixSettings(), id="something else"),
    ],
)
def test_what_is_said_holds_where_it_is_understood(said: Said, settings: FelixSettings) -> None:
    assert FelixSettings().told(said) == settings


def test_what_is_said_last_holds() -> None:
    settings = FelixSettings().told((("vxlanEnabled", False), ("wireguardEnabled", True)))
    assert settings.told((("vxlanEnabled", "true"), ("wireguardEnabled", "false"))) == FelixSettings()


def test_routes_are_known_by_the_protocol_that_felix_is_told_to_use() -> None:
    assert FelixSettings().protocols == {12, 80}
    assert FelixSettings(route_protocol=200).protocols == {12, 80, 200}


def test_variables_are_called_like_the_settings_but_those_of_ipip() -> None:
    assert [variable(name) for name in ("vxlanVNI", "ipipEnabled", "ipipMTU")] == [
        *("FELIX_VXLANVNI", "FELIX_IPINIPENABLED", "FELIX_IPINIPMTU"),
    ]
