"""sources/bird/decode/replies.py against what BIRD 1.6.8 printed, in the recorded clusters and on a workbench."""

import re
from contextlib import suppress
from datetime import datetime
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.model.calico.bird import Bird, PeerKind, RibRoute, Session
from calico_agent.model.network.address import Family
from calico_agent.sources.bird.decode.replies import COMMANDS, RIB_COMMAND, decode_bird
from calico_agent.sources.decode_error import Malformed
from tests.captures import CAPTURES, bird_replies, hosts
from tests.places import DATA

WORKBENCH = (DATA / "bird" / "bird-1.6.8-socket.txt").read_text()

STATUS = """\
0001 BIRD 1.6.8 ready.
1000-BIRD 1.6.8
1011-Router ID is 10.0.0.1
 Current server time is 2026-11-22 19:24:48
 Last reboot on 2026-11-22 19:24:36
 Last reconfiguration on 2026-11-22 19:24:37
0013 Daemon is up and running
"""
HEADING = "2002-name     proto    table    state  since       info\n"
KERNEL = "1002-kernel1  Kernel   master   up     19:24:36    \n"
DETAILS = """\
1006-  Description:    Connection to BGP peer
   Routes:         2 imported, 3 filtered, 4 exported, 1 preferred
   BGP state:          Active
     Neighbor address: {peer}
     Neighbor AS:      64512

"""


def read(name: str, family: Family = Family.IPV4, *, rib: bool = True) -> Bird:
    """A recorded BIRD by SCENARIO/HOST/FILE."""
    replies = bird_replies((CAPTURES / name).read_text())
    wanted = (*COMMANDS, RIB_COMMAND) if rib else COMMANDS
    return decode_bird(family, {command: replies[command] for command in wanted})


def workbench(title: str) -> str:
    """The first reply below `--- TITLE`."""
    section = WORKBENCH.split(f"--- {title}\n", 1)[1]
    reply = section.split("\n\n", 1)[0]
    return f"{reply}\n"


def session(row: str, peer: str = "10.0.0.2") -> Session:
    """What one row of `show protocols`, as BIRD prints it, becomes."""
    reply = f"{HEADING}{KERNEL} {row}\n{DETAILS.format(peer=peer)}0000 \n"
    (found,) = decode_bird(Family.IPV4, {"show status": STATUS, "show protocols all": reply}).sessions
    return found


def routes(text: str) -> tuple[RibRoute, ...]:
    """What a reply to `show route` becomes where Mesh_10_0_0_2 is a session."""
    row = "1002-Mesh_10_0_0_2 BGP master up 19:24:38 Established\n"
    protocols = f"{HEADING}{KERNEL}{row}{DETAILS.format(peer='10.0.0.2')}0000 \n"
    replies = {"show status": STATUS, "show protocols all": protocols, "show route": text}
    return decode_bird(Family.IPV4, replies).routes


def test_a_healthy_node_has_two_established_sessions() -> None:
    bird = read("healthy/host1/bird.txt")
    assert (bird.version, bird.router_id) == ("v0.3.3+birdv1.6.8", "10.77.0.11")
    assert (bird.last_reboot, bird.last_reconfiguration) == ("2026-11-23 00:31:30", "2026-11-23 00:32:25")
    assert not bird.graceful_restart
    first, second = bird.sessions
    assert first == Session(
        name="Mesh_10_77_0_12",
        kind=PeerKind.MESH,
        peer=ip_address("10.77.0.12"),
        protocol_state="up",
        bgp_state="Established",
        since=first.since,
        since_at=first.since_at,
        source_address=ip_address("10.77.0.11"),
        neighbour_as=64512,
        imported=1,
        exported=1,
    )
    assert re.fullmatch(r"\d\d:\d\d:\d\d", first.since)
    assert second.peer == ip_address("10.77.0.13")
    assert second.established


@pytest.mark.parametrize(
    ("since", "now", "moment"),
    [
        pytest.param("19:24:40", None, "2026-11-22 19:24:40", id="a time of today, in a container without a zone"),
        pytest.param("19:24:50", None, "2026-11-22 19:24:50", id="a second after the reply was begun"),
        pytest.param("20:00:00", None, "2026-11-21 20:00:00", id="a time that is still to come is yesterday's"),
        pytest.param("19:24:40.123", None, "2026-11-22 19:24:40", id="with milliseconds"),
        pytest.param("2026-11-20 08:00:00", None, "2026-11-20 08:00:00", id="with its date"),
        pytest.param("2026-11-20", None, None, id="a date tells no more than the day"),
        pytest.param("19:24:40", "2026-11-22 18:24:48", "2026-11-22 18:24:40", id="BIRD prints the time of Vienna"),
        pytest.param("23:59:00", "2026-11-23 00:24:48", "2026-11-22 04:59:00", id="that of New York, the day before"),
        pytest.param("19:24:40", "2026-11-22 13:54:47", "2026-11-22 13:54:40", id="that of Calcutta"),
    ],
)
def test_since_is_a_moment_where_its_text_tells_one(since: str, now: str | None, moment: str | None) -> None:
    row = f"1002-Mesh_10_0_0_2 BGP master start {since} Active\n{DETAILS.format(peer='10.0.0.2')}0000 \n"
    clock = datetime.fromisoformat(f"{now}+00:00") if now else None
    replies = {"show status": STATUS, "show protocols all": f"{HEADING}{KERNEL}{row}"}
    (found,) = decode_bird(Family.IPV4, replies, now=clock).sessions
    assert found.since_at == (datetime.fromisoformat(f"{moment}+00:00") if moment else None)


def test_the_ipv6_daemon_has_ipv6_peers() -> None:
    bird = read("dual-stack/host1/bird6.txt", Family.IPV6, rib=False)
    assert [str(session.peer) for session in bird.sessions] == ["fd00:77::12", "fd00:77::13"]
    assert [session.name for session in bird.sessions] == ["Mesh_fd00_77__12", "Mesh_fd00_77__13"]
    assert all(session.established for session in bird.sessions)


def test_the_peer_that_registered_a_docker_bridge_is_passive() -> None:
    sessions = {session.name: session for session in read("docker-bridge-address/host1/bird.txt").sessions}
    assert sessions["Mesh_172_17_0_1"].bgp_state == "Passive"
    assert sessions["Mesh_172_17_0_1"].last_error == ""
    assert sessions["Mesh_10_77_0_12"].established


def test_graceful_restart_is_seen_in_the_status() -> None:
    assert read("name-of-another-host/host2/bird.txt").graceful_restart
    assert decode_bird(
        Family.IPV4, {"show status": workbench("GR status B"), "show protocols all": f"{HEADING}{KERNEL}0000 \n"}
    ).graceful_restart


def test_a_recovering_daemon_tells_how_long_it_waits_and_for_whom() -> None:
    bird = read("name-of-another-host/host2/bird.txt")
    assert (bird.recovery_seconds, bird.recovery_left) == (11, 229)
    assert [session.name for session in bird.sessions if session.awaited] == ["Mesh_10_77_0_12", "Mesh_172_17_0_1"]
    one = read("name-kept-in-nodename-file/host2/bird.txt")
    assert [session.name for session in one.sessions if session.awaited] == ["Mesh_10_77_0_12"]


def test_a_daemon_that_is_done_waits_for_nobody() -> None:
    bird = read("healthy/host1/bird.txt")
    assert (bird.recovery_seconds, bird.recovery_left) == (None, None)
    assert not any(session.awaited for session in bird.sessions)


@pytest.mark.parametrize("host", hosts(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_recorded_daemon_that_answered_is_understood(host: Path) -> None:
    text = (host / "bird.txt").read_text()
    if "# error:" in text:
        with pytest.raises(Malformed, match="ends in the middle"):
            decode_bird(Family.IPV4, bird_replies(text))
        return
    bird = decode_bird(Family.IPV4, bird_replies(text))
    # Counted by another road: the rows of the short `show protocols`.
    rows = re.findall(r"^(?:1002-| )(Mesh_\S+) ", bird_replies(text)["show protocols"], re.MULTILINE)
    assert [session.name for session in bird.sessions] == rows
    assert len(bird.routes) == len(re.findall(r"\[\S+ [^]]*\]", bird_replies(text)["show route"]))


ROWS = {
    "a session that is up": (
        "Mesh_10_0_0_2 BGP      master   up     19:24:38    Established   ", "up", "Established", "",
    ),
    "one that waits for the other side": (
        "Mesh_10_0_0_2 BGP      master   start  19:24:36    Passive       ", "start", "Passive", "",
    ),
    "one whose peer is down": (
        "Mesh_10_0_0_2 BGP      master   start  19:24:36    Connect       Socket: No route to host",
        "start", "Connect", "Socket: No route to host",
    ),
    "one with the wrong AS here": (
        "Mesh_10_0_0_2 BGP      master   start  19:25:06    Idle          BGP Error: Bad peer AS",
        "start", "Idle", "BGP Error: Bad peer AS",
    ),
    "one in graceful restart": (
        "Mesh_10_0_0_2 BGP      master   wait   19:25:39    Established   ", "wait", "Established", "",
    ),
    "one that was disabled has five words": ("Mesh_10_0_0_2 BGP      master   down   19:24:52    ", "down", "", ""),
    "one without a port to listen on has an error but no state": (
        "Mesh_10_0_0_2 BGP      master   down   19:25:30    Error: No listening socket",
        "down", "", "Error: No listening socket",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("row", "state", "bgp_state", "error"), ROWS.values(), ids=ROWS)
def test_state_and_error_of_a_row(row: str, state: str, bgp_state: str, error: str) -> None:
    found = session(row)
    assert (found.protocol_state, found.bgp_state, found.last_error) == (state, bgp_state, error)


@pytest.mark.parametrize("row", re.findall(r"^ ((?:Mesh|Node|Global)_.*)$", WORKBENCH, re.MULTILINE))
def test_every_row_of_the_workbench(row: str) -> None:
    found = session(row)
    words = row.split()
    assert (found.name, found.protocol_state, found.since) == (words[0], words[3], words[4])
    assert f"{found.bgp_state} {found.last_error}".split() == words[5:]


@pytest.mark.parametrize(
    ("since", "found"),
    [
        pytest.param("19:24:36   ", "19:24:36", id="a time on the same day"),
        pytest.param("2016-11-21 ", "2016-11-21", id="a date later"),
        pytest.param("2016-11-21 19:24:36", "2016-11-21 19:24:36", id="both with timeformat iso long"),
    ],
)
def test_since_is_a_time_or_a_date(since: str, found: str) -> None:
    row = session(f"Mesh_10_0_0_2 BGP      master   start  {since} Active        Socket: Connection refused")
    assert (row.since, row.bgp_state, row.last_error) == (found, "Active", "Socket: Connection refused")


@pytest.mark.parametrize(
    ("name", "peer", "kind"),
    [
        ("Mesh_10_0_0_2", "10.0.0.2", PeerKind.MESH),
        ("Mesh_fd00_77__12", "fd00:77::12", PeerKind.MESH),
        ("Node_10_9_9_9_port_1790", "10.9.9.9", PeerKind.NODE),
        ("Global_10_0_0_2_port_1790", "10.0.0.2", PeerKind.GLOBAL),
        ("Local_Workload_192_168_0_7", "192.168.0.7", PeerKind.LOCAL_WORKLOAD),
    ],
)
def test_the_peer_is_the_neighbor_not_the_name(name: str, peer: str, kind: PeerKind) -> None:
    found = session(f"{name} BGP      master   start  19:24:36    Active        ", peer)
    assert (found.kind, found.peer) == (kind, ip_address(peer))


def test_details_are_counted_and_kept() -> None:
    found = session("Mesh_10_0_0_2 BGP      master   start  19:24:36    Active        ")
    assert (found.imported, found.exported, found.neighbour_as, found.source_address) == (2, 4, 64512, None)


def test_what_somebody_switched_off_is_told() -> None:
    rows = "1002-kernel1  Kernel   master   down   19:24:38    \n1002-static1  Static   master   up     19:24:38    \n"
    rows += "1002-direct1  Direct   master   down   2026-11-23  \n1002-bfd1     BFD      master   down   19:24:38    \n"
    reply = f"{HEADING}{rows}0000 \n"
    bird = decode_bird(Family.IPV4, {"show status": STATUS, "show protocols all": reply})
    assert bird.switched_off == ("kernel1", "direct1")


def test_a_protocol_that_calico_did_not_configure_is_no_session() -> None:
    reply = f"{HEADING}{KERNEL}1002-upstream BGP      master   up     19:24:38    Established   \n0000 \n"
    assert decode_bird(Family.IPV4, {"show status": STATUS, "show protocols all": reply}).sessions == ()


def route(
    prefix: str, protocol: str, *, kind: str = "unicast", best: bool = True, gateway: str = "", device: str = "",
    learned_from: str = "", refused: bool = False,
) -> RibRoute:  # fmt: skip
    return RibRoute(
        ip_network(prefix),
        protocol,
        best=best,
        kind=kind,
        gateway=ip_address(gateway) if gateway else None,
        device=device,
        learned_from=ip_address(learned_from) if learned_from else None,
        refused_by_kernel=refused,
    )


def test_routes_of_the_workbench() -> None:
    text = workbench("A show route")
    assert routes(text) == (
        route("10.0.0.0/24", "direct1", device="eth0"),
        route("10.0.0.0/24", "Mesh_10_0_0_2", best=False, gateway="10.0.0.2", device="eth0", learned_from="10.0.0.2"),
        route("10.233.64.64/26", "Mesh_10_0_0_2", gateway="10.0.0.2", device="eth0", learned_from="10.0.0.2"),
        route("10.233.64.0/26", "static1", kind="blackhole"),
    )


def test_a_foreign_route_is_traced_to_the_peer_that_advertises_it() -> None:
    found = [r for r in read("foreign-route-same-prefix/host3/bird.txt").routes if str(r.prefix) == "192.168.183.64/26"]
    assert found == [
        route("192.168.183.64/26", "Mesh_10_77_0_11", gateway="10.77.0.1", device="eth0", learned_from="10.77.0.11"),
        route(
            "192.168.183.64/26",
            "Mesh_10_77_0_12",
            best=False,
            gateway="10.77.0.12",
            device="eth0",
            learned_from="10.77.0.12",
        ),
    ]


def test_a_route_that_the_kernel_refused_is_marked() -> None:
    routes = {
        (str(r.prefix), r.protocol): r.refused_by_kernel
        for r in read("foreign-route-same-prefix/host1/bird.txt").routes
    }
    assert routes["192.168.183.64/26", "Mesh_10_77_0_12"]
    assert sum(routes.values()) == 1


def test_an_unreachable_route_keeps_who_sent_it() -> None:
    text = (
        "1007-10.0.0.0/24        unreachable [Mesh_10_0_0_1 19:25:39 from 10.0.0.1] * (100/-) [i]\n"
        " 10.233.64.64/26    blackhole [static1 2016-11-21] * (200)\n"
        " 10.233.65.0/26     prohibited [static1 2016-11-21 19:25:37] (200)\n"
        "0000 \n"
    )
    assert routes(text) == (
        route("10.0.0.0/24", "Mesh_10_0_0_1", kind="unreachable", learned_from="10.0.0.1"),
        route("10.233.64.64/26", "static1", kind="blackhole"),
        route("10.233.65.0/26", "static1", kind="prohibited", best=False),
    )


def test_a_multipath_route_is_one_for_each_next_hop() -> None:
    text = (
        "1007-10.1.0.0/16        multipath [kernel1 19:25:39] * (10)\n"
        " \tvia 10.0.0.1 on eth0 weight 1\n"
        " \tvia 10.0.0.2 on eth1 onlink weight 2\n"
        " 10.2.0.0/16        via 10.0.0.9 on eth0 onlink [kernel1 19:25:39] * (10)\n"
        "0000 \n"
    )
    assert routes(text) == (
        route("10.1.0.0/16", "kernel1", gateway="10.0.0.1", device="eth0"),
        route("10.1.0.0/16", "kernel1", gateway="10.0.0.2", device="eth1"),
        route("10.2.0.0/16", "kernel1", gateway="10.0.0.9", device="eth0"),
    )


def test_an_empty_table_has_no_routes() -> None:
    assert routes("0000 \n") == ()


BIRD_2 = """\
2002-Name       Proto      Table      State  Since         Info
1002-device1    Device     ---        up     2026-11-22 19:24:36
0000
"""


@pytest.mark.parametrize(
    ("replies", "why"),
    [
        pytest.param({}, "ends in the middle", id="no reply at all"),
        pytest.param({"show status": STATUS[:60]}, "ends in the middle", id="a reply that was cut off"),
        pytest.param(
            {"show status": "0001 BIRD 1.6.8 ready.\n9001 syntax error\n"}, "9001 syntax error", id="an error"
        ),
        pytest.param({"show status": "HTTP/1.1 400 Bad Request\n"}, "line without a code", id="another program"),
        pytest.param({"show status": "0013 Daemon is up\n"}, "does not name its version", id="no version"),
        pytest.param({"show protocols all": BIRD_2.replace("0000", "0000 ")}, "not BIRD 1.6's table", id="BIRD 2"),
        pytest.param({"show protocols all": f"{HEADING}0000 \n"}, "lists no protocol", id="no protocols"),
        pytest.param(
            {"show protocols all": f"{HEADING}1002-Mesh_10_0_0_2 BGP master up 19:24:36 Established\n0000 \n"},
            "which neighbor Mesh_10_0_0_2 has",
            id="a peer without an address",
        ),
        pytest.param({"show protocols all": f"{HEADING}1002-Mesh BGP\n0000 \n"}, "too few words", id="half a row"),
        pytest.param({"show route": "1007-10.0.0.0/24 sideways [x 1]\n0000 \n"}, "sideways", id="an unknown direction"),
        pytest.param(
            {"show route": "1007-10.0.0.1/24        dev eth0 [direct1 19:24:36] * (240)\n0000 \n"},
            "10.0.0.1/24",
            id="a prefix with host bits",
        ),
        pytest.param(
            {"show route": "1007- via 10.0.0.1 on eth0 [x 1]\n0000 \n"}, "form", id="a route without a prefix"
        ),
        pytest.param(
            {"show route": "1007-\tvia 10.0.0.1 on eth0 weight 1\n0000 \n"}, "no route", id="a next hop without a route"
        ),
    ],
)
def test_text_that_is_not_of_bird_1_6_is_refused(replies: dict[str, str], why: str) -> None:
    whole = {"show status": STATUS, "show protocols all": f"{HEADING}{KERNEL}0000 \n"}
    with pytest.raises(Malformed, match=re.escape(why)):
        decode_bird(Family.IPV4, whole | replies if replies else {})


ODD_LINES = (
    "",
    "1007-",
    " \tvia x on y weight 9",
    "²²²²-x",
    "1006-Neighbor AS: " + "9" * 5000,
    "1006-Neighbor address: 1",
)
LINES = st.sampled_from(
    (*sorted({line for line in WORKBENCH.split("\n") if line[:1].isdigit() or line[:1] == " "}), *ODD_LINES)
)
REPLIES = st.one_of(st.text(), st.lists(LINES, max_size=30).map(lambda lines: "\n".join((*lines, "0000 ", ""))))


@given(status=REPLIES, protocols=REPLIES, rib=REPLIES)
def test_nothing_but_malformed_is_raised(status: str, protocols: str, rib: str) -> None:
    for replies in (
        {"show status": status, "show protocols all": protocols, "show route": rib},
        {"show status": STATUS, "show protocols all": f"{HEADING}{protocols}", "show route": rib},
        {"show status": STATUS, "show protocols all": f"{HEADING}{KERNEL}0000 \n", "show route": rib},
    ):
        with suppress(Malformed):
            assert decode_bird(Family.IPV4, replies).version
