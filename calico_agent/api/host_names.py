"""By which names the agent may be called over TCP.

A page in a browser on this host may ask the agent under the name of its own site, once that name leads to 127.0.0.1
(DNS rebinding); the browser then lets it read the answer. The Host header tells: it holds the name of the site.
"""

from ipaddress import ip_address


class HostNames:
    """The names and addresses of loopback, and the address that the agent listens on (any, where it listens on all)."""

    def __init__(self, listen: str) -> None:
        self._listen = ip_address(listen)

    def __contains__(self, header: str) -> bool:
        """Whether a Host header is one of them. A client that names no host is no browser."""
        name = header.strip().lower()
        name = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
        if name in {"", "localhost"}:
            return True
        try:
            address = ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or address == self._listen or self._listen.is_unspecified

    def __str__(self) -> str:
        return "localhost" if self._listen.is_loopback else "the address of this host"
