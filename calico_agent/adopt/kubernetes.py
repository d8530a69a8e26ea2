"""Where the Kubernetes API is, and what proves who we are, becomes [datastore] of a calico/node with its data there."""

from calico_agent.adopt.described import Described, Given
from calico_agent.adopt.draft import Draft
from calico_agent.model.settings import DatastoreSettings, KubernetesSettings
from calico_agent.plan.desired_container import KUBECONFIG_IN_CONTAINER
from calico_agent.sources.docker.decode.node_datastore import path_on_host

_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})  # strconv.ParseBool, as libcalico-go/lib/apiconfig has it
_BY_VARIABLES = ("K8S_API_ENDPOINT", "K8S_CERT_FILE", "K8S_KEY_FILE", "K8S_CA_FILE", "K8S_INSECURE_SKIP_TLS_VERIFY")
_REFERENCE = "CALICO_K8S_NODE_REF"
_NAMES = ("DATASTORE_TYPE", "KUBECONFIG", "K8S_CURRENT_CONTEXT", "USE_POD_CIDR", *_BY_VARIABLES)
_USUAL = "/etc/calico-agent/kubeconfig"
_OF_POD = "it uses the service account of its pod, which no container outside of one has: a kubeconfig of that account"


def translate_kubernetes(draft: Draft, described: Described) -> DatastoreSettings:
    """What the agent will use, where the description says where the API is; else that is to be filled in."""
    names = {prefix + name for name in _NAMES for prefix in ("", "CALICO_")} | {_REFERENCE}
    draft.handled.update(names & described.env.keys())
    for name in draft.handled - {"DATASTORE_TYPE"}:
        if described.env[name].unknown:
            draft.explain(name, described.env[name].unknown, lost=True)
        else:
            draft.explain(name, f"the same is given as {name.removeprefix('CALICO_')}")
    path, why = _kubeconfig(described)
    if path:
        draft.set("datastore", "kubeconfig", path)
        draft.explain("KUBECONFIG", "the same file of the host, at calico-agent's place in the container")
    else:
        draft.fill_in.append((("datastore", "kubeconfig"), why))
        draft.explain("KUBECONFIG", why, lost=True)
    draft.explain(KUBECONFIG_IN_CONTAINER, "the folder of the kubeconfig is mounted where calico-agent says that it is")
    context = _setting(described, "K8S_CURRENT_CONTEXT").value
    if context:
        draft.set("datastore", "kubeconfig_context", context)
    pod_cidrs = _setting(described, "USE_POD_CIDR").value in _TRUE
    if pod_cidrs:
        draft.set("datastore", "use_pod_cidr", value=True)
    for name in _BY_VARIABLES:
        if _setting(described, name).value:
            spoken = name if name in described.env else f"CALICO_{name}"
            draft.explain(spoken, "calico-agent gives calico/node a kubeconfig: write it there", lost=True)
    _explain_reference(draft, described)
    kubernetes = KubernetesSettings(path or _USUAL, context, pod_cidrs=pod_cidrs)
    return DatastoreSettings((), kubernetes=kubernetes)


def _explain_reference(draft: Draft, described: Described) -> None:
    name, reference = described.env.get("NODENAME", Given()), described.env.get(_REFERENCE, Given())
    another = bool(reference.value) and bool(name.value) and reference.value != name.value
    why = "where Calico keeps its data in the Kubernetes API, a node has the name of its Kubernetes Node"
    draft.explain(_REFERENCE, why, lost=another)


def _kubeconfig(described: Described) -> tuple[str, str]:
    """Its path on the host; and why it is not known, with what is to be written there."""
    given = _setting(described, "KUBECONFIG")
    if given.unknown:
        return "", given.unknown
    if not given.value:
        return "", f"{_OF_POD}, as {_USUAL}"
    if path := path_on_host(tuple(one.mount for one in described.mounts), given.value):
        return path, ""
    return "", f"KUBECONFIG={given.value} is under none of its mounts: the path of the file on the host"


def _setting(described: Described, name: str) -> Given:
    first = described.env.get(f"CALICO_{name}", Given())
    return described.env.get(name, Given()) if first == Given() else first
