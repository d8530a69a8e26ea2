"""The calico/node container of a DaemonSet -> Described, with what has to be on a host before it can run there."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from calico_agent.adopt.described import Described, Difference, Given, NotTakenOver
from calico_agent.adopt.manifest.objects import KubernetesObject, elements, is_true, member, string
from calico_agent.adopt.manifest.pod_environment import Environment
from calico_agent.adopt.manifest.quantity import cpu_shares, nano_cpus, whole
from calico_agent.adopt.manifest.secrets import SecretFile, Store
from calico_agent.adopt.manifest.volumes import Volumes
from calico_agent.adopt.manifest.workload import Workload, refuse_template
from calico_agent.adopt.manifest.yaml_text import TextNode
from calico_agent.model.container.run_options import RunOptions

_TLS_FILES = ("ETCD_CA_CERT_FILE", "ETCD_CERT_FILE", "ETCD_KEY_FILE")
_OWN_JUDGEMENT = "calico-agent judges calico/node itself, and says in `calico-agent status` what is wrong"
_NOTHING_BESIDE = "calico-agent runs nothing in the container beside calico/node"
_MARKS_NODE = (
    "it tells Kubernetes that the node's network is gone; calico-agent does not, as routes and policy stay in the "
    "kernel while calico/node is replaced"
)


@dataclass(frozen=True, slots=True)
class Description:
    """The container, the files that a host needs for it, and what else its reader should know (`warnings`)."""

    described: Described
    files: tuple[SecretFile, ...]
    warnings: tuple[str, ...]


def describe(workload: Workload, store: Store, everything: list[KubernetesObject]) -> Description:
    """Raises Refused for what calico-agent cannot take over."""
    container, text = workload.container, workload.text
    environment = Environment(workload, store)
    _refuse_dataplanes(environment)
    volumes = Volumes(workload, store, environment.variables)
    image = member(container, "image")
    if image is None:
        raise text.refused(container.start, "the container calico-node has no image")
    refuse_template(text, image)
    described = Described(
        origin=f"{workload.daemon_set.title} of {text.name}",
        image=Given(string(image), text.place(image.start)),
        env=environment.variables,
        mounts=tuple(volumes.mounts),
        network=_network(workload),
        privileged=_privileged(workload),
        command=_command(workload),
        options=_limits(container),
        from_pod=True,
        remarks=(*environment.remarks, *volumes.remarks, *_remarks(workload)),
    )
    files = dict.fromkeys((*_certificates(environment, volumes), *environment.files))
    warnings = (*_addresses(environment, everything), *_missing_keys(store, files))
    return Description(described, tuple(files), tuple(warnings))


def _refuse_dataplanes(environment: Environment) -> None:
    """Raises Refused (what is used is told by variables) for what calico-agent cannot do yet, or is not made for."""
    for names, bad, reason in _FOREIGN:
        for name in names:
            given = environment.variables.get(name, Given())
            if bad(given.value):
                raise NotTakenOver(given.place, f"{name}={given.value[:60]}: {reason}")


def _is_on(value: str) -> bool:
    return value.strip().lower() in {"true", "1", "yes", "y", "t"}


_FOREIGN = (
    (("FELIX_BPFENABLED",), _is_on, "the eBPF data plane is not looked after by calico-agent"),
    (
        ("DATASTORE_TYPE", "CALICO_DATASTORE_TYPE"),
        lambda value: value.strip() == "kubernetes",
        "this Calico keeps its data in the Kubernetes API: take its hosts over by `calico-agent import`",
    ),
    (
        ("FELIX_TYPHAK8SSERVICENAME", "FELIX_TYPHAADDR", "CALICO_TYPHAK8SSERVICENAME"),
        lambda value: value.strip().lower() not in {"", "none"},
        "calico/node asks Typha, which a container outside of Kubernetes cannot find",
    ),
    (
        ("CALICO_NETWORKING_BACKEND",),
        lambda value: value.strip() == "none",
        "calico/node brings no routes here, only policy: calico-agent would have nothing to look after",
    ),
)


def _network(workload: Workload) -> Given:
    node = member(workload.pod, "hostNetwork")
    place = workload.text.place((node or workload.pod).start)
    return Given("host" if is_true(node) else "the pod's own", place)


def _privileged(workload: Workload) -> Given:
    node = member(workload.container, "securityContext", "privileged")
    return Given("true" if is_true(node) else "false", workload.text.place((node or workload.container).start))


def _command(workload: Workload) -> Given:
    parts = [member(workload.container, "command"), member(workload.container, "args")]
    words = [string(word) for part in parts for word in elements(part)]
    places = [part.start for part in parts if part is not None]
    return Given(" ".join(words), workload.text.place(places[0])) if places else Given()


def _limits(container: TextNode) -> RunOptions:
    """As kubelet passes them to Docker; what is asked for but not limited in memory, only the scheduler reads."""

    def value(*path: str) -> str:
        return string(member(container, "resources", *path))

    return RunOptions(
        memory=whole(value("limits", "memory")),
        # Without a request of its own the limit is the request.
        cpu_shares=cpu_shares(value("requests", "cpu") or value("limits", "cpu")),
        nano_cpus=nano_cpus(value("limits", "cpu")),
    )


def _remarks(workload: Workload) -> Iterator[Difference]:
    """What a pod has and a container of Docker has not."""
    text = workload.text
    for owner, key, why, lost in _NOT_IN_DOCKER:
        node = member(workload.pod if owner == "pod" else workload.container, *key.split("."))
        if node is not None and string(node) not in _USUAL:
            shown = string(node) or "as in the manifest"
            yield Difference(key, shown, "", why, text.place(node.start), lost=lost)
    stop = member(workload.container, "lifecycle", "preStop")
    if stop is not None:
        why = _MARKS_NODE if workload.marks_node else _NOTHING_BESIDE
        yield Difference("preStop", "as in the manifest", "", why, text.place(stop.start), lost=not workload.marks_node)


_NOT_IN_DOCKER = (
    ("container", "livenessProbe", _OWN_JUDGEMENT, False),
    ("container", "readinessProbe", _OWN_JUDGEMENT, False),
    ("container", "startupProbe", _OWN_JUDGEMENT, False),
    ("container", "lifecycle.postStart", _NOTHING_BESIDE, True),
    ("container", "resources.requests.memory", "only Kubernetes' scheduler reads it", False),
    ("pod", "imagePullSecrets", "Docker on each host needs a login of its own, see [docker] credentials", True),
    ("pod", "hostAliases", "the host's own /etc/hosts counts", True),
    ("pod", "dnsPolicy", "the host's own resolver counts, which does not know the cluster's names", True),
    ("pod", "dnsConfig", "the host's own resolver counts", True),
)
# Policies with which a pod of the host's network asks the host's resolver (kubernetes.io/docs, "DNS for Services").
_USUAL = frozenset({"Default", "ClusterFirst"})


def _certificates(environment: Environment, volumes: Volumes) -> list[SecretFile]:
    found = []
    for name in _TLS_FILES:
        given = environment.setting(name)
        file = volumes.file_of(given.value) if given.value else None
        if file is not None:
            found.append(file)
    return found


def _missing_keys(store: Store, files: dict[SecretFile, None]) -> list[str]:
    """Files whose Secret is in the manifest, without the key."""
    found = []
    for file in files:
        owner = store.objects.get(("Secret", file.secret))
        if owner is not None and file.key not in store.keys("Secret", file.secret):
            found.append(
                f"{owner.place}: the Secret {file.secret} has no key {file.key} in this file; {file.path} comes from "
                "the one in the cluster, or there is none"
            )
    return found


def _addresses(environment: Environment, everything: list[KubernetesObject]) -> Iterator[str]:
    """Endpoints that a host cannot always reach: the cluster address of a Service, and names of the cluster's DNS."""
    given = environment.setting("ETCD_ENDPOINTS")
    services = [each for each in everything if each.kind == "Service"]
    addresses = {string(member(each.node, "spec", "clusterIP")): each for each in services}
    names = {f"{each.name}.{each.namespace}" for each in services}
    for endpoint in map(str.strip, given.value.split(",")):
        host = _host(endpoint)
        if service := addresses.get(host):
            yield (
                f"{given.place}: {endpoint} is the address of the {service.title} ({service.place}), which works on a "
                "host only while kube-proxy runs there; a host whose kube-proxy is not up yet, or is changed, loses "
                "etcd: name the hosts that etcd runs on instead"
            )
        elif host in names or host.endswith((".svc", ".cluster.local")):
            yield f"{given.place}: {endpoint} is a name of the cluster's DNS, which a host does not ask"


def _host(endpoint: str) -> str:
    try:
        host = urlsplit(endpoint.strip()).hostname or ""
    except ValueError:
        return ""
    try:
        return str(ip_address(host))
    except ValueError:
        return host
