"""What reads bytes from outside: each target takes any bytes, and raises nothing but what it says it raises."""

import trustme

from calico_agent.adopt.described import NotTakenOver
from calico_agent.adopt.manifest.split import split
from calico_agent.adopt.manifest.yaml_text import Text
from calico_agent.adopt.unit.command import describe_command
from calico_agent.adopt.unit.unit import Unit, describe_unit
from calico_agent.api.parameters import read_parameters
from calico_agent.config.loading import load
from calico_agent.errors import ConfigError
from calico_agent.model.network.address import Family
from calico_agent.model.network.firewall import Tool
from calico_agent.sources.bird.decode.replies import COMMANDS, decode_bird
from calico_agent.sources.cri.decode.crictl import decode_containers, decode_state
from calico_agent.sources.cri.decode.pod_log import decode_pod_log
from calico_agent.sources.datastore.calico.selector import parse_selector
from calico_agent.sources.datastore.etcd2.answer import decode_answer
from calico_agent.sources.datastore.etcd2.decode import decode_key as decode_key_2
from calico_agent.sources.datastore.etcd3.decode import decode_key as decode_key_3
from calico_agent.sources.datastore.kubernetes.decode import decode_key as decode_object
from calico_agent.sources.datastore.kubernetes.objects import decode_event, decode_page
from calico_agent.sources.datastore.server.error import DatastoreError
from calico_agent.sources.decode_error import Interrupted, KernelRefusal, Malformed
from calico_agent.sources.docker.decode.container import decode_container, decode_network
from calico_agent.sources.docker.decode.log_lines import decode_log, felix_ends, knocks
from calico_agent.sources.firewall.decode.iptables_save import decode_save
from calico_agent.sources.firewall.decode.nft_ruleset import decode_nft
from calico_agent.sources.host.decode.certificate import decode_certificates
from calico_agent.sources.host.decode.mounts import decode_mounts
from calico_agent.sources.kernel.decode.fib import decode_routes
from calico_agent.sources.kernel.decode.neighbors import decode_neighbours
from calico_agent.sources.kernel.decode.policy_rules import decode_rules
from calico_agent.sources.kernel.decode.sock_diag import decode_listening
from calico_agent.sources.kubernetes.decode.api_login import decode_kubeconfig
from calico_agent.sources.kubernetes.decode.cni import decode_cni
from calico_agent.sources.kubernetes.decode.kube_proxy import decode_configuration
from calico_agent.state.history import entry_of
from tests.fuzz.target import Target, in_datagrams, of_datagrams, of_objects, of_record, of_text
from tests.places import DATA, REPOSITORY
from tests.replay.birds import replies_of
from tests.sources.kernel.netlink_messages import AF_INET, LINKS, attribute, destination, dump, entry, message

_IPV4 = Family.IPV4
_KERNEL = (Malformed, Interrupted, KernelRefusal)
_KUBECONFIG = b"""current-context: a
contexts: [{name: a, context: {cluster: b, user: c}}]
clusters: [{name: b, cluster: {server: "https://10.0.0.1:6443"}}]
users: [{name: c, user: {token: d}}]
"""
_CHAIN = b'{"chain": {"family": "ip", "table": "t", "name": "c", "hook": "forward", "policy": "drop"}}'


class _NoFiles:
    """Nothing that a unit names is there."""

    def read(self, path: str, place: str) -> str | None:  # noqa: ARG002
        return None

    def matching(self, pattern: str) -> tuple[str, ...]:  # noqa: ARG002
        return ()


def _recorded(name: str) -> tuple[bytes, ...]:
    """Dumps of a real kernel."""
    return tuple(in_datagrams([path.read_bytes()]) for path in sorted(DATA.glob(f"links-linux-6.1/*/{name}")))


def _bird(text: str) -> object:
    """Replies to commands, in the form of the recordings."""
    return decode_bird(_IPV4, {name: reply for name, reply in replies_of(text) if name in COMMANDS})


def _log(data: bytes) -> object:
    lines = decode_log(data, tty=data[:1] not in b"\0\1\2")
    return knocks(lines), felix_ends(lines)


def _configuration(data: bytes) -> object:
    path = REPOSITORY / "build" / "fuzz.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    return load(path, {})


TARGETS = {
    "routes": Target(of_datagrams(lambda found: decode_routes({_IPV4: found}, LINKS)), _KERNEL, _recorded("route.bin")),
    "rules": Target(of_datagrams(lambda found: decode_rules(found, _IPV4)), _KERNEL, _recorded("rule.bin")),
    "neighbours": Target(
        of_datagrams(lambda found: decode_neighbours(found, LINKS)),
        _KERNEL,
        (in_datagrams(dump([entry(AF_INET, 2, 2, destination("10.77.0.12"), attribute(2, b"\2\0\0\0\0\7"))])),),
    ),
    "sockets": Target(
        of_datagrams(decode_listening), _KERNEL, (in_datagrams(dump([message(20, bytes((2, 10)) + bytes(70))])),)
    ),
    "bird": Target(of_text(_bird), (Malformed,), ("tests/data/calico-v3*/*/*/bird.txt",)),
    "container": Target(of_objects(decode_container), (Malformed,), ("tests/data/calico-v3*/*/*/docker-inspect.json",)),
    "network": Target(of_objects(decode_network), (Malformed,), ("tests/data/calico-v3*/*/*/docker-networks.json",)),
    "log": Target(_log, (), ("tests/data/calico-v3*/*/*/container.log",)),
    "etcd-3": Target(
        of_record(decode_key_3), (), (b'/calico/ipam/v2/assignment/ipv4/block/10.0.0.0-26\n{"cidr": "10.0.0.0/26"}',)
    ),
    "etcd-2": Target(of_record(decode_key_2), (), (b"/calico/bgp/v1/host/host1/ip_addr_v4\n10.0.0.1",)),
    "etcd-2-answer": Target(lambda data: decode_answer(200, "7", data), (Malformed,), ("tests/data/*/*/etcd-v2.json",)),
    "object": Target(
        of_record(decode_object), (), (b'ippools/a\n{"metadata": {"name": "a"}, "spec": {"cidr": "10.0.0.0/16"}}',)
    ),
    "page": Target(decode_page, (DatastoreError,), ("tests/data/calico-kubernetes/*/nodes.json",)),
    "event": Target(decode_event, (DatastoreError,), (b'{"type": "ADDED", "object": {"metadata": {"name": "a"}}}',)),
    "selector": Target(of_text(parse_selector), (Malformed,), (b"has(a) && b in {'c'} || !all()",)),
    "kubeconfig": Target(of_text(decode_kubeconfig), (Malformed,), (_KUBECONFIG,)),
    "cni": Target(lambda data: decode_cni("10-calico.conflist", data), (), (b'{"plugins": [{"type": "calico"}]}',)),
    "kube-proxy": Target(of_text(decode_configuration), (Malformed,), (b"mode: ipvs\nclusterCIDR: 10.0.0.0/16",)),
    "crictl": Target(of_text(decode_containers), (Malformed,), (b'{"containers": [{"id": "a", "labels": {}}]}',)),
    "crictl-state": Target(of_text(decode_state), (Malformed,), (b'[0,137,"2026-11-26T22:00:01.5Z",7]',)),
    "pod-log": Target(of_text(decode_pod_log), (), (b"2026-11-23T01:00:00.1Z stderr F bird: Started",)),
    "iptables": Target(
        of_text(lambda text: decode_save(Tool.LEGACY, "ip", text, "iptables")),
        (Malformed,),
        (b"*filter\n:FORWARD DROP [0:0]\n-A FORWARD -i cali+ -p tcp --dport 179 -j ACCEPT\nCOMMIT\n",),
    ),
    "nft": Target(of_text(lambda text: decode_nft(text, "nft")), (Malformed,), (b'{"nftables": [' + _CHAIN + b"]}",)),
    "certificate": Target(decode_certificates, (Malformed, ValueError), (trustme.CA().cert_pem.bytes(),)),
    "mounts": Target(of_text(decode_mounts), (Malformed,), (b"36 35 98:0 /a /b rw - ext4 /dev/sda rw",)),
    "configuration": Target(_configuration, (ConfigError,), ("config/calico-agent.toml",)),
    "history": Target(entry_of, (), (b'{"at": "2026-11-23T01:00:00+00:00", "event": "started"}',)),
    "parameters": Target(
        of_text(lambda text: read_parameters(text, ("node", "pool"))), (ValueError,), (b"node=a&pool=b",)
    ),
    "manifest": Target(
        of_text(lambda text: split(Text("calico.yaml", text), "/etc/calico/certs")),
        (NotTakenOver,),
        ("tests/adopt/manifest/data/*.yaml",),
    ),
    "command": Target(
        of_text(lambda text: describe_command(text, _NoFiles())),
        (NotTakenOver,),
        (b"docker run -d --net=host --name calico-node -e IP=10.0.0.1 calico/node:v2.3.0",),
    ),
    "unit": Target(
        of_text(lambda text: describe_unit(Unit((("a.service", text),), {}), _NoFiles(), origin="a unit")),
        (NotTakenOver,),
        (b"[Service]\nEnvironment=A=1\nExecStart=/usr/bin/docker run --net=host -e IP=${A} calico/node:v2.3.0\n",),
    ),
}
