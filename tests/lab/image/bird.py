"""BIRD's configuration (the role of confd in calico/node), and the processes bird and bird6.

The rules are Calico's (confd/pkg/backends/calico/bgp_processor.go@v3.31.7), the text is ours: a session to
every other node with an address, the side with the greater address (as text) dials; own blocks are blackholes
and leave as one aggregate; addresses of other nodes' blocks that live here leave as /32; blocks of VXLAN
pools are not BIRD's to put into the kernel; those of IPIP pools go by tunl0.
"""

import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from tests.lab.image.cluster import Cluster, Interface, Pool

_CONFIGURATION = Path("/etc/calico/confd/config")
_RESTART_SECONDS = 1.0
_TUNNELS = Path("/usr/lib/standin/krt_tunnel.so")
"""Only in images for IPIP; see krt_tunnel.c."""


def render(cluster: Cluster, node: str, version: int) -> str | None:
    """The configuration of one family's BIRD; None while our own record has no address of that family."""
    address, router = cluster.address(node, version), cluster.address(node, 4)
    if address is None:
        return None
    claims = [(cidr, state) for cidr, state in cluster.claims(node, version) if state != "pending"]
    pools = [pool for pool in cluster.pools() if pool.cidr.version == version]
    host_length = 32 if version == 4 else 128
    blackholes = [f"    route {cidr} blackhole;" for cidr, _ in claims if cidr.prefixlen < host_length]
    own = [
        f"    if net = {cidr} then accept;\n    if net ~ {cidr} then reject;" for cidr, s in claims if s == "confirmed"
    ]
    lines = [
        f"router id {router.ip if router else _router_id(node)};",
        "function leaves_this_node() {",
        *(f"    if net ~ {pool.cidr} then reject;" for pool in pools if not pool.exported),
        '    if defined(ifname) then { if ifname ~ "*.calico" then reject; }',
        *own,
        *(f"    if net ~ {pool.cidr} then accept;" for pool in pools),
        "    reject;",
        "}",
        "filter calico_kernel_programming {",
        *(f"    if net ~ {pool.cidr} then reject;" for pool in pools if pool.vxlan != "Never"),
        *(_by_tunnel(pool, address) for pool in pools if pool.ipip != "Never"),
        "    accept;",
        "}",
        *("protocol static {", *blackholes, "}"),
        "protocol kernel { learn; persist; scan time 2; import all; export filter calico_kernel_programming;",
        "    graceful restart; merge paths on; }",
        "protocol device { debug { states }; scan time 2; }",
        'protocol direct { debug { states }; interface -"cali*", -"kube-ipvs*", "*"; }',
        "template bgp calico {",
        '    debug { states }; description "Connection to BGP peer";',
        f"    local as {cluster.as_number(node)}; source address {address.ip}; gateway recursive; add paths on;",
        "    multihop; graceful restart; connect delay time 2; connect retry time 5; error wait time 5,30;",
        "    import all; export filter { leaves_this_node(); };",
        "}",
        *_mesh(cluster, node, version),
        *_configured_peers(cluster, node, version),
    ]
    return "\n".join(lines) + "\n"


def _by_tunnel(pool: Pool, address: Interface) -> str:
    """What BIRD learned of other nodes gets a metric, since v3.32, and a next hop behind tunl0 (krt_tunnel.c)."""
    near = f"if ! (bgp_next_hop ~ {address.network}) then " if pool.ipip == "CrossSubnet" else ""
    return (
        f"    if net ~ {pool.cidr} then {{ if defined(bgp_next_hop) then {{ krt_metric = 1024; "
        f"{near}krt_prefsrc = bgp_next_hop; }} accept; }}"
    )


def _mesh(cluster: Cluster, node: str, version: int) -> list[str]:
    mine = cluster.address(node, version)
    if mine is None or not cluster.bgp().get("nodeToNodeMeshEnabled", True) or _is_reflector(cluster, node):
        return []
    sessions = []
    for other in cluster.node_names():
        theirs = cluster.address(other, version)
        if theirs is None or theirs.ip == mine.ip or _is_reflector(cluster, other):
            continue
        passive = " passive on;" if str(theirs.ip) > str(mine.ip) else ""
        sessions.append(_session("Mesh", str(theirs.ip), cluster.as_number(other), "", passive))
    return sessions


def _configured_peers(cluster: Cluster, node: str, version: int) -> list[str]:
    """Peers by address: for every node ("Global"), or for this one by its name ("Node"). Selectors are left out."""
    sessions = []
    for spec in cluster.peers():
        if "peerIP" not in spec or spec.get("nodeSelector") not in {None, "", "all()"}:
            continue
        if spec.get("node") not in {None, "", node}:
            continue
        address, port = _split_port(str(spec["peerIP"]))
        if ip_address(address).version == version:
            kind = "Global" if not spec.get("node") and not spec.get("nodeSelector") else "Node"
            sessions.append(_session(kind, address, int(spec["asNumber"]), port, ""))
    return sessions


def _session(kind: str, address: str, as_number: int, port: str, options: str) -> str:
    name = f"{kind}_{address.replace('.', '_').replace(':', '_')}" + (f"_port_{port}" if port else "")
    where = f"{address} port {port}" if port else address
    return f"protocol bgp {name} from calico {{ neighbor {where} as {as_number};{options} }}"


def _split_port(peer: str) -> tuple[str, str]:
    if peer.startswith("["):
        address, _, port = peer[1:].partition("]")
        return address, port.lstrip(":")
    return (peer, "") if peer.count(":") > 1 else (peer.partition(":")[0], peer.partition(":")[2])


def _is_reflector(cluster: Cluster, node: str) -> bool:
    bgp: dict[str, Any] = cluster.node_spec(node).get("bgp") or {}
    return bool(bgp.get("routeReflectorClusterID"))


def _router_id(node: str) -> str:
    return ".".join(str(byte) for byte in node.encode().ljust(4, b"\1")[:4])


@dataclass(slots=True)
class Bird:
    """One BIRD process: started when it has a configuration, started again when it dies, as runit does."""

    program: str
    _text: str = ""
    _process: subprocess.Popen[bytes] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def _file(self) -> Path:
        return _CONFIGURATION / f"{self.program}.cfg"

    def configure(self, text: str | None) -> None:
        """Take a new configuration; None leaves everything as it is."""
        if text is None or text == self._text:
            return
        _CONFIGURATION.mkdir(parents=True, exist_ok=True)
        with self._lock:
            first, self._text = not self._text, text
            self._file.write_text(text)
            if self._process is not None and self._process.poll() is None:
                self._process.send_signal(signal.SIGHUP)
        if first:
            threading.Thread(target=self._keep_running, name=self.program, daemon=True).start()

    def _keep_running(self) -> None:
        socket = f"/var/run/calico/{self.program}.ctl"
        while True:
            with self._lock:
                command = (self.program, "-R", "-s", socket, "-d", "-c", str(self._file))
                tunnels = {"LD_PRELOAD": str(_TUNNELS)} if _TUNNELS.exists() else {}
                self._process = subprocess.Popen(command, env={**os.environ, **tunnels})
            self._process.wait()
            time.sleep(_RESTART_SECONDS)
