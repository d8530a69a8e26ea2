"""What people do who follow a printed cure, done in the model: each form of cure that the agent prints stands here.

Some only say where to look: then nothing is changed. A form that is not known is an error.
"""

import re

from tests.worlds import kernel_remedies as kernel
from tests.worlds import pod_remedies as pod
from tests.worlds import remedies as do
from tests.worlds.model.startup import node_name
from tests.worlds.model.values import ETCD, World


class UnknownCureError(Exception):
    """A cure of a form that nobody has described here."""


def heal(world: World, here: str, cure: str) -> World:
    """The world after the cure that is printed on a host; the same one after a cure that only says where to look."""
    if wrong := (_NOT_IN_ETCD if world.store == ETCD else _NOT_IN_KUBERNETES).search(cure):
        raise UnknownCureError(f"{wrong[0]} is of no use with {world.store}: {cure}")
    cure = _of_two(world, here, cure)
    for pattern, follow in _CURES:
        if (found := pattern.search(cure)) is not None:
            return follow(world, _where(world, here, cure), found)
    if any(pattern.search(cure) for pattern in _LOOKS):
        return world
    raise UnknownCureError(cure)


# calicoctl deletes neither Nodes of Kubernetes nor pods (libcalico-go/lib/backend/k8s/resources/node.go@v3.32.1).
_NOT_IN_KUBERNETES = re.compile(r"etcdctl|\betcd\b|calicoctl delete (?:node|workloadendpoint)")
_NOT_IN_ETCD = re.compile(r"kubectl")


def _of_two(world: World, here: str, cure: str) -> str:
    """The right one where this host is to be started in one of two ways."""
    found = re.match(r"if (\S+) is another machine: (.*docker rm .*); else (docker rm .*)", cure)
    if found is None:
        return cure
    return found[2 if any(node_name(world, one) == found[1] for one in world.hosts if one.hostname != here) else 3]


def _where(world: World, here: str, cure: str) -> str:
    """The host on which it is to be done: `on NODE: ...`, or the one with an address (`on ADDRESS: ...`), else here."""
    names = {str(one.ip): host.hostname for host in world.hosts for link in host.links for one in link.addresses}
    names |= {node_name(world, host): host.hostname for host in world.hosts}
    named = re.search(r"\bon (\S+): |docker restart calico-node on (\S+)", cure)
    return names.get(named[1] or named[2], here) if named else here


_KEY = r"/calico/ipam/v2/host/([^/]+)/ipv[46]/block/(\S+)-(\d+)"
# The same as kubectl takes it.
_CLAIM = r"blockaffinities\.\S+ (\S+?)-(\d+-\d+-\d+-\d+)-(\d+)"
_CURES: tuple[tuple[re.Pattern[str], do.Cure], ...] = tuple(
    (re.compile(pattern), follow)
    for pattern, follow in (
        (r"ss -ltnp 'sport = :\d+' names the program; stop it if it is there", do.mends(port=False)),
        # calico/node as a pod.
        (r"set env daemonset/\S+ .* (IP6?)=autodetect \S+_METHOD=(cidr=(\S+)|kubernetes-internal-ip)", pod.found_anew),
        (r"set env daemonset/\S+ .* (IP6?)=none .*; then calicoctl patch node (\S+) -p", pod.without_address),
        (r"kubectl delete pod .*spec.nodeName=(\S+), .* then here: see that NODENAME", pod.own_names_again),
        (r"see that NODENAME of the DaemonSet comes from spec.nodeName", pod.own_name_again),
        (r"take the container \S+ out of the DaemonSet", do.mends(second="")),
        (r"the kubelet starts it again", do.restarted),
        (r"kubectl (?:-n \S+ )?delete pod (?:-\S+ )*calico-node-(\d+)", pod.deleted),
        (r"kubectl delete pod .*--field-selector spec.nodeName=([^\s,;]+)", pod.deleted_of),
        # Names and addresses.
        (r"(?:if|give) (\S+) (?:is an old name of this machine|its own address)", do.told_apart),
        (r"give the wrong one its own address \(IP=\), or (?:calicoctl|kubectl) delete node (\S+)", do.told_apart),
        (r"then on the host with (\S+): start calico/node with a NODENAME of its own", do.own_names_again),
        (r"docker restart calico-node on the host that is node .* -e NODENAME=([^\s;]+)", do.own_name_again),
        (r"(?:calicoctl|kubectl) delete node (\S+), then start calico/node here as (\S+) again", do.node_again),
        (r"-e (IP6?)=none.*; then calicoctl patch node (\S+) -p", do.without_address),
        (
            r"calicoctl patch node (\S+) -p .* frees the old address; then .*-e (IP6?)=([0-9a-f:./]+)",
            do.address_exchanged,
        ),
        (r"(?:-e|with) (IP6?)=ADDRESS", do.chosen_address),
        (r"(?:-e|with) IP=([0-9./]+)", do.given_address),
        (r"(?:-e |with |\()NODENAME=([^\s,;)]+)", do.given_name),
        # The kernel: links, routes, rules, neighbours, switches.
        (r"ip addr add \S+ dev (tunl0|vxlan[\w.-]*\w)", kernel.device_made_anew),
        (r"ip link del (\S+)", kernel.device_made_anew),
        (r"ip link set (\S+) up", kernel.link_up),
        (r"modprobe ipip", kernel.module_loaded),
        (r"modprobe wireguard", kernel.wireguard_loaded),
        (r"Felix makes it within seconds, unless", lambda world, where, _: do.mended(world, where, gone=frozenset())),
        (r"ip (?:-6 )?route show (\S+); delete it, or give its link another network", kernel.route_or_network_deleted),
        (r"ip (?:-6 )?route del (?:[a-z]+ )?([0-9a-f:.]+(?:/\d+)?) ", kernel.route_deleted),
        (r"ip route replace (\S+) (?:via (\S+) )?dev (\S+) src (\S+)", kernel.route_replaced),
        (r"ip rule del priority (\d+)", kernel.rule_deleted),
        (r"ip neigh del (\S+)", kernel.neighbour_deleted),
        (r"sysctl -w \S+=1", do.mends(forwarding=True)),
        # Docker's networks.
        (r"another network on (br-\S+)", kernel.network_removed),
        (r"give Docker's bridge (\S+) another network", kernel.network_removed),
        # What is in etcd.
        (r'patch bgpconfiguration default .*"nodeToNodeMeshEnabled": true', do.mesh_on),
        (r"take (\S+) out of serviceExternalIPs or serviceLoadBalancerIPs", do.service_withdrawn),
        (r'patch ippool (\S+) .*"disableBGPExport": false', do.exported),
        (r"calicoctl delete bgppeer (\w+)", do.peer_deleted),
        (r"write asNumber (\d+) into BGPPeer (\S+) \(", do.peer_of_as),
        (r"write the block again from a backup", do.block_restored),
        (rf"etcdctl del {_KEY}", do.claim_deleted),
        (rf"etcdctl put {_KEY} ", do.claim_confirmed),
        (rf"kubectl delete {_CLAIM}", do.claim_deleted),
        (rf"kubectl patch {_CLAIM} ", do.claim_confirmed),
        (r"etcdctl get (\S+)(?:; delete or correct it| shows it; )", do.key_corrected),
        (r"kubectl get (\S+) (\S+) -o yaml(?:; delete or correct it| shows it; )", do.object_corrected),
        (r"calicoctl ipam release --ip=(\S+), then on \S+: docker restart", do.tunnel_given_back),
        (r"calicoctl ipam release --ip=(\S+), and \S+", do.record_released),
        # Pods.
        (r"create the pool again", do.pool_made_again),
        (r"start the pod on (\S+) anew", do.pod_started_anew),
        (r"for another tunnel address; then start these pods anew", do.restarted_before_its_pods),
        (r"start these pods anew", do.pods_started_anew),
        # Programs.
        (r"kill -CONT \d+", do.mends(held=frozenset())),
        (r"sv up /etc/service/enabled/(\w+)", do.program_up),
        (r"birdcl -s \S+ enable (\S+)", do.protocol_enabled),
        (r"sv restart /etc/service/enabled/bird", do.bird_restarted),
        (r"systemctl disable --now \S+", do.mends(rival=None)),
        # The container.
        (r"docker unpause calico-node", do.mends(container="")),
        (r"stop (\S+) together with what starts it; or stop", do.mends(second="")),
        (r"see that calico/node runs there|^on \S+: start calico/node;", do.started),
        (r"start calico/node, or run calico-agent in supervise mode", do.restarted),
        (r"kubectl describe says why it does not run", do.restarted),
        (r"docker (?:re)?start calico-node\b", do.restarted),
        # What the agent asks.
        (r"start etcd there|see that kube-apiserver runs there", do.answers_again("etcd")),
        (r"systemctl start docker", do.answers_again("Docker")),
        (r"run calico-agent as root", do.answers_again("BIRD")),
    )
)

# Who reads these learns more, and nothing is changed by it.
_LOOKS = tuple(
    map(
        re.compile,
        (
            r"^$",
            r"^docker logs \S+",
            r"^docker exec \S+ birdcl.* show route for \S+ all names the peer that sent it",
            r"^`calico-agent detect` shows",
            r"^look at (host )?\S+ and the network between",
            r"^look at the cable",
            r"^move one of them: .* or another network on virbr0",
            r"^compare ",
            r"^on this host: nc -vz",
            r"^see that a BGP daemon runs on",
            r"^look on the other hosts for the route that BIRD learned",
            r"^on this host: ip route get",
            r"^ip route get \S+ fails on this host",
            r"^on \S+: calico-agent peers; see that BIRD has a session to this node's address",
            r"^on \S+: add the registered address of this node to the neighbors",
            r"^on \S+: calicoctl node status",
            r"^on the router \S+: exempt traffic",
            r"calicoctl get bgppeer -o yaml",
            r"^on \S+: ip route get \S+ must lead into a pod's link",
            r"^give this host a name of its own",
            r"^one disk was cloned from the other",
            r"^calicoctl get bgpfilter",
            r"show route for \S+ all names the peer that sent it",
            r"^have \S+ keep the next hop",
            r"^if \S+ is gone, release its blocks",
            r"^if its session is up: ",
            r"^on \S+: ss -atnp .* shows who speaks BGP",
            r"^see (on that machine whether etcd hangs|that the machine is up)",
            r"^see (on the control plane whether kube-apiserver hangs|that the control plane is up)",
            r"^BIRD writes it within two seconds",
            r"^Felix writes the route again",
        ),
    )
)
