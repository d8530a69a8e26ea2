"""Whether the Kubernetes API takes the credentials that Calico's parts on this host have."""

from collections.abc import Iterator

from calico_agent.checks.preflight.cluster.kubernetes import install_cni, kubernetes_of
from calico_agent.checks.preflight.cluster.rbac import check_rbac
from calico_agent.checks.preflight.known import known
from calico_agent.expected.local_node import runs_elsewhere
from calico_agent.expected.view import View
from calico_agent.faults.preflight.cluster import HOST_API_CREDENTIAL
from calico_agent.model.host.kubernetes_api import ApiAccess, ApiCredential, Holder, KubernetesApi, Trouble
from calico_agent.model.preflight import Check, Verdict
from calico_agent.model.unreadable import Unreadable

_ABOUT = "access to the Kubernetes API"
_WHY = {
    Holder.CNI: "the CNI plugin asks the API about every pod: without an answer no pod of this host gets its network",
    Holder.NODE: "calico/node has its data in the API, and does not work without it",
}
_WHY_OPTIONAL = "calico/node marks its node in the API and learns of services there; pods and routes work without"
# What nobody knows, or what may be over in a moment, is no fault of the credential.
_UNTOLD = frozenset(
    {
        Trouble.UNREADABLE,
        Trouble.UNSUPPORTED,
        Trouble.CLEAR_TEXT,
        Trouble.UNREACHABLE,
        Trouble.FORBIDDEN,
        Trouble.NO_ANSWER,
    }
)


def check_kubernetes_api(view: View) -> Iterator[Check]:
    """Yield for each part of Calico's a line for its credential, and one for what that may do."""
    found = kubernetes_of(view, HOST_API_CREDENTIAL, _ABOUT)
    api = known(view.preparation.kubernetes_api, "it was not tried")
    if isinstance(found, Check):
        yield found
    elif isinstance(api, Unreadable):
        yield Check(HOST_API_CREDENTIAL, Verdict.UNKNOWN, f"{_ABOUT}: {api.reason}")
    else:
        for holder in Holder:
            yield from _check(view, api, holder)


def _check(view: View, api: KubernetesApi, holder: Holder) -> Iterator[Check]:
    access = api.access_of(holder)
    if holder not in api.uses:
        yield _unseen(view, holder)
    elif access is None and _asks(api, holder):
        cure = "write the path of a kubeconfig as kubernetes.kubeconfig into the CNI configuration"
        cure = cure if holder is Holder.CNI else "give calico/node a kubeconfig: KUBECONFIG and a mount"
        what = f"{holder.value} is told to ask the Kubernetes API, and has no credential for it"
        yield Check(HOST_API_CREDENTIAL, Verdict.FAILURE, what, _WHY[holder], cure, holder.value)
    elif access is None or (holder is Holder.CNI and not _asks(api, holder)):
        what = f"{_ABOUT}: {holder.value} does not ask it"
        yield Check(HOST_API_CREDENTIAL, Verdict.NOT_APPLICABLE, what, subject=holder.value)
    else:
        credential = _credential(view, api, access)
        yield credential
        if access.trouble is None and access.answers:
            yield check_rbac(view, api, access)


def _asks(api: KubernetesApi, holder: Holder) -> bool:
    """Whether it cannot do without: the plugin for labels and names of pods, or the ranges of its node."""
    return api.kubernetes_datastore or (holder is Holder.CNI and (api.policy or api.local_ranges))


def _unseen(view: View, holder: Holder) -> Check:
    if holder is Holder.CNI:
        what = f"{_ABOUT}: no CNI configuration of Calico's could be read"
        return Check(HOST_API_CREDENTIAL, Verdict.UNKNOWN, what, subject=holder.value)
    if runs_elsewhere(view.observation):
        what = f"{_ABOUT}: calico/node runs in a container runtime that the agent does not look into"
        return Check(HOST_API_CREDENTIAL, Verdict.UNKNOWN, what, subject=holder.value)
    what = f"{_ABOUT}: there is no container of calico/node"
    return Check(HOST_API_CREDENTIAL, Verdict.NOT_APPLICABLE, what, subject=holder.value)


def _credential(view: View, api: KubernetesApi, access: ApiAccess) -> Check:
    credential, holder = access.credential, access.credential.holder
    why = _WHY[holder] if _asks(api, holder) else _WHY_OPTIONAL
    worst = Verdict.FAILURE if _asks(api, holder) else Verdict.WARNING
    end = credential.expires_at
    if end is not None and end <= view.observation.at:
        what = f"{_named(credential)} is not valid any more, since {end:%Y-%m-%d %H:%M} UTC"
        return Check(HOST_API_CREDENTIAL, worst, what, why, _renew(view, credential), holder.value)
    if access.trouble is not None:
        verdict = Verdict.UNKNOWN if access.trouble in _UNTOLD else worst
        return Check(HOST_API_CREDENTIAL, verdict, _sentence(access), why, _cure(view, access), holder.value)
    if end is not None and (soon := _ends_soon(view, api, credential)):
        verdict = worst if end - view.observation.at < credential.last_call else Verdict.WARNING
        what = f"{_named(credential)} is valid until {end:%Y-%m-%d %H:%M} UTC only, and {soon}"
        return Check(HOST_API_CREDENTIAL, verdict, what, why, _renew(view, credential), holder.value)
    whose = credential.account or credential.file or "nobody in particular"
    what = f"the Kubernetes API at {credential.server} takes {holder.value} for {whose}"
    return Check(HOST_API_CREDENTIAL, Verdict.OK, what, subject=holder.value)


def _ends_soon(view: View, api: KubernetesApi, credential: ApiCredential) -> str:
    """Why that matters; empty for an end that is far, or of a token that somebody renews.

    calico/node renews the token of the CNI plugin (node/pkg/cni/token_watch.go@v3.32.1) with a credential of its own.
    """
    end = credential.expires_at
    if end is None or end - view.observation.at > credential.notice:
        return ""
    if not credential.token:
        return "somebody has to renew it"
    if credential.holder is Holder.CNI and Holder.NODE in api.uses and api.access_of(Holder.NODE) is None:
        return "calico/node, which should renew it, has no credential for the API"
    return ""


def _sentence(access: ApiAccess) -> str:
    named, server, detail = _named(access.credential), access.credential.server, access.detail
    service = ", which is the address of a service and works only while kube-proxy does,"
    at = f"the Kubernetes API at {server}"
    sentences = {
        Trouble.MISSING: f"{named} is missing: {detail}",
        Trouble.UNREADABLE: f"{named}: {detail}",
        Trouble.MALFORMED: f"{named} is of no use: {detail}",
        Trouble.UNSUPPORTED: f"{named} uses {detail}, which the agent does not try",
        Trouble.CLEAR_TEXT: f"{named} is for {server}: the agent shows it by https only",
        Trouble.UNREACHABLE: f"{at}{service if access.credential.by_service else ''} cannot be reached: {detail}",
        Trouble.WRONG_CA: f"the certificate of {at} is not of the authority that {named} names: {detail}",
        Trouble.WRONG_NAME: f"the certificate of {at} is of another name or address: {detail}",
        Trouble.SERVER_EXPIRED: f"the certificate of {at} is not valid now: {detail}",
        Trouble.UNAUTHORIZED: f"{at} does not know {named}: {detail} (401)",
        Trouble.FORBIDDEN: f"{at} does not say what {named} may: {detail} (403)",
        Trouble.NO_ANSWER: f"{at} gives no usable answer: {detail}",
    }
    return sentences[access.trouble or Trouble.NO_ANSWER]


def _cure(view: View, access: ApiAccess) -> str:
    credential, trouble = access.credential, access.trouble
    if trouble is Trouble.UNREACHABLE:
        return f"curl --insecure {credential.server}/version"
    if trouble is Trouble.UNREADABLE:
        return f"ls -l {credential.file}"
    if trouble is Trouble.SERVER_EXPIRED:
        return "on the control plane: kubeadm certs renew apiserver; then restart kube-apiserver; see date, too"
    if trouble is Trouble.WRONG_NAME:
        return (
            f"openssl s_client -connect {credential.server.partition('://')[2]} </dev/null | openssl x509 -noout -text"
        )
    if trouble is Trouble.FORBIDDEN:
        group = "--clusterrole=system:basic-user --group=system:authenticated"
        return f"kubectl create clusterrolebinding basic-user {group}"
    return _renew(view, credential) if trouble not in _UNTOLD else ""


def _renew(view: View, credential: ApiCredential) -> str:
    """The command that makes a new one."""
    if credential.holder is Holder.CNI:
        return install_cni(view)
    if credential.by_service:
        return "kubectl -n kube-system rollout restart daemonset calico-node"
    return f"put a valid credential into {credential.file}"


def _named(credential: ApiCredential) -> str:
    """Such as `the credential of the CNI plugin (/etc/cni/net.d/calico-kubeconfig)`."""
    return f"the credential of {credential.holder.value} ({credential.file or 'none'})"
