"""What a manifest says of calico/node becomes the configuration; what it does not say is told plainly."""

import tomllib
from typing import Any

import pytest

from calico_agent.adopt.as_toml import render_toml
from calico_agent.adopt.described import Difference, Given
from calico_agent.adopt.manifest.host_by_host import host_commands
from calico_agent.adopt.manifest.quantity import cpu_shares, nano_cpus, whole
from calico_agent.model.container.container import Mount
from tests.adopt.manifest.texts import NODE, OTHER, daemon_set, read, split_text

SECRET = "kubectl -n kube-system get secret"
CONFIG_MAP = "---\nkind: ConfigMap\nmetadata: {name: c, namespace: kube-system}\ndata: {a: one, b: '$(X)'}\n"


def toml(text: str) -> dict[str, Any]:
    return tomllib.loads(render_toml(split_text(text).translation, "a test"))


def variables(entries: str, *, more: str = "", container: str = "") -> dict[str, Given]:
    """What the variables of these lines are."""
    node = NODE + "".join(f"  {line}\n" for line in entries.splitlines()) + container
    return dict(split_text(daemon_set(node + OTHER) + more).description.described.env)


def differences(text: str) -> dict[str, Difference]:
    return {one.subject: one for one in split_text(text).translation.differences}


def test_the_hosted_manifest_of_2_3() -> None:
    assert toml(read("hosted-2.3.yaml")) == {
        "mode": "supervise",
        "datastore": {
            "endpoints": ["https://10.77.0.1:2379", "https://10.77.0.2:2379", "https://10.77.0.3:2379"],
            "ca_file": "/etc/calico/certs/etcd-ca",
            "cert_file": "/etc/calico/certs/etcd-cert",
            "key_file": "/etc/calico/certs/etcd-key",
            "api": "v2",
        },
        "node": {
            "image": "quay.io/calico/node:v1.3.0",
            "preset": "v1.3",
            "without": [
                *("/run/docker/plugins", "/var/log/calico", "/var/run/docker.sock", "CALICO_LIBNETWORK_ENABLED"),
            ],
            "mounts": ["/lib/modules:/lib/modules:ro"],
            "cpu_shares": 256,
            "env": {"CALICO_IPV4POOL_CIDR": "192.168.0.0/16"},
        },
    }


def test_the_manifest_of_3_31() -> None:
    found = toml(read("etcd-3.31.yaml"))
    assert found["datastore"]["endpoints"] == ["https://10.77.0.1:2379"]
    assert found["node"]["env"] == {
        "CALICO_IPV4POOL_CIDR": "10.244.0.0/16",
        "CALICO_IPV4POOL_IPIP": "Always",
        "CLUSTER_TYPE": "k8s,bgp",
        "FELIX_IPINIPMTU": "1440",
    }
    assert "mounts" not in found["node"]
    assert found["node"]["cpu_shares"] == 256


@pytest.mark.parametrize("name", ["hosted-2.3.yaml", "etcd-3.10.yaml", "etcd-3.31.yaml"])
def test_each_certificate_is_written_to_the_host_from_its_key_of_the_secret(name: str) -> None:
    written = host_commands(split_text(read(name)))
    assert written == tuple(
        f"{SECRET} calico-etcd-secrets -o jsonpath='{{.data.{key}}}' | base64 -d "
        f"| install -D -m 0600 /dev/stdin /etc/calico/certs/{key}"
        for key in ("etcd-ca", "etcd-cert", "etcd-key")
    )


def test_a_secret_whose_keys_have_other_names_in_the_pod() -> None:
    text = read("etcd-3.10.yaml").replace(
        "            defaultMode: 0400\n",
        "            items:\n            - {key: the.ca, path: etcd-ca}\n            - {key: k, path: etcd-key}\n",
    )
    ca, _, key = host_commands(split_text(text))
    assert "jsonpath='{.data.the\\.ca}'" in ca
    assert ca.endswith("/etc/calico/certs/etcd-ca")
    assert "{.data.k}" in key


def test_a_key_that_the_secret_of_the_file_lacks_is_told() -> None:
    assert [line.split(": ")[1] for line in split_text(read("etcd-3.10.yaml")).description.warnings] == [
        f"the Secret calico-etcd-secrets has no key {key} in this file; /etc/calico/certs/{key} comes from the one in "
        "the cluster, or there is none"
        for key in ("etcd-ca", "etcd-cert", "etcd-key")
    ]  # fmt: skip
    assert split_text(read("hosted-2.3.yaml")).description.warnings == ()


@pytest.mark.parametrize("name", ["kubeadm-1.5.yaml", "kubeadm-1.6.yaml"])
def test_the_cluster_address_of_kubeadms_etcd_needs_kube_proxy(name: str) -> None:
    (warning,) = split_text(read(name)).description.warnings
    assert "http://10.96.232.136:6666 is the address of the Service calico-etcd" in warning
    assert "only while kube-proxy runs there" in warning
    other = read(name).replace("http://10.96.232.136:6666", "http://10.77.0.1:2379")
    assert split_text(other).description.warnings == ()
    (named,) = split_text(
        read(name).replace("10.96.232.136:6666", "calico-etcd.kube-system.svc:6666")
    ).description.warnings
    assert "is a name of the cluster's DNS" in named


def test_what_a_pod_has_and_a_container_has_not_is_told() -> None:
    found = differences(read("etcd-3.31.yaml"))
    assert {"livenessProbe", "readinessProbe", "preStop", "envFrom", "/host/etc/cni/net.d"} <= found.keys()
    assert [one.subject for one in found.values() if one.lost] == ["CALICO_K8S_NODE_REF"]
    assert "spec.nodeName" not in found["CALICO_K8S_NODE_REF"].why
    assert "name of this host's node in Kubernetes" in found["CALICO_K8S_NODE_REF"].why


def test_what_of_the_pod_somebody_has_to_decide_about() -> None:
    pod = "imagePullSecrets: [{name: s}]\ndnsPolicy: ClusterFirstWithHostNet\nhostAliases: []\nhostNetwork: true"
    found = differences(
        daemon_set(
            NODE + "  lifecycle: {postStart: {exec: {command: [x]}}, preStop: {exec: {command: [y]}}}\n" + OTHER,
            pod=pod,
        )
    )
    wanted = {"imagePullSecrets", "dnsPolicy", "hostAliases", "lifecycle.postStart", "preStop"}
    assert {subject for subject, one in found.items() if one.lost} == wanted
    assert "dnsPolicy" not in differences(daemon_set(NODE + OTHER, pod="dnsPolicy: Default\nhostNetwork: true"))


@pytest.mark.parametrize(("policy", "pull"), [("Always", "always"), ("Never", "never"), ("IfNotPresent", None)])
def test_when_the_image_is_fetched(policy: str, pull: str | None) -> None:
    text = daemon_set(NODE + f"  imagePullPolicy: {policy}\n" + OTHER)
    assert toml(text)["node"].get("pull") == pull


@pytest.mark.parametrize(("entries", "name", "value"), [
    pytest.param("- {name: A, valueFrom: {configMapKeyRef: {name: c, key: a}}}", "A", "one", id="a ConfigMap's"),
    pytest.param("- {name: X, value: x}\n- {name: A, value: 'a$(X)$(Y)$$(X)'}", "A", "ax$(Y)$(X)", id="of others"),
    pytest.param("- {name: X, value: x}\n- {name: A, valueFrom: {configMapKeyRef: {name: c, key: b}}}", "A", "$(X)",
                 id="a ConfigMap's is taken as it is"),
    pytest.param("- {name: A, value: a}\n- {name: A, value: b}", "A", "b", id="the later of two"),
    pytest.param("- {name: A}", "A", "", id="without a value"),
    pytest.param("- {name: A, value: null}", "A", "", id="null"),
    pytest.param("- {name: A, value: 'null'}", "A", "null", id="the text null"),
    pytest.param("- {name: A, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}", "A", "kube-system", id="space"),
    pytest.param("- {name: A, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}", "A", "2", id="processors"),
    pytest.param("- {name: A, valueFrom: {resourceFieldRef: {resource: limits.memory, divisor: 1Mi}}}", "A", "64",
                 id="memory"),
])  # fmt: skip
def test_values_that_the_file_has(entries: str, name: str, value: str) -> None:
    limits = "  resources: {limits: {cpu: 1500m, memory: 64Mi}}\n"
    assert variables(entries, more=CONFIG_MAP, container=limits)[name].value == value


@pytest.mark.parametrize(("entries", "name", "words"), [
    pytest.param("- {name: A, valueFrom: {configMapKeyRef: {name: c, key: a}}}", "A",
                 "not have it: kubectl -n kube-system get configmap c -o jsonpath='{.data.a}'", id="a ConfigMap's"),
    pytest.param("- {name: A, valueFrom: {secretKeyRef: {name: s, key: a}}}", "A", "is in a Secret", id="a Secret's"),
    pytest.param("- {name: IP, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}", "IP",
                 "address in Kubernetes", id="IP"),
    pytest.param("- {name: NODENAME, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}", "NODENAME",
                 "name of this host's node", id="NODENAME"),
    pytest.param("- {name: A, valueFrom: {fieldRef: {fieldPath: metadata.uid}}}", "A",
                 "there will be no pod", id="the pod's own"),
    pytest.param("- {name: A, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}", "A", "does not say how much",
                 id="processors"),
    pytest.param("- {name: A, valueFrom: {fileKeyRef: {key: a}}}", "A", "comes from fileKeyRef", id="something new"),
    pytest.param("- {name: A, value: 'http://<HOST_IP>'}", "A", "still has <HOST_IP>", id="a placeholder"),
    pytest.param("- {name: X, valueFrom: {secretKeyRef: {name: s, key: a}}}\n- {name: A, value: $(X)}", "A",
                 "is in a Secret", id="of one that is not known"),
])  # fmt: skip
def test_values_that_the_file_does_not_have(entries: str, name: str, words: str) -> None:
    given = variables(entries)[name]
    assert words in given.unknown
    assert given.value == ""


def test_endpoints_that_have_to_be_filled_in() -> None:
    text = daemon_set(NODE.replace("10.77.0.1", "<ETCD_IP>") + OTHER)
    found = differences(text)["ETCD_ENDPOINTS"]
    assert (found.becomes, found.why) == ("what will be filled in", "the manifest still has <ETCD_IP> there")
    assert found.lost
    page = render_toml(split_text(text).translation, "a test")
    assert "# fill in endpoints: the manifest still has <ETCD_IP> there" in page
    assert "invalid" not in page


def test_all_variables_of_a_config_map() -> None:
    source = "  envFrom: [{configMapRef: {name: c}, prefix: FELIX_}]\n"
    found = variables("- {name: FELIX_a, value: own}", more=CONFIG_MAP, container=source)
    assert (found["FELIX_a"].value, found["FELIX_b"].value) == ("own", "$(X)")


def test_a_config_map_that_is_put_together_of_others() -> None:
    merged = "---\nkind: ConfigMap\nmetadata: {name: c, namespace: kube-system}\n"
    merged += "x: [&one {a: 1, b: 1}, &two {b: 2, c: 2}]\ndata: {<<: [*one, *two], a: own}\n"
    found = variables("", more=merged, container="  envFrom: [{configMapRef: {name: c}}]\n")
    assert [found[name].value for name in "abc"] == ["own", "1", "2"]


def test_a_config_map_that_has_to_be_there_and_is_not_has_to_be_decided_about() -> None:
    text = daemon_set(NODE + "  envFrom: [{configMapRef: {name: elsewhere}}]\n" + OTHER)
    assert differences(text)["envFrom"].lost


def test_a_password_of_a_secret_becomes_a_file_and_is_never_shown() -> None:
    secret = "---\nkind: Secret\nmetadata: {name: s, namespace: kube-system}\nstringData: {pw: open-sesame}\n"
    entries = "  - {name: ETCD_USERNAME, value: calico}\n"
    entries += "  - {name: ETCD_PASSWORD, valueFrom: {secretKeyRef: {name: s, key: pw}}}\n"
    result = split_text(daemon_set(NODE + entries + OTHER) + secret)
    assert result.translation.settings["datastore", "password_file"] == "/etc/calico/certs/pw"
    assert host_commands(result)[0].endswith("| base64 -d | install -D -m 0600 /dev/stdin /etc/calico/certs/pw")
    assert result.store.secret_content("s", "pw") == b"open-sesame"
    assert "open-sesame" not in repr(result.translation)


def test_mounts() -> None:
    pod = """\
volumes:
- {name: sock, hostPath: {path: /run/docker.sock, type: Socket}}
- {name: logs, hostPath: {path: /var/log/}}
- {name: scratch, emptyDir: {}}
- {name: secrets, secret: {secretName: s}}
"""
    mounts = """\
  volumeMounts:
  - {name: sock, mountPath: /var/run/docker.sock}
  - {name: logs, mountPath: /var/log/calico/, subPath: calico, readOnly: true, mountPropagation: HostToContainer}
  - {name: scratch, mountPath: /tmp}
  - {name: secrets, mountPath: /secrets}
"""
    described = split_text(daemon_set(NODE + mounts + OTHER, pod=pod)).description.described
    assert [given.mount for given in described.mounts] == [
        Mount("/run/docker.sock", "/var/run/docker.sock", is_file=True),
        Mount("/var/log/calico", "/var/log/calico", read_only=True),
    ]
    assert [(one.subject, one.lost) for one in described.remarks] == [
        ("mountPropagation of /var/log/calico", True),
        ("/tmp", True),
        ("/secrets", False),
    ]


def test_the_command_and_what_the_pod_is_not() -> None:
    text = daemon_set(NODE + "  command: [sh, -c]\n  args: ['start_runit &']\n" + OTHER, pod="dnsPolicy: Default")
    described = split_text(text).description.described
    assert described.command.value == "sh -c start_runit &"
    assert described.network.value == "the pod's own"
    assert described.privileged.value == "false"


@pytest.mark.parametrize(("text", "shares", "nano", "number"), [
    ("250m", 256, 250_000_000, 1),
    ("1", 1024, 10**9, 1),
    ("0.5", 512, 500_000_000, 1),
    ("1m", 2, 1_000_000, 1),
    ("2k", 2048_000, 2 * 10**12, 2000),
    ("64Mi", 68719476736, 67108864 * 10**9, 67108864),
    ("1e3", 1024_000, 10**12, 1000),
    ("", 0, 0, 0),
    ("much", 0, 0, 0),
    ("{{ cpu }}", 0, 0, 0),
])  # fmt: skip
def test_quantities(text: str, shares: int, nano: int, number: int) -> None:
    assert (cpu_shares(text), nano_cpus(text), whole(text)) == (shares, nano, number)
