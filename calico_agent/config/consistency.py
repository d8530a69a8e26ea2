"""What the values must be together. Each fault is a key and the words about it."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from calico_agent.config.schema import Config
from calico_agent.config.values import is_name_in_calico_3
from calico_agent.model.calico.autodetection import MethodKind
from calico_agent.model.settings import EtcdApi, Mode, Preset

Key = tuple[str, str]
"""Section and key; the section is empty for keys at the top of the file."""


def joint_faults(config: Config) -> Iterator[tuple[Key, str]]:
    """Everything that is wrong although each value alone is right."""
    yield from _datastore_faults(config)
    if config.mode is Mode.SUPERVISE:
        yield from _supervise_faults(config)
    if config.identity.ipv4 == config.identity.ipv6 == "none":
        yield ("identity", "ipv4"), 'is "none" and so is ipv6: a node needs an address of one family'
    yield from _method_faults(config)
    if (name := config.identity.name) and not config.old_names and not is_name_in_calico_3(name):
        words = 'wanted a node name like host1, or "" for the host name; capitals and "_" with [datastore] api = "v2"'
        yield ("identity", "name"), f'"{name}" is not a node name that Calico accepts ({words})'
    yield from _http_faults(config)
    if config.supervise.backoff_initial_seconds > config.supervise.backoff_max_seconds:
        yield ("supervise", "backoff_initial_seconds"), "is larger than backoff_max_seconds"


def exposure_faults(config: Config) -> Iterator[tuple[Key, str]]:
    """A port that others would reach with nothing to protect it: the agent does not open it, and does all else."""
    if config.listen is not None and (exposed := config.access_files.exposes(config.listen[0])):
        yield ("http", "listen"), f'"{config.http.listen}" is not opened: {exposed} (or an address of loopback)'


def _http_faults(config: Config) -> Iterator[tuple[Key, str]]:
    section = config.http
    for one, other in (("cert_file", "key_file"), ("key_file", "cert_file"), ("client_ca_file", "cert_file")):
        if getattr(section, one) and not getattr(section, other):
            yield ("http", one), f"is of no use without {other}"
    if not section.listen:
        for name in ("cert_file", "token_file"):
            if getattr(section, name):
                yield ("http", name), 'is of no use with listen = ""'


def _method_faults(config: Config) -> Iterator[tuple[Key, str]]:
    identity = config.identity
    families = (
        ("method", identity.method, "ipv4", identity.ipv4),
        ("method6", identity.method6, "ipv6", identity.ipv6),
    )
    for key, method, family, address in families:
        if method != "auto" and address != "auto":
            yield ("identity", key), f'is of no use beside {family} = "{address}" (wanted {family} = "auto")'
        elif method == MethodKind.INTERNAL_IP and config.datastore.endpoints:
            yield (
                ("identity", key),
                "asks the Kubernetes API, but the datastore is etcd (wanted kubeconfig there)",
            )
    if identity.allow_rejected and identity.method == identity.method6 == "auto":
        yield ("identity", "allow_rejected"), "is of use only with one of Calico's methods"


def _supervise_faults(config: Config) -> Iterator[tuple[Key, str]]:
    if not config.node.image:
        yield ("node", "image"), 'is not set (mode "supervise" runs this image, for example "calico/node:v3.31.7")'
    if config.node.preset is Preset.V1_3 and config.identity.ipv4 == "none":
        yield ("identity", "ipv4"), 'is "none", which calico/node of preset "v1.3" does not know: it would detect one'
    wanted = "kubeconfig" if config.node.preset is Preset.KUBERNETES else "endpoints"
    if not getattr(config.datastore, wanted) and not _ways(config):
        yield ("datastore", wanted), 'is not set (mode "supervise" hands it to calico/node)'
    if (config.node.preset is Preset.V1_3) != (config.datastore.api is EtcdApi.V2):
        wanted = "v2" if config.node.preset is Preset.V1_3 else "v3"
        words = f'is "{config.datastore.api.value}", but calico/node of [node] preset = "{config.node.preset.value}"'
        yield ("datastore", "api"), f'{words} uses "{wanted}"'


_OF_KUBERNETES = frozenset({"DATASTORE_TYPE", "KUBECONFIG", "K8S_CURRENT_CONTEXT", "USE_POD_CIDR"})
_OF_ETCD = ("ca_file", "cert_file", "key_file", "username", "password_file")


def _ways(config: Config) -> list[str]:
    """What says where the datastore is."""
    return [name for name in ("endpoints", "kubeconfig", "service_account_dir") if getattr(config.datastore, name)]


def _kubernetes_faults(config: Config) -> Iterator[tuple[Key, str]]:
    section = config.datastore
    ways = _ways(config)
    if len(ways) > 1:
        yield ("datastore", ways[1]), f"is of no use beside {ways[0]}: a cluster has one datastore"
    elif ways and ways != ["endpoints"]:
        others = [name for name in _OF_ETCD if getattr(section, name)]
        if others:
            yield ("datastore", others[0]), f"is for etcd, and of no use beside {ways[0]}"
        if config.mode is Mode.SUPERVISE and config.node.preset is not Preset.KUBERNETES:
            words = f'of [node] preset = "{config.node.preset.value}" uses etcd (wanted preset = "kubernetes")'
            yield ("datastore", ways[0]), f"is of no use: calico/node {words}"
        elif config.mode is Mode.SUPERVISE and not section.kubeconfig:
            yield ("datastore", ways[0]), "is a pod's, and calico/node is started in none (wanted kubeconfig)"
    elif ways and config.node.preset is Preset.KUBERNETES:
        yield ("datastore", "endpoints"), 'is for etcd, and calico/node of [node] preset = "kubernetes" does not use it'
    if config.node.kubeconfig and config.node.preset is not Preset.KUBERNETES:
        yield ("node", "kubeconfig"), 'is of no use without preset = "kubernetes"'
    if config.node.preset is Preset.KUBERNETES and (own := _OF_KUBERNETES & config.node.env.keys()):
        yield ("node", "env"), f"sets {min(own)}, which the agent sets: use [node] kubeconfig and [datastore]"
    if section.kubeconfig_context and not section.kubeconfig:
        yield ("datastore", "kubeconfig_context"), "is of no use without kubeconfig"
    if section.use_pod_cidr and not set(ways) & {"kubeconfig", "service_account_dir"}:
        yield ("datastore", "use_pod_cidr"), "is of no use without kubeconfig or service_account_dir"


def _datastore_faults(config: Config) -> Iterator[tuple[Key, str]]:
    section = config.datastore
    yield from _kubernetes_faults(config)
    schemes = {urlsplit(endpoint).scheme for endpoint in section.endpoints}
    if len(schemes) > 1:
        yield ("datastore", "endpoints"), "mixes http and https"
    for one, other in (("cert_file", "key_file"), ("key_file", "cert_file")):
        if getattr(section, one) and not getattr(section, other):
            yield ("datastore", one), f"is of no use without {other}"
    for one, other in (("username", "password_file"), ("password_file", "username")):
        if getattr(section, one) and not getattr(section, other):
            yield ("datastore", one), f"is of no use without {other}"
    if schemes == {"http"}:
        for name in ("ca_file", "cert_file", "key_file"):
            if getattr(section, name):
                yield ("datastore", name), "is of no use with endpoints that are http (wanted https)"
