"""The configuration that gives the described container, and each difference with its reason."""

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.adopt.as_toml import hidden_values, render_toml
from calico_agent.adopt.described import Described, Difference, Given, GivenMount, NotTakenOver
from calico_agent.adopt.translate import translate
from calico_agent.config import load
from calico_agent.model.container.container import Mount
from calico_agent.model.container.run_options import RunOptions, Ulimit
from tests.adopt.shapes import CERTIFICATES, POD, UNIT_ENV, UNIT_OF_2017, env, same_place
from tests.examples import at_most


def toml(described: Described) -> dict[str, object]:
    return tomllib.loads(render_toml(translate(described), described.origin))


def subjects(described: Described) -> dict[str, Difference]:
    return {difference.subject: difference for difference in translate(described).differences}


def with_env(described: Described, **variables: str | Given | None) -> Described:
    """The same with other variables; None takes one away."""
    changed = {name: Given(value) if isinstance(value, str) else value for name, value in variables.items()}
    wanted = {**described.env, **changed}
    return replace(described, env={name: given for name, given in wanted.items() if given is not None})


def test_the_unit_of_2017_is_the_preset_with_what_is_the_hosts_own() -> None:
    assert toml(UNIT_OF_2017) == {
        "mode": "supervise",
        "identity": {"name": "host1.example.com", "ipv4": "10.77.0.11"},
        "datastore": {
            "endpoints": ["https://10.77.0.1:2379", "https://10.77.0.2:2379", "https://10.77.0.3:2379"],
            "ca_file": "/etc/etcd/ssl/ca.pem",
            "cert_file": "/etc/etcd/ssl/etcd.pem",
            "key_file": "/etc/etcd/ssl/etcd-key.pem",
            "api": "v2",
        },
        "node": {
            "image": "calico/node:v1.3.0",
            "preset": "v1.3",
            "env": {"AS": "", "CALICO_IPV4POOL_CIDR": "10.254.64.0/18"},
        },
    }


def test_what_differs_from_the_unit_of_2017_is_what_the_agent_decides() -> None:
    found = subjects(UNIT_OF_2017)
    assert {name: (one.was, one.becomes) for name, one in found.items()} == {
        "restart": ("always", "no"),
        "ETCD_CA_CERT_FILE": ("/etc/etcd/ssl/ca.pem", "/etc/calico/certs/ca_cert.crt"),
        "ETCD_CERT_FILE": ("/etc/etcd/ssl/etcd.pem", "/etc/calico/certs/cert.crt"),
        "ETCD_KEY_FILE": ("/etc/etcd/ssl/etcd-key.pem", "/etc/calico/certs/key.pem"),
        "IP": ("10.77.0.11", "10.77.0.11 with the prefix length of its link"),
        "IP6": ('""', ""),
        "/etc/calico/certs/ca_cert.crt": ("", "/etc/etcd/ssl/ca.pem:/etc/calico/certs/ca_cert.crt:ro"),
        "/etc/calico/certs/cert.crt": ("", "/etc/etcd/ssl/etcd.pem:/etc/calico/certs/cert.crt:ro"),
        "/etc/calico/certs/key.pem": ("", "/etc/etcd/ssl/etcd-key.pem:/etc/calico/certs/key.pem:ro"),
        **{path: (f"{path}:{path}", "") for path in CERTIFICATES.values()},
    }
    assert translate(UNIT_OF_2017).lossless


def test_a_container_that_has_less_than_the_preset_leaves_that_out() -> None:
    without = ("CALICO_LIBNETWORK_ENABLED", "FELIX_LOGSEVERITYSCREEN")
    described = replace(
        with_env(UNIT_OF_2017, **dict.fromkeys(without)),
        mounts=same_place("/var/run/calico", "/lib/modules", *CERTIFICATES.values()),
    )
    node = toml(described)["node"]
    assert isinstance(node, dict)
    assert node["without"] == [
        *("/run/docker/plugins", "/var/log/calico", "/var/run/docker.sock"),
        *without,
    ]
    assert subjects(described).keys() == subjects(UNIT_OF_2017).keys()


def test_a_pod_leaves_behind_what_kubelet_gave_it() -> None:
    translation = translate(POD)
    assert toml(POD) == {
        "mode": "supervise",
        "identity": {"method": "interface=eth0"},
        "datastore": {
            "endpoints": ["https://10.77.0.1:2379"],
            "ca_file": "/etc/calico/certs/etcd-ca",
            "cert_file": "/etc/calico/certs/etcd-cert",
            "key_file": "/etc/calico/certs/etcd-key",
        },
        "node": {
            "image": "quay.io/calico/node:v3.9.6",
            "without": ["/var/log/calico", "DATASTORE_TYPE"],
            "cpu_shares": 256,
            "env": {"CALICO_IPV4POOL_IPIP": "Always", "CALICO_K8S_NODE_REF": "host1", "CLUSTER_TYPE": "k8s,bgp"},
        },
    }
    source = "/var/lib/kubelet/pods/6f1d/volumes/kubernetes.io~secret/etcd-certs/etcd-ca"
    assert translation.commands[0] == f"install -D -m 0600 '{source}' /etc/calico/certs/etcd-ca"
    assert translation.lossless
    gone = {name for name, one in subjects(POD).items() if not one.becomes}
    assert gone == {
        *("KUBERNETES_SERVICE_HOST", "KUBE_DNS_PORT_53_UDP_ADDR", "IP_AUTODETECTION_METHOD", "labels"),
        *("/calico-secrets", "/etc/hosts", "/dev/termination-log"),
    }


IDENTITIES: dict[str, tuple[dict[str, str | Given | None], dict[str, object], set[str]]] = {
    "an address with its length is taken as it is": ({"IP": "10.77.0.11/24"}, {"ipv4": "10.77.0.11/24"}, set()),
    "no address is one to be found": ({"IP": ""}, {}, {"IP"}),
    "IP6 to be found": ({"IP": "", "IP6": "autodetect"}, {"ipv6": "auto"}, {"IP", "IP6"}),
    "an address that no other host can reach": ({"IP": "127.0.0.1"}, {}, {"IP"}),
    "a method beside an address says nothing": (
        {"IP": "10.77.0.11/24", "IP_AUTODETECTION_METHOD": "can-reach=8.8.8.8"},
        {"ipv4": "10.77.0.11/24"},
        {"IP_AUTODETECTION_METHOD"},
    ),
    "a method that is none": ({"IP": "", "IP_AUTODETECTION_METHOD": "eth0"}, {}, {"IP", "IP_AUTODETECTION_METHOD"}),
    "HOSTNAME where there is no NODENAME": (
        {"NODENAME": None, "HOSTNAME": "Node-C3", "IP": "10.77.0.11/24"},
        {"name": "Node-C3", "ipv4": "10.77.0.11/24"},
        {"NODENAME", "HOSTNAME"},
    ),
    "a name that is the API's to say": (
        {"NODENAME": Given(unknown="it is the name of the Kubernetes node"), "IP": "10.77.0.11/24"},
        {"ipv4": "10.77.0.11/24"},
        {"NODENAME"},
    ),
}


@pytest.mark.parametrize(("variables", "wanted", "differ"), IDENTITIES.values(), ids=IDENTITIES)
def test_what_the_agent_decides_becomes_identity(
    variables: dict[str, str | Given | None], wanted: dict[str, object], differ: set[str]
) -> None:
    described = with_env(UNIT_OF_2017, **{"NODENAME": None, "IP6": None, **variables})
    named = variables.get("NODENAME", "missing") != "missing"
    assert toml(described).get("identity", {}) == wanted
    decided = {"NODENAME", "HOSTNAME", "IP", "IP6", "IP_AUTODETECTION_METHOD"}
    assert subjects(described).keys() & decided == differ | (set() if named else {"NODENAME"})


LOSSES: dict[str, tuple[Described, str, str]] = {
    "a command of its own": (
        replace(UNIT_OF_2017, command=Given("sh -c 'sleep 5; start_runit'")),
        "command",
        "image's own command",
    ),
    "a value that is in another file": (
        with_env(UNIT_OF_2017, CALICO_IPV4POOL_CIDR=Given(unknown="it is in the ConfigMap calico-config")),
        "CALICO_IPV4POOL_CIDR",
        "ConfigMap",
    ),
    "a variable that the configuration does not take": (with_env(UNIT_OF_2017, **{"a.b": "c"}), "a.b", "cannot be"),
    "a mount of another kind": (
        replace(UNIT_OF_2017, mounts=(*UNIT_OF_2017.mounts, GivenMount(Mount("logs", "/logs")))),
        "/logs",
        "not a bind mount of absolute paths",
    ),
    "a DNS name for etcd": (
        with_env(UNIT_OF_2017, ETCD_DISCOVERY_SRV="etcd.example.com"),
        "ETCD_DISCOVERY_SRV",
        "goes by the endpoints",
    ),
    "a key of which the certificate is missing": (
        with_env(UNIT_OF_2017, ETCD_CERT_FILE=None),
        "ETCD_KEY_FILE",
        "of no use without the cert",
    ),
    "a name with capitals": (
        with_env(POD, NODENAME="Host_1"),
        "NODENAME",
        "is not a node name that Calico 3.x accepts",
    ),
}


@pytest.mark.parametrize(("described", "subject", "why"), LOSSES.values(), ids=LOSSES)
def test_what_is_lost_is_said_so(described: Described, subject: str, why: str) -> None:
    lost = [one for one in translate(described).differences if one.lost]
    assert [one.subject for one in lost] == [subject]
    assert why in lost[0].why


def test_the_limits_and_the_logging_are_kept(tmp_path: Path) -> None:
    options = RunOptions(
        memory=500 << 20,
        cpu_shares=300,
        nano_cpus=1_500_000_000,
        ulimits=(Ulimit("nofile", 1024, 65536),),
        labels=(("team", "net"),),
        log_driver="json-file",
        log_options=(("max-size", "10m"),),
    )
    described = replace(UNIT_OF_2017, options=options)
    assert subjects(described).keys() == subjects(UNIT_OF_2017).keys()
    file = tmp_path / "calico-agent.toml"
    file.write_text(render_toml(translate(described), "x"))
    assert load(file, {}).node_settings().options == options


IN_KUBERNETES = {
    "DATASTORE_TYPE": "kubernetes",
    "KUBECONFIG": "/calico/node.conf",
    "USE_POD_CIDR": "true",
    "NODENAME": "host1",
    "IP": "autodetect",
    "CALICO_NETWORKING_BACKEND": "bird",
    "CALICO_MANAGE_CNI": "true",
}


def test_the_kubernetes_api_is_the_datastore_of_a_preset_of_its_own() -> None:
    mounts = (GivenMount(Mount("/srv/calico", "/calico", read_only=True)),)
    described = Described("a command", Given("calico/node:v3.31.7"), env=env(IN_KUBERNETES), mounts=mounts)
    translation = translate(described)
    settings = translation.settings
    assert settings["node", "preset"] == "kubernetes"
    assert settings["datastore", "kubeconfig"] == "/srv/calico/node.conf"
    assert settings["datastore", "use_pod_cidr"] is True
    found = {one.subject: one for one in translation.differences}
    assert found["KUBECONFIG"].becomes == "/etc/calico/kubernetes/node.conf"
    assert found["CALICO_MANAGE_CNI"].becomes == "false"
    assert "outside of a pod there is no token" in found["CALICO_MANAGE_CNI"].why
    assert not [one.subject for one in found.values() if one.lost]
    assert not translation.fill_in


def test_a_pods_account_has_to_be_given_as_a_kubeconfig() -> None:
    """As of a DaemonSet: its pods have no KUBECONFIG, and no container outside of one has their account."""
    variables = {**IN_KUBERNETES, "KUBERNETES_SERVICE_HOST": "10.96.0.1"}
    del variables["KUBECONFIG"]
    described = Described("a pod", Given("calico/node:v3.31.7"), env=env(variables), from_pod=True)
    translation = translate(described)
    ((key, why),) = translation.fill_in
    assert key == ("datastore", "kubeconfig")
    assert "the service account of its pod" in why
    assert [one.subject for one in translation.differences if one.lost] == ["KUBECONFIG"]


REFUSALS = {
    "certificates that no mount gives": (
        {"ETCD_CA_CERT_FILE": "/elsewhere/ca.pem"},
        "which is under none of its mounts",
    ),
    "an endpoint with a password": (
        {"ETCD_ENDPOINTS": "https://me:hush@10.77.0.1:2379"},
        "carries a user name; that belongs into username and password_file",
    ),
    "endpoints of two kinds": (
        {"ETCD_ENDPOINTS": "http://10.77.0.1:2379,https://10.77.0.2:2379"},
        "as [datastore] endpoints it mixes http and https",
    ),
}


@pytest.mark.parametrize(("variables", "why"), REFUSALS.values(), ids=REFUSALS)
def test_a_datastore_that_cannot_be_used_is_refused(variables: dict[str, str], why: str) -> None:
    with pytest.raises(NotTakenOver) as caught:
        translate(replace(UNIT_OF_2017, env=env({**UNIT_ENV, **variables})))
    assert why in caught.value.reason
    assert "hush" not in str(caught.value)


def test_a_password_goes_to_a_file_and_is_never_shown() -> None:
    translation = translate(
        with_env(UNIT_OF_2017, ETCD_USERNAME="calico", ETCD_PASSWORD="hush", HTTP_PROXY="http://u:hush@p")
    )
    shown = render_toml(translation, "x")
    assert "hush" not in shown + repr(translation.differences) + repr(translation.commands)
    assert translation.settings["datastore", "password_file"] == "/etc/calico-agent/etcd-password"
    assert translation.commands[0].startswith("install -D -m 0600 /dev/stdin /etc/calico-agent/etcd-password")
    assert hidden_values(translation) == (("env", "HTTP_PROXY"),)
    assert "hush" in render_toml(translation, "x", with_secrets=True)


def test_a_node_with_an_ipv6_address_uses_it() -> None:
    described = with_env(POD, IP6="autodetect")
    assert subjects(described)["FELIX_IPV6SUPPORT"].becomes == "true"
    assert toml(with_env(described, FELIX_IPV6SUPPORT="false"))["node"]["env"]["FELIX_IPV6SUPPORT"] == "false"  # type: ignore[index]


def test_an_image_without_a_version_is_of_2_if_it_serves_networks_to_docker() -> None:
    assert translate(replace(UNIT_OF_2017, image=Given("calico/node:latest"))).settings["datastore", "api"] == "v2"


def test_an_image_that_tells_nothing_has_to_be_looked_at() -> None:
    lost = [one for one in translate(replace(POD, image=Given("calico/node"))).differences if one.lost]
    assert [(one.subject, one.becomes) for one in lost] == [("preset", "v3")]


_NAMES = st.sampled_from(
    [
        *UNIT_ENV,
        "HOSTNAME",
        "DATASTORE_TYPE",
        "ETCD_USERNAME",
        "ETCD_PASSWORD",
        "CALICO_ETCD_ENDPOINTS",
        "FELIX_X",
        "x-y",
    ]
)
_VALUES = st.sampled_from(
    ["", "true", "10.77.0.11/24", "autodetect", "none", "http://10.77.0.1:2379", "a b\n", "/etc/x"]
)
_GIVEN = st.builds(Given, _VALUES) | st.just(Given(unknown="it is elsewhere"))
_PATHS = st.sampled_from(
    [*UNIT_OF_2017.env["ETCD_CA_CERT_FILE"].value.split(), "/lib/modules", "/etc/etcd/ssl", "x", "/"]
)
_MOUNTS = st.builds(GivenMount, st.builds(Mount, _PATHS, _PATHS, st.booleans()))


@at_most(40)
@given(
    extra=st.dictionaries(_NAMES, _GIVEN, max_size=6),
    mounts=st.lists(_MOUNTS, max_size=4, unique_by=lambda given: given.mount.destination).map(tuple),
    image=st.sampled_from(["calico/node:v1.3.0", "calico/node:v3.9.6", "calico/node", "Not An Image"]),
    pod=st.booleans(),
)
def test_every_difference_has_its_reason_whatever_is_described(
    extra: dict[str, Given], mounts: tuple[GivenMount, ...], image: str, *, pod: bool
) -> None:
    described = Described("x", Given(image), env={**UNIT_OF_2017.env, **extra}, mounts=mounts, from_pod=pod)
    try:
        translation = translate(described)
    except NotTakenOver:
        return
    assert all(one.why and "does not give it" not in one.why for one in translation.differences)
    assert tomllib.loads(render_toml(translation, "x"))
