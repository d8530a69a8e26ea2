"""What is said of the credentials for the Kubernetes API, and of what they may."""

from dataclasses import replace
from datetime import timedelta

import pytest

from calico_agent.checks.preflight.cluster.kubernetes_api import check_kubernetes_api
from calico_agent.model.container.container import Docker
from calico_agent.model.host.kubernetes import Kubernetes
from calico_agent.model.host.kubernetes_api import ApiAccess, Holder, Trouble
from calico_agent.model.observation import Observation, Unreadable
from calico_agent.model.preflight import Verdict
from tests.checks.preflight.case import CheckCase, check, prepared
from tests.checks.preflight.clusters import API, KUBECONFIG, KUBERNETES, SERVER, access, host

PLUGIN, NODE = "HOST-API-CREDENTIAL the CNI plugin", "HOST-API-CREDENTIAL calico/node"
MAY, NODE_MAY = "HOST-RBAC the CNI plugin", "HOST-RBAC calico/node"
OK, WARNING, FAILURE = Verdict.OK, Verdict.WARNING, Verdict.FAILURE
UNKNOWN, IDLE = Verdict.UNKNOWN, Verdict.NOT_APPLICABLE
NODE_WELL = {NODE: OK, NODE_MAY: OK}
WELL = {PLUGIN: OK, MAY: OK, **NODE_WELL}


def of(*accesses: ApiAccess, image: str = "calico/node:v3.28.1", **kinds: object) -> Observation:
    return host(KUBERNETES, replace(API, accesses=accesses, **kinds), image)  # type: ignore[arg-type]


def troubled(trouble: Trouble, detail: str = "as it says", holder: Holder = Holder.CNI) -> Observation:
    """The credential of one part is of no use, that of the other is."""
    others = [access(other) for other in Holder if other is not holder]
    return of(access(holder, trouble=trouble, detail=detail, answers={}), *others)


def by(account: str, *denied: str) -> ApiAccess:
    found = access(Holder.CNI, *denied)
    return replace(found, credential=replace(found.credential, account=account))


def certificate(days: float) -> ApiAccess:
    """By a client certificate that is valid for so long."""
    found = access(hours=days * 24)
    last_call = timedelta(days=3)
    return replace(found, credential=replace(found.credential, account="", token=False, last_call=last_call))


KUBERNETES_DATASTORE = replace(
    API,
    accesses=(access(datastore=True), access(Holder.NODE, datastore=True)),
    kubernetes_datastore=True,
)

CASES = {
    "a host of no cluster": CheckCase(host(Kubernetes()), {"HOST-API-CREDENTIAL": IDLE}),
    "nothing was tried yet": CheckCase(prepared(kubernetes=KUBERNETES), {"HOST-API-CREDENTIAL": UNKNOWN}),
    "it could not be tried": CheckCase(
        prepared(kubernetes=KUBERNETES, kubernetes_api=Unreadable("the API", "not read within 10 s")),
        {"HOST-API-CREDENTIAL": UNKNOWN},
        says=("not read within 10 s",),
    ),
    "both may what they need": CheckCase(
        of(*API.accesses), WELL, says=("may get pods, get namespaces, as it needs", "calico-cni-plugin")
    ),
    "calico/node has none and needs none": CheckCase(of(access(hours=None)), {PLUGIN: OK, MAY: OK, NODE: IDLE}),
    "calico/node was never started": CheckCase(
        replace(of(access(), uses=frozenset({Holder.CNI})), docker=Docker(), bird=Unreadable("BIRD", "no socket")),
        {PLUGIN: OK, MAY: OK, NODE: IDLE},
    ),
    "calico/node runs in containerd": CheckCase(
        replace(of(access(), uses=frozenset({Holder.CNI})), docker=Docker()), {PLUGIN: OK, MAY: OK, NODE: UNKNOWN}
    ),
    "no CNI configuration was read": CheckCase(
        of(access(Holder.NODE), uses=frozenset({Holder.NODE})), {PLUGIN: UNKNOWN, **NODE_WELL}
    ),
    "a plugin that is not told to ask": CheckCase(of(*API.accesses, policy=False), {PLUGIN: IDLE, **NODE_WELL}),
    "a plugin that is told to ask, without a credential": CheckCase(
        of(access(Holder.NODE)), {PLUGIN: FAILURE, **NODE_WELL}, says=("has no credential for it",)
    ),
    "a kubeconfig that is missing": CheckCase(
        troubled(Trouble.MISSING, f"{KUBECONFIG} does not exist"),
        {PLUGIN: FAILURE, **NODE_WELL},
        says=("is missing", "does not exist", "spec.nodeName=host1"),
    ),
    "a kubeconfig that another user may have written": CheckCase(
        troubled(Trouble.UNREADABLE), {PLUGIN: UNKNOWN, **NODE_WELL}, says=(f"ls -l {KUBECONFIG}",)
    ),
    "a kubeconfig that is none": CheckCase(
        troubled(Trouble.MALFORMED, "it is not YAML"),
        {PLUGIN: FAILURE, **NODE_WELL},
        says=("of no use: it is not YAML",),
    ),
    "one that is made by a program": CheckCase(
        troubled(Trouble.UNSUPPORTED, "exec"), {PLUGIN: UNKNOWN, **NODE_WELL}, says=("uses exec",)
    ),
    "an API by http": CheckCase(troubled(Trouble.CLEAR_TEXT), {PLUGIN: UNKNOWN, **NODE_WELL}, says=("by https only",)),
    "an API that cannot be reached": CheckCase(
        troubled(Trouble.UNREACHABLE, "connection refused"),
        {PLUGIN: UNKNOWN, **NODE_WELL},
        says=(f"at {SERVER} cannot be reached: connection refused", f"curl --insecure {SERVER}/version"),
    ),
    "another authority": CheckCase(
        troubled(Trouble.WRONG_CA, "unable to get local issuer certificate"),
        {PLUGIN: FAILURE, **NODE_WELL},
        says=("is not of the authority that", "unable to get local issuer"),
    ),
    "another name": CheckCase(
        troubled(Trouble.WRONG_NAME), {PLUGIN: FAILURE, **NODE_WELL}, says=("openssl s_client -connect 10.77.0.1:6443",)
    ),
    "a certificate of the API that is over": CheckCase(
        troubled(Trouble.SERVER_EXPIRED), {PLUGIN: FAILURE, **NODE_WELL}, says=("kubeadm certs renew apiserver",)
    ),
    "401": CheckCase(
        troubled(Trouble.UNAUTHORIZED, "Unauthorized"),
        {PLUGIN: FAILURE, **NODE_WELL},
        says=("does not know the credential of the CNI plugin", "(401)"),
    ),
    "403 when it is asked what it may": CheckCase(
        troubled(Trouble.FORBIDDEN), {PLUGIN: UNKNOWN, **NODE_WELL}, says=("(403)", "--clusterrole=system:basic-user")
    ),
    "an answer that is none": CheckCase(troubled(Trouble.NO_ANSWER), {PLUGIN: UNKNOWN, **NODE_WELL}),
    "that of calico/node is not needed, and of no use": CheckCase(
        troubled(Trouble.UNAUTHORIZED, holder=Holder.NODE),
        {PLUGIN: OK, MAY: OK, NODE: WARNING},
        says=("pods and routes work without",),
    ),
    "a token that is over": CheckCase(
        of(access(hours=-1, trouble=Trouble.UNAUTHORIZED), access(Holder.NODE)),
        {PLUGIN: FAILURE, **NODE_WELL},
        says=("not valid any more, since 2026-11-23 00:00 UTC",),
        unsaid=("401",),
    ),
    "a token that nobody renews": CheckCase(
        of(access()),
        {PLUGIN: WARNING, MAY: OK, NODE: IDLE},
        says=("valid until 2026-11-24 00:00 UTC only", "has no credential for the API"),
    ),
    "a client certificate that ends in twenty days": CheckCase(
        of(certificate(20), access(Holder.NODE)), WELL | {PLUGIN: WARNING}, says=("somebody has to renew it",)
    ),
    "a client certificate that ends tomorrow": CheckCase(
        of(certificate(1), access(Holder.NODE)), WELL | {PLUGIN: FAILURE}
    ),
    "a client certificate of a year": CheckCase(of(certificate(300), access(Holder.NODE)), WELL),
    "it may not get pods": CheckCase(
        of(access(Holder.CNI, "get pods"), access(Holder.NODE)),
        WELL | {MAY: FAILURE},
        says=(
            "may not get pods",
            "no pod of this host gets its network",
            "kubectl create clusterrole calico-cni-plugin-may-get-pods --verb=get --resource=pods && ",
            "--clusterrole=calico-cni-plugin-may-get-pods --serviceaccount=kube-system:calico-cni-plugin",
        ),
    ),
    "a certificate of a user may not get namespaces": CheckCase(
        of(by("calico", "get namespaces"), access(Holder.NODE)), WELL | {MAY: FAILURE}, says=("--user=calico",)
    ),
    "Calico 2.3 asks no namespaces": CheckCase(
        of(access(Holder.CNI, "get namespaces", hours=None), image="calico/node:v1.3.0"),
        {PLUGIN: OK, MAY: OK, NODE: IDLE},
        unsaid=("namespaces",),
    ),
    "a kubelet's credential is judged for each pod": CheckCase(
        of(by("system:node:host1", "get pods"), access(Holder.NODE)), WELL | {MAY: UNKNOWN}
    ),
    "host-local needs the ranges of its node": CheckCase(
        of(access(Holder.CNI, "get nodes"), access(Holder.NODE), local_ranges=True), WELL | {MAY: FAILURE}
    ),
    "Calico's own pools do not": CheckCase(of(access(Holder.CNI, "get nodes"), access(Holder.NODE)), WELL),
    "what was not answered in time is not known": CheckCase(
        of(access(), replace(access(Holder.NODE), answers=dict(list(access(Holder.NODE).answers.items())[:1]))),
        WELL | {NODE_MAY: UNKNOWN},
        says=("the API did not say it",),
    ),
    "calico/node may not mark its node": CheckCase(
        of(access(), access(Holder.NODE, "patch nodes/status")),
        WELL | {NODE_MAY: WARNING},
        says=("--resource=nodes/status", "is not told that the network of this node is up"),
    ),
    "Calico's data in the API": CheckCase(host(KUBERNETES, KUBERNETES_DATASTORE), WELL, says=("more, as it needs",)),
    "Calico's data in the API, and calico/node without a credential": CheckCase(
        host(KUBERNETES, replace(KUBERNETES_DATASTORE, accesses=(access(datastore=True, hours=None),))),
        {PLUGIN: OK, MAY: OK, NODE: FAILURE},
    ),
    "Calico's data in the API, and no binding at all": CheckCase(
        host(
            KUBERNETES,
            replace(
                KUBERNETES_DATASTORE,
                accesses=(
                    access(datastore=True),
                    replace(
                        access(Holder.NODE, datastore=True),
                        answers=dict.fromkeys(access(Holder.NODE, datastore=True).answers, False),
                    ),
                ),
            ),
        ),
        WELL | {NODE_MAY: FAILURE},
        says=("kubectl apply -f calico.yaml", "grep calico-node", "more"),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_host(case: CheckCase) -> None:
    check(case, check_kubernetes_api)
