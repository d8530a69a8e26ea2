"""What to type to whoever runs calico/node, on this host and on others.

The one place that knows: a container of Docker, a pod, podman's or a unit. What runs it
here runs it on the other hosts, too: nobody here can see them. A pod is never restarted by Docker: the kubelet would
make another one beside it.
"""

from collections.abc import Sequence
from ipaddress import ip_interface

from calico_agent.checks.records import in_kubernetes
from calico_agent.expected.view import View
from calico_agent.model.container.container import Container
from calico_agent.text import listed

_OPERATOR, _MANIFEST = "calico-system", "kube-system"
_WITH_CLIENT = frozenset({"docker", "podman"})


def by_kubelet(view: View) -> bool:
    """True if calico/node here is a pod's, or is to be one."""
    container = view.local.container
    if container is not None:
        return bool(container.pod)
    return in_kubernetes(view) or (view.observation.without_docker and not view.supervised)


def restart_here(view: View) -> str:
    """Return the command that restarts calico/node on this host."""
    container = view.local.container
    if container is None:
        return delete_pod(view, view.me) if by_kubelet(view) else f"docker restart {view.container_name}"
    if container.pod:
        return f"kubectl -n {_namespace(view)} delete pod {_pod(container)}"
    if container.runtime == "systemd":
        return f"systemctl restart {container.name}"
    known = container.runtime in _WITH_CLIENT
    return f"{container.runtime} restart {container.name}" if known else f"crictl stop {container.name}"


def restart_on(view: View, node: str) -> str:
    """Return what restarts calico/node on another host, of which its node's name, or an address, is known."""
    return delete_pod(view, node) if by_kubelet(view) else f"on {node}: docker restart calico-node"


def restart_where(view: View, node: str, where: str) -> str:
    """Return the same of a node of which nobody knows on which host it is: `where` says which is meant."""
    return delete_pod(view, node) if by_kubelet(view) else f"docker restart calico-node on {where}"


def restart_on_each(view: View, nodes: Sequence[str]) -> str:
    """Return the same of several nodes."""
    if by_kubelet(view):
        return "; ".join(delete_pod(view, node) for node in nodes)
    return restart_on(view, listed(tuple(nodes)))


def registered_again(view: View, node: str, *, here: bool = False) -> str:
    """Return what has calico/node write its record again after that was deleted.

    In the Kubernetes API the record is the kubelet's Node: that has to be there first, and a kubelet makes it when it
    starts (pkg/kubelet/kubelet_node_status.go@kubernetes v1.31).
    """
    restart = restart_here(view) if here else restart_on(view, node)
    if not in_kubernetes(view):
        return restart
    return f"on {'this host' if here else node}: systemctl restart kubelet; then {restart}"


def logs_here(view: View) -> str:
    """Return the command that shows what calico/node wrote."""
    container = view.local.container
    if container is None:
        pods = f"tail /var/log/pods/*_{_label(view)}-*/calico-node/*.log"
        return pods if by_kubelet(view) else f"docker logs {view.container_name}"
    if container.pod:
        return f"kubectl -n {_namespace(view)} logs {_pod(container)} -c {container.name_in_pod}"
    if container.runtime == "systemd":
        return f"journalctl -u {container.name}"
    return f"{container.runtime if container.runtime in _WITH_CLIENT else 'crictl'} logs {container.name}"


def inside(view: View) -> str:
    """Return what comes before a command that is to run inside calico/node."""
    container = view.local.container
    if container is None:
        pod = f"kubectl -n {_namespace(view)} exec POD -c calico-node --"
        return pod if by_kubelet(view) else f"docker exec {view.container_name}"
    if container.runtime == "systemd":
        return ""
    if container.runtime not in _WITH_CLIENT and container.pid:
        return f"nsenter -t {container.pid} -m"  # works while the API does not, and needs no runtime's client
    if container.pod:
        return f"kubectl -n {_namespace(view)} exec {_pod(container)} -c {container.name_in_pod} --"
    return f"{container.runtime if container.runtime in _WITH_CLIENT else 'crictl'} exec {container.name}"


def birdcl(view: View, version: int) -> str:
    """Return the command of BIRD's client, for the daemon of one family: one program for both."""
    return f"{inside(view)} birdcl -s /var/run/calico/{'bird' if version == 4 else 'bird6'}.ctl".lstrip()


def restart_program(view: View, service: str) -> str:
    """Return the command that restarts one of calico/node's programs alone."""
    return f"{inside(view)} sv restart /etc/service/enabled/{service}".lstrip()


def how_to_start(view: View) -> str:
    """Return how calico/node comes to a host that has none."""
    if not by_kubelet(view):
        return "start calico/node, or run calico-agent in supervise mode"
    shown = f"kubectl get pods -A -o wide -l k8s-app={_label(view)} --field-selector spec.nodeName={view.me}"
    own = view.observation.cluster_nodes.get(view.me)
    taints = listed(tuple(own.barring())) if own is not None else ""
    barred = f"; or its DaemonSet does not tolerate the taint {taints} of this node" if taints else ""
    return f"{shown} names its pod, and kubectl describe says why it does not run{barred}"


def started_anew(view: View, *settings: str) -> str:
    """Return how calico/node on this host is given other settings by people."""
    if by_kubelet(view):
        return _in_manifest(view, view.me, settings)
    container = view.local.container
    if container is not None and container.runtime == "systemd":
        return f"write {' '.join(settings)} into {container.name}, then systemctl restart {container.name}"
    tool = container.runtime if container is not None and container.runtime in _WITH_CLIENT else "docker"
    options = " ".join(f"-e {setting}" for setting in settings)
    return f"{tool} rm -f {view.container_name}, then start it again with {options}"


def started_anew_on(view: View, node: str, setting: str) -> str:
    """Return the same of another host."""
    if by_kubelet(view):
        return _in_manifest(view, node, (setting,))
    return (
        f"on {node}: remove the calico/node container and start it with {setting}, "
        "or run calico-agent there in supervise mode"
    )


def _in_manifest(view: View, node: str, settings: tuple[str, ...]) -> str:
    """How one node gets another address or name where a DaemonSet is the same for all.

    Its variables are everybody's: one node's address follows from a way to find it that is right on all of them. The
    operator undoes what others change in its DaemonSet.
    """
    name, value = next((one.split("=", 1) for one in settings if one.startswith("IP")), ("", ""))
    if not name:
        field = "NODENAME of the DaemonSet comes from spec.nodeName (valueFrom: fieldRef)"
        # A pod that runs under the name of another node is not on that node.
        again = restart_here(view) if node == view.me else delete_pod(view, node)
        return f"see that {field}, then {again}"
    version, network = 6 if name == "IP6" else 4, _network_of(value)
    if _namespace(view) == _OPERATOR:
        found = f'{{"cidrs":["{network}"]}}' if network else '{"kubernetes":"NodeInternalIP"}'
        patch = f'{{"spec":{{"calicoNetwork":{{"nodeAddressAutodetectionV{version}":{found}}}}}}}'
        return f"kubectl patch installation default --type=merge -p '{patch}' (for all nodes)"
    method = f"cidr={network}" if network else "kubernetes-internal-ip"
    given = "none" if value == "none" else f"autodetect {name}_AUTODETECTION_METHOD={method}"
    daemon_set = f"kubectl -n {_namespace(view)} set env daemonset/{_label(view)} -c calico-node"
    return f"{daemon_set} {name}={given} (for all nodes)"


def _network_of(address: str) -> str:
    """The network of an address with its prefix length; empty without one."""
    try:
        return str(ip_interface(address).network) if "/" in address else ""
    except ValueError:
        return ""


def delete_pod(view: View, node: str) -> str:
    """Return the command after which the kubelet of a node starts calico/node anew."""
    container = view.local.container
    where = f"-n {_namespace(view)}" if container is not None and container.pod else "-A"
    return f"kubectl delete pod {where} -l k8s-app={_label(view)} --field-selector spec.nodeName={node}"


def _label(view: View) -> str:
    """What the DaemonSet and its pods are called: canal has a name of its own."""
    container = view.local.container
    return "canal" if container is not None and "canal" in _pod(container) else "calico-node"


def _namespace(view: View) -> str:
    container = view.local.container
    return container.pod.partition("/")[0] if container is not None and container.pod else _MANIFEST


def _pod(container: Container) -> str:
    return container.pod.partition("/")[2]
