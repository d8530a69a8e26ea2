"""What BIRD prints on its control socket (BIRD 1.6.8)."""

from collections.abc import Iterator

from tests.worlds.model.bird import Internet
from tests.worlds.model.kernel import Device, Tables
from tests.worlds.model.settle import Session, Settled
from tests.worlds.model.told import Told
from tests.worlds.model.values import IPNetwork, KernelRoute

_SINCE = "2026-11-23"
_PLAIN = (("static1", "Static"), ("kernel1", "Kernel"), ("device1", "Device"), ("direct1", "Direct"))


def status(version: str, router_id: str, awaited: int = 0) -> str:
    """`show status`. `awaited`: for how many sessions a recovery waits, since two minutes."""
    recovery = "0024-Graceful restart recovery in progress\n"
    recovery += f"   Waiting for {awaited} protocols to recover\n   Wait timer is 120/240\n"
    return (
        f"1000-BIRD {version}\n1011-Router ID is {router_id}\n Current server time is 2026-11-27 12:00:00\n"
        f" Last reboot on {_SINCE} 00:31:30\n Last reconfiguration on {_SINCE} 00:32:25\n"
        f"{recovery if awaited else ''}0013 Daemon is up and running\n"
    )


def protocols(
    sessions: tuple[Session, ...], switched_off: frozenset[str] = frozenset(), *, recovers: bool = False
) -> str:
    """`show protocols all`."""
    lines = ["2002-name     proto    table    state  since       info"]
    for name, proto in _PLAIN:
        state = "down" if name in switched_off else "up"
        lines += [f"1002-{name:<8} {proto:<8} master   {state:<6} {_SINCE}  ", "1006-  Preference:     200", " "]
    for one in sessions:
        lines += _session(one, recovers=recovers)
    return "\n".join((*lines, "0000 \n"))


def route(settled: Settled, hostname: str, prefix: IPNetwork) -> str:
    """`show route PREFIX`."""
    machine, internet = settled.machines[hostname], settled.internets[prefix.version]
    rows = list(_rows(internet, hostname, prefix, machine.tables))
    if not rows:
        return "8001 Network not in table\n"
    first, *others = rows
    lines = [f"1007-{prefix!s:<18} {first}", *(f" {'':<18} {one}" for one in others)]
    return "\n".join((*lines, "0000 \n"))


def interfaces(devices: tuple[Device, ...], version: int, unseen: frozenset[str] = frozenset()) -> str:
    """`show interfaces`."""
    lines = []
    for one in devices:
        held = [each for each in one.addresses if each.version == version]
        lines.append(
            f"1001-{one.name} {'up' if one.up and held and one.name not in unseen else 'DOWN'} (index={one.index})"
        )
        switched = f"Admin{'Up' if one.up else 'Down'} Link{'Up' if one.carrier else 'Down'}"
        lines.append(f"1004-\tMultiAccess {switched} MTU={one.mtu}")
        lines += [f"1003-\t{each} (Primary, scope site)" for each in held]
    return "\n".join((*lines, "0000 \n"))


def _session(one: Session, *, recovers: bool) -> list[str]:
    configured = one.configured
    info = f"{one.info:<13} {one.error}"
    lines = [
        f"1002-{configured.name} BGP      master   {one.state:<6} {_SINCE}  {info}",
        "1006-  Description:    Connection to BGP peer",
    ]
    if recovers and one.info != "Established":
        lines.append("   GR recovery:    pending")
    if one.info == "Established":
        lines.append(f"   Routes:         {one.imported} imported, {one.exported} exported, {one.imported} preferred")
    lines += [
        f"   BGP state:          {one.info}",
        f"     Neighbor address: {configured.peer}",
        f"     Neighbor AS:      {configured.peer_as}",
    ]
    if one.info == "Established":
        lines.append(f"     Source address:   {configured.own}")
    return [*lines, " "]


def _rows(internet: Internet, hostname: str, prefix: IPNetwork, tables: Tables) -> Iterator[str]:
    if hostname not in internet.learned:
        return
    foreign = [
        one for one in tables.routes if one.prefix == prefix and one.table == 254 and one.protocol not in {2, 12}
    ]
    best = internet.best(hostname).get(prefix, ())
    for one in internet.learned[hostname].get(prefix, ()):
        mark = "" if best and one != best[0] else " !" if foreign else " *"
        yield f"{_way(tables, one)} [{one.session} {_SINCE} from {one.sender}]{mark} (100/0) [i]"
    for route_ in foreign:
        yield f"{_hop(route_)} [kernel1 {_SINCE}] (10)"


def _way(tables: Tables, told: Told) -> str:
    found = tables.in_table(told.next_hop, 254)
    if found is None or found.kind != "unicast":
        return "unreachable"
    return f"via {found.via or told.next_hop} on {found.device}"


def _hop(found: KernelRoute) -> str:
    if found.kind != "unicast":
        return "blackhole" if found.kind == "blackhole" else "unreachable"
    return f"via {found.via} on {found.device}" if found.via is not None else f"dev {found.device}"
