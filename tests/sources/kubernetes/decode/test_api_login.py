"""How Calico's parts get at the Kubernetes API, as installers of each time write it."""

import json
from base64 import b64encode, urlsafe_b64encode
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.kubernetes.decode.api_login import (
    ACCOUNT_FOLDER,
    ApiLogin,
    decode_kubeconfig,
    decode_variables,
    with_plugin_keys,
)
from calico_agent.sources.kubernetes.decode.web_token import decode_web_token

CA = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
# As install-cni of Calico 2.3 to 3.33 writes it.
INSTALLED = f"""\
# Kubeconfig file for Calico CNI plugin. Installed by calico/node.
apiVersion: v1
kind: Config
clusters:
- name: local
  cluster:
    server: https://[10.96.0.1]:443
    certificate-authority-data: "{b64encode(CA).decode()}"
users:
- name: calico
  user:
    token: eyJh.eyJz.c2ln
contexts:
- name: calico-context
  context:
    cluster: local
    user: calico
current-context: calico-context
"""


def config(user: dict[str, Any], cluster: dict[str, Any] | None = None) -> str:
    named = {"name": "c", "context": {"cluster": "k", "user": "u"}}
    return json.dumps(
        {
            "clusters": [{"name": "k", "cluster": {"server": "https://10.0.0.1:6443", **(cluster or {})}}],
            "users": [{"name": "u", "user": user}],
            "contexts": [named],
            "current-context": "c",
        }
    )


ADDRESS = "https://10.0.0.1:6443"
CONFIGS: dict[str, tuple[str, ApiLogin]] = {
    "install-cni's": (INSTALLED, ApiLogin("https://[10.96.0.1]:443", ca=CA, token="eyJh.eyJz.c2ln")),
    "an old one that does not look": (
        INSTALLED.replace("certificate-authority-data:", "insecure-skip-tls-verify: true\n    x:"),
        ApiLogin("https://[10.96.0.1]:443", insecure=True, token="eyJh.eyJz.c2ln"),
    ),
    "files": (
        config({"client-certificate": "/a.crt", "client-key": "a.key"}, {"certificate-authority": "/ca.crt"}),
        ApiLogin(ADDRESS, ca_file="/ca.crt", certificate_file="/a.crt", key_file="a.key"),
    ),
    "inline": (
        config({"client-certificate-data": b64encode(b"cert").decode(), "client-key-data": b64encode(b"key").decode()}),
        ApiLogin(ADDRESS, certificate=b"cert", key=b"key"),
    ),
    "a token in a file, and another name": (
        config({"tokenFile": "/token"}, {"tls-server-name": "kubernetes"}),
        ApiLogin(ADDRESS, server_name="kubernetes", token_file="/token"),
    ),
    "a program that makes it": (config({"exec": {"command": "aws"}}), ApiLogin(ADDRESS, unsupported="exec")),
    "a proxy": (
        config({"token": "a"}, {"proxy-url": "http://p:3128"}),
        ApiLogin(ADDRESS, token="a", proxy="http://p:3128"),
    ),
    "a proxy of another kind": (
        config({"token": "a"}, {"proxy-url": "socks5://p"}),
        ApiLogin(ADDRESS, token="a", proxy="socks5://p", unsupported="proxy-url"),
    ),
}


@pytest.mark.parametrize(("content", "expected"), CONFIGS.values(), ids=CONFIGS.keys())
def test_a_kubeconfig(content: str, expected: ApiLogin) -> None:
    assert decode_kubeconfig(content) == expected


REFUSED = {
    "empty": ("", "no YAML mapping"),
    "no YAML": ("a: [", "not YAML"),
    "without a current context": ("clusters: []", "no current-context"),
    "a context that is not there": ("current-context: c", "no context named 'c'"),
    "without a server": (config({}, {"server": None}), "has no server"),
    "data that are none": (config({}, {"certificate-authority-data": "?"}), "certificate-authority-data is not base64"),
    "data of another kind": (config({"client-key-data": 3}), "client-key-data is not base64"),
    "a token of two lines": (config({"token": "a\nb"}), "its token is no token"),
    "a token that is none": (config({"token": [1]}), "its token is no token"),
    "a user that is not there": (
        config({}).replace('"users": [{"name": "u"', '"users": [{"name": "v"'),
        "no user named",
    ),
}


@pytest.mark.parametrize(("content", "what"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_kubeconfig_is_refused_and_not_shown(content: str, what: str) -> None:
    with pytest.raises(Malformed) as refused:
        decode_kubeconfig(content)
    assert what in refused.value.what


@given(st.text(max_size=80))
def test_any_text_is_a_kubeconfig_or_refused(content: str) -> None:
    with suppress(Malformed):
        decode_kubeconfig(content)


def test_no_secret_is_in_what_is_printed_of_a_login() -> None:
    assert "eyJh" not in repr(decode_kubeconfig(INSTALLED))
    assert "key" not in repr(ApiLogin(key=b"key-material")).replace("key_file", "")


def test_the_keys_of_2017_go_before_the_kubeconfig() -> None:
    policy = {"type": "k8s", "k8s_api_root": "https://10.0.0.9:6443/api/v1/", "k8s_auth_token": "t0"}
    login = with_plugin_keys(decode_kubeconfig(INSTALLED), {"type": "calico", "policy": policy})
    assert (login.server, login.token, login.ca) == ("https://10.0.0.9:6443", "t0", CA)
    files = {"k8s_certificate_authority": "/ca", "k8s_client_certificate": "/c", "k8s_client_key": "/k"}
    plugin = {"policy": files, "kubernetes": {"k8s_api_root": "http://127.0.0.1:8080"}}
    assert with_plugin_keys(ApiLogin(), plugin) == ApiLogin(
        "http://127.0.0.1:8080", ca_file="/ca", certificate_file="/c", key_file="/k"
    )


VARIABLES: dict[str, tuple[dict[str, str], ApiLogin | None]] = {
    "none": ({}, None),
    "of a pod": (
        {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"},
        ApiLogin("https://10.96.0.1:443", ca_file=f"{ACCOUNT_FOLDER}/ca.crt", token_file=f"{ACCOUNT_FOLDER}/token"),
    ),
    "of a pod with IPv6": (
        {"KUBERNETES_SERVICE_HOST": "fd00::1"},
        ApiLogin("https://[fd00::1]:443", ca_file=f"{ACCOUNT_FOLDER}/ca.crt", token_file=f"{ACCOUNT_FOLDER}/token"),
    ),
    "one by one": (
        {"K8S_API_ENDPOINT": "https://a:6443", "K8S_CA_FILE": "/ca", "K8S_CERT_FILE": "/c", "K8S_KEY_FILE": "/k"},
        ApiLogin("https://a:6443", ca_file="/ca", certificate_file="/c", key_file="/k"),
    ),
    "without looking": (
        {"K8S_API_ENDPOINT": "https://a:6443", "K8S_INSECURE_SKIP_TLS_VERIFY": "true", "K8S_API_TOKEN": "t"},
        ApiLogin("https://a:6443", insecure=True, token="t"),
    ),
}


@pytest.mark.parametrize(("variables", "expected"), VARIABLES.values(), ids=VARIABLES.keys())
def test_the_environment_of_calico_node(variables: dict[str, str], expected: ApiLogin | None) -> None:
    assert decode_variables(lambda name: variables.get(name, "")) == expected


def web_token(claims: object) -> str:
    return f"eyJh.{urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.c2ln"


ACCOUNT = "system:serviceaccount:kube-system:calico-node"
TOKENS: dict[str, tuple[str, tuple[str, datetime | None]]] = {
    "of a service account": (
        web_token({"sub": ACCOUNT, "exp": 1795579200}),
        (ACCOUNT, datetime(2026, 11, 25, 4, 0, tzinfo=UTC)),
    ),
    "of a Secret, without an end": (web_token({"sub": ACCOUNT, "iss": "kubernetes/serviceaccount"}), (ACCOUNT, None)),
    "of another issuer": (web_token({"sub": "alice", "exp": True}), ("", None)),
    "an end that is no time": (web_token({"exp": 1e300}), ("", None)),
    "no claims": (web_token([]), ("", None)),
    "no JSON": ("a.b.c", ("", None)),
    "a static token": ("31ada4fd-adec-460c-809a-9e56ceb75269", ("", None)),
}


@pytest.mark.parametrize(("token", "expected"), TOKENS.values(), ids=TOKENS.keys())
def test_a_token(token: str, expected: tuple[str, datetime | None]) -> None:
    assert decode_web_token(token) == expected


@given(st.text(max_size=40) | st.text(alphabet="ab.=_-", max_size=40))
def test_any_text_is_a_token(token: str) -> None:
    assert len(decode_web_token(token)) == 2
