"""What ails a host beside its links, its variables and what was written by hand: programs, sources, tables, devices."""

from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any


@dataclass(frozen=True, slots=True)
class Trouble:
    """Nothing, as a rule.

    `container` is Docker's word for a calico/node that does not run (`paused`, `created`, `absent`: there is none),
    `second` the name of another one that runs beside it. `held` are programs that a signal holds. `rival` is a program
    outside of the container, with its unit. `outdated` are files that were renewed and are mounted as of before.

    `unread` are sources that do not answer, with the kind of failure (`timeout`, `refused`, `absent`, ...).

    `switched_off` are protocols of BIRD, `unseen` links that it takes for down, `port` whether another program has its
    port. `dropped`: what the firewall drops (`bgp`). `rewritten`: the router on the way rewrites its packets' source.

    `forwarding`: what the kernel's switches are. `lost` are prefixes whose routes something deletes again and again.
    `neighbours` are entries beside those of Calico: link, address, hardware address, state (NUD_). `attributes` are
    those of tunnel devices that somebody changed: device, field, value; `gone` are devices that were deleted, `alone`
    tunnel addresses of other nodes whose entries were deleted.
    """

    container: str = ""
    second: str = ""
    held: frozenset[str] = frozenset()
    rival: tuple[str, str] | None = None
    outdated: tuple[str, ...] = ()
    unread: tuple[tuple[str, str], ...] = ()
    switched_off: frozenset[str] = frozenset()
    unseen: frozenset[str] = frozenset()
    port: bool = False
    dropped: frozenset[str] = frozenset()
    rewritten: bool = False
    forwarding: bool = True
    lost: frozenset[IPv4Network | IPv6Network] = frozenset()
    neighbours: tuple[tuple[str, IPv4Address | IPv6Address, str, int], ...] = ()
    attributes: tuple[tuple[str, str, Any], ...] = ()
    gone: frozenset[str] = frozenset()
    alone: frozenset[IPv4Address | IPv6Address] = frozenset()

    def started_anew(self) -> "Trouble":
        """What is left when calico/node was started: its programs, BIRD and Felix begin anew."""
        left = tuple((source, kind) for source, kind in self.unread if source not in {"BIRD", "BIRD6"})
        fresh = Trouble()
        return replace(
            self,
            container=fresh.container,
            held=fresh.held,
            outdated=fresh.outdated,
            unread=left,
            switched_off=fresh.switched_off,
            unseen=fresh.unseen,
            attributes=fresh.attributes,
            gone=fresh.gone,
            alone=fresh.alone,
        )
