"""Whether a network manager of this host takes Calico's links for its own, or deletes its routes.

NetworkManager gives links addresses and routes of its own and takes others away; Calico's documentation has it told to
leave Calico's alone (calico/troubleshooting, "Configure NetworkManager"). systemd-networkd, whenever it configures a
link anew (when it starts, and when a cable is back), deletes from it, and from those without a link, all routes that it
did not make, and all policy rules since v248 (src/network/networkd-route.c@v256: link_drop_foreign_routes). BIRD and
Felix write them again, after seconds without.
"""

from collections.abc import Iterator

from calico_agent.checks.preflight.firewall.traffic import host_link, pools_of, tunnels_of
from calico_agent.checks.preflight.known import known
from calico_agent.checks.preflight.uses import felix, uses_family
from calico_agent.expected.view import View
from calico_agent.faults.preflight.network import HOST_NETWORK_MANAGER, HOST_NETWORKD
from calico_agent.model.calico.node import EncapsulationMode
from calico_agent.model.host.network_managers import Device, LinkState, Networkd, NetworkManager, NetworkManagers
from calico_agent.model.network.address import Family
from calico_agent.model.network.tunnel import IPIP_DEVICE, VXLAN_DEVICES, WIREGUARD_DEVICES
from calico_agent.model.preflight import Check, Verdict
from calico_agent.model.unreadable import Unreadable
from calico_agent.text import listed

_POD = Device("cali0123456789a", "veth", "ee:ee:ee:ee:ee:ee")
_NAMES = ("cali*", "tunl*", *VXLAN_DEVICES.values(), *WIREGUARD_DEVICES.values())
_LEAVE_NM = (
    f"printf '[keyfile]\\nunmanaged-devices+={';'.join(f'interface-name:{name}' for name in _NAMES)}\\n' "
    "> /etc/NetworkManager/conf.d/99-calico.conf && systemctl reload NetworkManager"
)
_LEAVE_LINKS = (
    f"printf '[Match]\\nName={' '.join(_NAMES)}\\n\\n[Link]\\nUnmanaged=yes\\n' "
    "> /etc/systemd/network/00-calico.network && networkctl reload"
)
_KEEP = (
    "mkdir -p /etc/systemd/networkd.conf.d && printf '[Network]\\nManageForeignRoutes=no\\n"
    "ManageForeignRoutingPolicyRules=no\\n' > /etc/systemd/networkd.conf.d/calico.conf && "
    "systemctl restart systemd-networkd"
)


def check_network_managers(view: View) -> Iterator[Check]:
    """Yield a line for each manager, and one for the routes that systemd-networkd deletes."""
    managers = known(view.preparation.network_managers, "they were not read")
    if isinstance(managers, Unreadable):
        for fault, name in ((HOST_NETWORK_MANAGER, "NetworkManager"), (HOST_NETWORKD, "systemd-networkd")):
            yield Check(
                fault, Verdict.UNKNOWN, f"whether {name} manages Calico's links is not known: {managers.reason}"
            )
        return
    yield _by_network_manager(view, managers)
    yield from _by_networkd(view, managers)


def devices(view: View) -> tuple[Device, ...]:
    """Return Calico's devices here: one of a pod, and those of the tunnels that are asked for."""
    found = [_POD]
    for family in Family:
        tunnels = tunnels_of(view, family)
        if tunnels.ipip:
            found.append(Device(IPIP_DEVICE, "ipip"))
        if tunnels.vxlan:
            found.append(Device(VXLAN_DEVICES[family], "vxlan"))
        if tunnels.wireguard:
            found.append(Device(WIREGUARD_DEVICES[family], "wireguard"))
    return tuple(found)


def _by_network_manager(view: View, managers: NetworkManagers) -> Check:
    manager = managers.network_manager
    if manager is None:
        return Check(HOST_NETWORK_MANAGER, Verdict.NOT_APPLICABLE, "NetworkManager does not run here")
    if isinstance(manager, Unreadable):
        return Check(
            HOST_NETWORK_MANAGER,
            Verdict.UNKNOWN,
            f"NetworkManager runs, and its files cannot be read: {manager.reason}",
        )
    return _told(view, manager)


def _told(view: View, manager: NetworkManager) -> Check:
    taken = [_shown(device) for device in devices(view) if manager.manages(device) is True]
    doubtful = [_shown(device) for device in devices(view) if manager.manages(device) is None]
    if taken:
        return Check(
            HOST_NETWORK_MANAGER,
            Verdict.WARNING,
            f"NetworkManager is not told to leave {listed(tuple(taken))} alone",
            "it may give them addresses and take their routes away, at once or after a restart of it",
            _LEAVE_NM,
        )
    if doubtful:
        what = f"whether NetworkManager leaves {listed(tuple(doubtful))} alone depends on what is not known here"
        return Check(HOST_NETWORK_MANAGER, Verdict.UNKNOWN, what, cure="nmcli device status")
    return Check(HOST_NETWORK_MANAGER, Verdict.OK, "NetworkManager leaves Calico's links alone")


def _by_networkd(view: View, managers: NetworkManagers) -> Iterator[Check]:
    networkd = managers.networkd
    if networkd is None:
        yield Check(HOST_NETWORKD, Verdict.NOT_APPLICABLE, "systemd-networkd does not run here")
    elif isinstance(networkd, Unreadable):
        what = f"systemd-networkd runs, and its files cannot be read: {networkd.reason}"
        yield Check(HOST_NETWORKD, Verdict.UNKNOWN, what)
    else:
        yield _links(view, networkd)
        yield _routes(view, networkd)


def _links(view: View, networkd: Networkd) -> Check:
    taken: dict[str, str] = {}
    doubtful: dict[str, str] = {}
    for device in devices(view):
        states = list(_states(view, networkd, device))
        if states:
            taken.update({_shown(device): state.file for state in states if state.managed})
        elif (file := networkd.file_for(device)) is not None and not file.unmanaged:
            (doubtful if file.takes(device) is None else taken)[_shown(device)] = file.path
    subject = "links"
    if taken:
        names, files = listed(tuple(taken)), listed(tuple(dict.fromkeys(taken.values())))
        return Check(
            HOST_NETWORKD,
            Verdict.FAILURE,
            f"systemd-networkd manages {names}, by {files}",
            "it deletes the routes and addresses that Calico gives them: pods are cut off when they start, or later",
            _LEAVE_LINKS,
            subject,
        )
    if doubtful:
        names, files = listed(tuple(doubtful)), listed(tuple(dict.fromkeys(doubtful.values())))
        what = f"whether systemd-networkd will manage {names} cannot be told: {files} asks for what is not known here"
        return Check(HOST_NETWORKD, Verdict.UNKNOWN, what, cure="networkctl list", subject=subject)
    return Check(HOST_NETWORKD, Verdict.OK, "systemd-networkd leaves Calico's links alone", subject=subject)


def _states(view: View, networkd: Networkd, device: Device) -> Iterator[LinkState]:
    """Of the links that are there already."""
    for link in view.kernel.links if view.kernel is not None else ():
        like = link.name.startswith("cali") and link.kind == "veth" if device is _POD else link.name == device.name
        if like and link.index in networkd.links:
            yield networkd.links[link.index]


def _routes(view: View, networkd: Networkd) -> Check:
    subject = "routes"
    if networkd.keeps_routes and (networkd.keeps_rules or not felix(view).wireguard):
        return Check(HOST_NETWORKD, Verdict.OK, "systemd-networkd keeps routes that it did not make", subject=subject)
    managed = sorted(
        {name for family in Family if uses_family(view, family) for name in _crossed(view, networkd, family)}
    )
    if managed and not networkd.keeps_routes:
        return Check(
            HOST_NETWORKD,
            Verdict.WARNING,
            f"systemd-networkd deletes Calico's routes from {listed(tuple(managed))} whenever it starts anew",
            "pods of other nodes are not reached until BIRD or Felix has written the routes again",
            _KEEP,
            subject,
        )
    if felix(view).wireguard and not networkd.keeps_rules and any(one.managed for one in networkd.links.values()):
        return Check(
            HOST_NETWORKD,
            Verdict.WARNING,
            "systemd-networkd deletes the policy rules of WireGuard whenever it starts anew",
            "packets between nodes are not encrypted, and lost, until Felix has written the rules again",
            _KEEP,
            subject,
        )
    return Check(HOST_NETWORKD, Verdict.OK, "systemd-networkd deletes no routes to other nodes", subject=subject)


def _crossed(view: View, networkd: Networkd, family: Family) -> Iterator[str]:
    """The link that routes to other nodes lead to without a tunnel, where systemd-networkd manages it."""
    plain = any(EncapsulationMode.ALWAYS not in {pool.ipip, pool.vxlan} for pool in pools_of(view, family))
    name = host_link(view, family)
    link = view.kernel.link(name) if view.kernel is not None and name is not None else None
    if plain and link is not None and (state := networkd.links.get(link.index)) is not None and state.managed:
        yield link.name


def _shown(device: Device) -> str:
    return "cali*" if device is _POD else device.name
