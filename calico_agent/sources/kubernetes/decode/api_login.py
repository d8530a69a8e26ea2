"""How one of Calico's parts gets at the Kubernetes API -> server, authority, and what it shows there.

A kubeconfig (client-go/tools/clientcmd@kubernetes v1.31), the older keys of Calico's CNI plugin (`policy.k8s_...`,
cni-plugin/pkg/types/types.go@v3.32.1 and k8s/k8s.go), and the variables of calico/node
(libcalico-go/lib/apiconfig/apiconfig.go@v3.32.1).
"""

from base64 import b64decode
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.json_object import JsonObject, flag, items, objects, section, text
from calico_agent.sources.kubernetes.decode.yaml_object import parse_yaml

ACCOUNT_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"
"""Where a pod has its service account."""

_LONGEST_TOKEN = 1 << 16


@dataclass(frozen=True, slots=True)
class ExecPlugin:
    """A program that makes the credential (client.authentication.k8s.io). `version` is that of its group.

    `wants_cluster`: it is told of the cluster (provideClusterInfo), with `cluster_config` of the kubeconfig.
    """

    command: str
    arguments: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    version: str = "v1"
    wants_cluster: bool = False
    cluster_config: JsonObject | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ApiLogin:
    """Contents are inline, the others are paths. `insecure`: the server's certificate is not looked at.

    `proxy` is the URL of an HTTP proxy, empty for none. `unsupported` names what is not done for it unasked, the first
    of which is to run `plugin`.
    """

    server: str = ""
    server_name: str = ""
    insecure: bool = False
    ca: bytes = field(default=b"", repr=False)
    ca_file: str = ""
    token: str = field(default="", repr=False)
    token_file: str = ""
    certificate: bytes = field(default=b"", repr=False)
    certificate_file: str = ""
    key: bytes = field(default=b"", repr=False)
    key_file: str = ""
    proxy: str = field(default="", repr=False)
    unsupported: str = ""
    plugin: ExecPlugin | None = None


def decode_kubeconfig(content: str, context: str = "") -> ApiLogin:
    """The login of one context, by default the current one. Raises Malformed."""
    whole = parse_yaml(content)
    chosen = context or text(whole, "current-context") or ""
    if not chosen:
        raise Malformed("it has no current-context")
    names = _named(whole, "contexts", chosen, "context")
    cluster = _named(whole, "clusters", text(names, "cluster") or "", "cluster")
    user = _named(whole, "users", text(names, "user") or "", "user") if text(names, "user") else {}
    server = text(cluster, "server")
    if server is None:
        raise Malformed(f"its cluster {text(names, 'cluster')!a} has no server")
    return ApiLogin(
        server=server,
        server_name=text(cluster, "tls-server-name") or "",
        insecure=flag(cluster, "insecure-skip-tls-verify"),
        ca=_inline(cluster, "certificate-authority-data"),
        ca_file=text(cluster, "certificate-authority") or "",
        token=_token(user),
        token_file=text(user, "tokenFile") or "",
        certificate=_inline(user, "client-certificate-data"),
        certificate_file=text(user, "client-certificate") or "",
        key=_inline(user, "client-key-data"),
        key_file=text(user, "client-key") or "",
        proxy=text(cluster, "proxy-url") or "",
        unsupported=_unsupported(cluster, user),
        plugin=_plugin(cluster, user),
    )


def with_plugin_keys(login: ApiLogin, plugin: JsonObject) -> ApiLogin:
    """The same where Calico's plugin is told something else beside its kubeconfig. Raises Malformed."""
    kubernetes, policy = section(plugin, "kubernetes"), section(plugin, "policy")
    # Old configurations have the path of the API there, too, and the plugin takes it away.
    server = text(kubernetes, "k8s_api_root") or (text(policy, "k8s_api_root") or "").split("/api/")[0]
    ca, token = text(policy, "k8s_certificate_authority"), _token(policy, "k8s_auth_token")
    certificate, key = text(policy, "k8s_client_certificate"), text(policy, "k8s_client_key")
    if ca:
        login = replace(login, ca=b"", ca_file=ca)
    if token:
        login = replace(login, token=token, token_file="", unsupported="")
    if certificate and key:
        login = replace(login, certificate=b"", certificate_file=certificate, key=b"", key_file=key)
    return replace(login, server=server or login.server)


def decode_variables(value: Callable[[str], str]) -> ApiLogin | None:
    """What calico/node's environment says, by paths in its container; None where it names no API of Kubernetes."""
    server = value("K8S_API_ENDPOINT")
    host, port = value("KUBERNETES_SERVICE_HOST"), value("KUBERNETES_SERVICE_PORT") or "443"
    if server:
        return ApiLogin(
            server=server,
            insecure=value("K8S_INSECURE_SKIP_TLS_VERIFY").lower() in {"1", "t", "true"},
            ca_file=value("K8S_CA_FILE"),
            token=value("K8S_API_TOKEN"),
            certificate_file=value("K8S_CERT_FILE"),
            key_file=value("K8S_KEY_FILE"),
        )
    if not host:
        return None
    bracketed = f"[{host}]" if ":" in host else host
    folder = ACCOUNT_FOLDER
    return ApiLogin(f"https://{bracketed}:{port}", ca_file=f"{folder}/ca.crt", token_file=f"{folder}/token")


def _named(whole: JsonObject, kind: str, name: str, word: str) -> JsonObject:
    found: Iterable[JsonObject] = (one for one in objects(whole, kind) if one.get("name") == name)
    entry = next(iter(found), None)
    if entry is None:
        raise Malformed(f"it has no {word} named {name!a}")
    return section(entry, word)


def _inline(fields: JsonObject, name: str) -> bytes:
    written = fields.get(name)
    if not written:
        return b""
    try:
        return b64decode("".join(written.split()), validate=True)
    except (ValueError, AttributeError):
        raise Malformed(f"its {name} is not base64") from None


def _token(fields: JsonObject, name: str = "token") -> str:
    """Longer than other texts, and never shown."""
    written = fields.get(name)
    if not written:
        return ""
    token = written.strip() if isinstance(written, str) else ""
    if not usable_token(token):
        raise Malformed(f"its {name} is no token")
    return token


def usable_token(token: str) -> bool:
    """Whether it can be a header of HTTP."""
    return 0 < len(token) <= _LONGEST_TOKEN and token.isascii() and token.isprintable() and " " not in token


def _unsupported(cluster: JsonObject, user: JsonObject) -> str:
    if not (text(cluster, "proxy-url") or "http:").startswith(_PROXIES):
        return "proxy-url"
    return next((name for name in ("exec", "auth-provider", "username") if user.get(name)), "")


_PROXIES = ("http:", "https:")  # and no socks5
_PLUGIN_GROUP = "client.authentication.k8s.io/"
_CLUSTER_EXTENSION = "client.authentication.k8s.io/exec"


def _plugin(cluster: JsonObject, user: JsonObject) -> ExecPlugin | None:
    """Of a version that a program can be asked by without a terminal; others stay unsupported."""
    told = section(user, "exec")
    group, _, version = (text(told, "apiVersion") or "").rpartition("/")
    command = text(told, "command")
    if command is None or f"{group}/" != _PLUGIN_GROUP or version not in {"v1", "v1beta1"}:
        return None
    if text(told, "interactiveMode") == "Always":
        return None
    environment = ((text(one, "name") or "", str(one.get("value") or "")) for one in objects(told, "env"))
    extensions = (one for one in objects(cluster, "extensions") if one.get("name") == _CLUSTER_EXTENSION)
    return ExecPlugin(
        command,
        tuple(map(str, items(told, "args"))),
        tuple(environment),
        version,
        flag(told, "provideClusterInfo"),
        next((section(one, "extension") for one in extensions), None),
    )
