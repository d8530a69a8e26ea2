"""What a link knows of its neighbours: hardware addresses, and the hosts that frames of a tunnel are sent to."""

from dataclasses import dataclass

from calico_agent.model.network.address import IPAddress


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One entry of the neighbour table. `state` is the kernel's NUD_ word: REACHABLE, STALE, FAILED, ..."""

    address: IPAddress
    device: str
    state: str
    mac: str = ""


@dataclass(frozen=True, slots=True)
class ForwardingEntry:
    """One entry of a VXLAN device's forwarding database: frames for `mac` are sent to host `destination`."""

    mac: str
    device: str
    destination: IPAddress
