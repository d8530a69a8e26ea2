"""What the preflight says of credentials for the Kubernetes API, by a real one with RBAC, and that its cures heal."""

import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import trustme

from calico_agent.checks.preflight.cluster.kube_proxy import check_kube_proxy
from calico_agent.model.calico.permissions import CALICO_GROUP, needs
from calico_agent.model.host.kubernetes import ProxySetup
from calico_agent.model.host.kubernetes_api import Holder
from calico_agent.model.observation import Observation
from calico_agent.model.preflight import Verdict
from tests.checks.preflight.case import view
from tests.checks.preflight.clusters import KUBERNETES, proxy
from tests.checks.preflight.clusters import host as cluster_host
from tests.etcd_server import free_port
from tests.kube_apiserver.hosts import KUBECONFIG, Host
from tests.kube_apiserver.server import KubeApiServer

# Where it is not built yet, that takes its time.
pytestmark = [pytest.mark.real, pytest.mark.timeout(3600)]

CREDENTIAL, MAY = "HOST-API-CREDENTIAL the CNI plugin", "HOST-RBAC the CNI plugin"
NODE, NODE_MAY = "HOST-API-CREDENTIAL calico/node", "HOST-RBAC calico/node"
READ_PODS = {"apiGroups": [""], "resources": ["pods", "namespaces"], "verbs": ["get"]}
MARK_NODE = {"apiGroups": [""], "resources": ["nodes/status"], "verbs": ["patch"]}
SERVICES = {"apiGroups": [""], "resources": ["services", "endpoints"], "verbs": ["list", "watch"]}


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host.new(tmp_path)


def test_an_account_that_may_what_it_needs(api: KubeApiServer, host: Host) -> None:
    api.grant(api.account("well"), "well", READ_PODS)
    found = host.with_token(api, api.token("well")).checks()
    assert (found[CREDENTIAL].verdict, found[MAY].verdict) == (Verdict.WARNING, Verdict.OK)
    assert "nobody" not in found[CREDENTIAL].what
    assert "calico/node, which should renew it, has no credential" in found[CREDENTIAL].what
    assert "system:serviceaccount:kube-system:well) may get pods, get namespaces" in found[MAY].what


def test_an_account_without_a_role_and_the_cure_heals_it(api: KubeApiServer, host: Host) -> None:
    api.account("bare")
    host.with_token(api, api.token("bare"))
    found = host.checks()[MAY]
    assert found.verdict is Verdict.FAILURE
    assert "may not get pods, get namespaces" in found.what
    api.shell(found.cure)
    host.becomes(MAY, Verdict.OK)


def test_one_permission_is_missing_and_the_cure_heals_it(api: KubeApiServer, host: Host) -> None:
    """As after an upgrade of Calico alone: v3.3 asks for namespaces, too."""
    api.grant(api.account("half"), "half", {**READ_PODS, "resources": ["pods"]})
    host.with_token(api, api.token("half"))
    found = host.checks()[MAY]
    assert "may not get namespaces" in found.what
    api.shell(found.cure)
    host.becomes(MAY, Verdict.OK)


def test_calico_2_needs_no_namespaces(api: KubeApiServer, tmp_path: Path) -> None:
    api.grant(api.account("old"), "old", {**READ_PODS, "resources": ["pods"]})
    host = Host.new(tmp_path, "calico/node:v1.3.0").with_token(api, api.token("old"))
    assert host.checks()[MAY].verdict is Verdict.OK


def test_a_client_certificate(api: KubeApiServer, host: Host) -> None:
    certificate, key = (b64encode(one).decode() for one in api.client_certificate("certified"))
    user = {"client-certificate-data": certificate, "client-key-data": key}
    api.kubeconfig(host.root / KUBECONFIG.lstrip("/"), user)
    assert host.checks()[MAY].verdict is Verdict.FAILURE
    api.grant("certified", "certified", READ_PODS)
    found = host.checks()
    assert (found[CREDENTIAL].verdict, found[MAY].verdict) == (Verdict.OK, Verdict.OK)


def test_the_keys_of_the_configurations_of_2017(api: KubeApiServer, host: Host) -> None:
    api.grant(api.account("keys"), "keys", READ_PODS)
    host.write("/etc/calico/ca.crt", api.ca)
    policy = {"k8s_api_root": f"{api.url}/api/v1/", "k8s_auth_token": api.token("keys")}
    host.plugin |= {"policy": {"type": "k8s", "k8s_certificate_authority": "/etc/calico/ca.crt"} | policy}
    host.plugin |= {"kubernetes": {}}
    assert host.checks()[MAY].verdict is Verdict.OK


def test_a_token_that_the_api_does_not_know(api: KubeApiServer, host: Host) -> None:
    found = host.with_token(api, "somebody-elses").checks()
    assert found[CREDENTIAL].verdict is Verdict.FAILURE
    assert "(401)" in found[CREDENTIAL].what
    assert MAY not in found


def test_a_token_that_is_over(api: KubeApiServer, host: Host) -> None:
    api.account("short")
    found = host.with_token(api, api.token("short", 600)).checks(later=timedelta(hours=1))
    assert found[CREDENTIAL].verdict is Verdict.FAILURE
    assert "is not valid any more" in found[CREDENTIAL].what


def test_the_authority_of_another_cluster(api: KubeApiServer, host: Host) -> None:
    other = b64encode(trustme.CA().cert_pem.bytes()).decode()
    found = host.with_token(api, "any", **{"certificate-authority-data": other}).checks()[CREDENTIAL]
    assert found.verdict is Verdict.FAILURE
    assert "is not of the authority" in found.what


def test_another_name_than_that_of_the_certificate(api: KubeApiServer, host: Host) -> None:
    found = host.with_token(api, "any", **{"tls-server-name": "kubernetes"}).checks()[CREDENTIAL]
    assert found.verdict is Verdict.FAILURE
    assert "of another name" in found.what


def test_an_api_that_is_not_there(api: KubeApiServer, host: Host) -> None:
    url = f"https://127.0.0.1:{free_port()}"
    found = host.with_token(api, "any", server=url).checks()[CREDENTIAL]
    assert found.verdict is Verdict.UNKNOWN
    assert f"{url} cannot be reached: connection refused" in found.what


def test_an_api_that_does_not_say_what_one_may_and_the_cure_heals_it(api: KubeApiServer, host: Host) -> None:
    api.grant(api.account("unasked"), "unasked", READ_PODS)
    host.with_token(api, api.token("unasked"))
    api.call("DELETE", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/system:basic-user")
    try:
        host.becomes(CREDENTIAL, Verdict.UNKNOWN)
        found = host.checks()[CREDENTIAL]
        assert "(403)" in found.what
    finally:
        api.shell(found.cure)
    host.becomes(MAY, Verdict.OK)


def test_a_kubeconfig_that_is_missing(host: Host) -> None:
    found = host.checks()[CREDENTIAL]
    assert (found.verdict, f"{KUBECONFIG} does not exist" in found.what) == (Verdict.FAILURE, True)


def by_kubeconfig(api: KubeApiServer, host: Host, token: str) -> Host:
    """As when a unit gives it one."""
    api.kubeconfig(host.root / "srv/node.conf", {"token": token})
    return host.given({"/etc/calico/node.conf": "/srv/node.conf"}, KUBECONFIG="/etc/calico/node.conf")


def by_variables(api: KubeApiServer, host: Host, token: str) -> Host:
    host.write("/srv/ca.crt", api.ca)
    return host.given(
        {"/secrets": "/srv"}, K8S_API_ENDPOINT=api.url, K8S_CA_FILE="/secrets/ca.crt", K8S_API_TOKEN=token
    )


def by_its_pod(api: KubeApiServer, host: Host, token: str) -> Host:
    """As the kubelet mounts a service account."""
    folder = "/var/lib/kubelet/pods/1/volumes/kubernetes.io~projected/kube-api-access"
    host.write(f"{folder}/token", f"{token}\n")
    host.write(f"{folder}/ca.crt", api.ca)
    service = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(api.port)}
    return host.given({"/var/run/secrets/kubernetes.io/serviceaccount": folder}, **service)


WAYS = {"a kubeconfig": by_kubeconfig, "variables": by_variables, "its pod": by_its_pod}


@pytest.mark.parametrize("give", WAYS.values(), ids=WAYS.keys())
def test_calico_node_by(
    api: KubeApiServer, host: Host, give: Callable[[KubeApiServer, Host, str], Host], request: pytest.FixtureRequest
) -> None:
    name = f"node-{request.node.callspec.id.replace(' ', '-')}"
    api.grant(api.account(name), name, MARK_NODE)
    found = give(api, host, api.token(name)).checks()
    assert found[NODE].verdict is Verdict.OK
    assert found[NODE_MAY].verdict is Verdict.WARNING
    assert "may not list services, watch services, list endpoints, watch endpoints" in found[NODE_MAY].what
    api.shell(found[NODE_MAY].cure)
    host.becomes(NODE_MAY, Verdict.OK)


def test_where_calico_node_renews_the_token_of_the_plugin_its_end_is_no_warning(api: KubeApiServer, host: Host) -> None:
    api.grant(api.account("both"), "both", READ_PODS, MARK_NODE, SERVICES)
    found = by_kubeconfig(api, host.with_token(api, api.token("both")), api.token("both")).checks()
    assert {code: one.verdict for code, one in found.items()} == dict.fromkeys(
        (CREDENTIAL, MAY, NODE, NODE_MAY), Verdict.OK
    )


def test_calicos_data_in_the_api(api: KubeApiServer, host: Host) -> None:
    """Before its resources exist nobody knows what one may do with them; then all of it is asked for."""
    account = api.account("data")
    host.plugin |= {"datastore_type": "kubernetes"}
    by_kubeconfig(api, host.with_token(api, api.token("data")), api.token("data"))
    host.given(
        {"/etc/calico/node.conf": "/srv/node.conf"}, DATASTORE_TYPE="kubernetes", KUBECONFIG="/etc/calico/node.conf"
    )
    api.grant(account, "data-core", *(rule(one) for one in core_needs()))
    assert host.checks()[NODE_MAY].verdict is Verdict.UNKNOWN
    api.custom_resource(CALICO_GROUP, "ippools", "IPPool")
    found = host.checks()[NODE_MAY]
    assert found.verdict is Verdict.FAILURE
    assert "kubectl apply -f calico.yaml" in found.cure
    api.grant(account, "data-calico", {"apiGroups": [CALICO_GROUP], "resources": ["*"], "verbs": ["*"]})
    found_all = host.checks()
    assert (found_all[NODE_MAY].verdict, found_all[MAY].verdict) == (Verdict.OK, Verdict.OK)


def core_needs() -> list[tuple[str, str, str]]:
    """Verb, resource and group of what is not Calico's own."""
    every = (need.permission for holder in Holder for need in needs(holder, kubernetes_datastore=True))
    return [(one.verb, one.resource, one.group) for one in every if one.group != CALICO_GROUP]


def rule(need: tuple[str, str, str]) -> dict[str, list[str]]:
    verb, resource, group = need
    return {"verbs": [verb], "resources": [resource], "apiGroups": [group]}


def test_the_api_is_asked_once_while_the_credential_stays_the_same(api: KubeApiServer, host: Host) -> None:
    api.account("asked")
    host.with_token(api, api.token("asked"))
    first = host.read().access_of(Holder.CNI)
    assert first is not None
    assert host.read().access_of(Holder.CNI) is first
    host.with_token(api, api.token("asked"))
    assert host.read().access_of(Holder.CNI) is not first


def test_no_token_is_in_what_was_read(api: KubeApiServer, host: Host) -> None:
    api.account("secret")
    token = api.token("secret")
    found = by_kubeconfig(api, host.with_token(api, token), token)
    assert token not in repr(found.read())
    assert token not in "".join(f"{one.what}{one.why}{one.cure}" for one in found.checks().values())


def test_the_cure_for_masquerading_changes_that_alone(api: KubeApiServer) -> None:
    """kubeadm keeps kube-proxy's configuration in a ConfigMap; the cures of its mode and of masquerading edit that."""
    file = "kind: KubeProxyConfiguration\ndetectLocalMode: ''\niptables:\n  masqueradeAll: true\nmode: ipvs\n"
    core, apps = "/api/v1/namespaces/kube-system", "/apis/apps/v1/namespaces/kube-system"
    labels = {"k8s-app": "kube-proxy"}
    container = {"name": "kube-proxy", "image": "kube-proxy"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    daemon_set = {
        "metadata": {"name": "kube-proxy"},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }
    api.call("POST", f"{core}/configmaps", {"metadata": {"name": "kube-proxy"}, "data": {"config.conf": file}})
    api.call("POST", f"{apps}/daemonsets", daemon_set)
    wrong = host_of(proxy=proxy("ipvs", masquerades_all=True))
    for check in check_kube_proxy(view(wrong)):
        assert check.verdict is Verdict.FAILURE
        api.shell(check.cure)
        time.sleep(2)  # kubectl restarts a DaemonSet once in a second
    found = api.call("GET", f"{core}/configmaps/kube-proxy")["data"]["config.conf"]
    assert found == file.replace("All: true", "All: false").replace("mode: ipvs", "mode: iptables")
    annotations = api.call("GET", f"{apps}/daemonsets/kube-proxy")["spec"]["template"]["metadata"]["annotations"]
    assert "kubectl.kubernetes.io/restartedAt" in annotations


def host_of(proxy: ProxySetup) -> Observation:
    """A host of Calico 2.3 with this kube-proxy."""
    return cluster_host(replace(KUBERNETES, proxy=proxy), image="calico/node:v1.3.0")
