"""The program that a kubeconfig names to make the credential, by its contract.

client.authentication.k8s.io v1 and v1beta1 (client-go/pkg/apis/clientauthentication@kubernetes v1.31): the question is
in an environment variable, the answer on standard output. It is run as root, so only one that nobody but root can have
written. Of the cluster it is told what its kubeconfig wants it to be told (provideClusterInfo).
"""

import json
import os
import shutil
import time
from base64 import b64encode
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from calico_agent.sources import json_object
from calico_agent.sources.datastore.server.error import DatastoreError
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.host.trusted_program import NotRunError, ask
from calico_agent.sources.json_object import JsonObject
from calico_agent.sources.kubernetes.decode.api_login import ApiLogin, ExecPlugin, usable_token

_SECONDS = 15.0
_RENEWED_BEFORE = 60.0  # s before its end
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class MadeCredential:
    """A credential, and until when (s since the epoch) it is good; None for one that does not tell."""

    token: str = ""
    certificate: bytes = b""
    key: bytes = b""
    good_until: float | None = None

    @property
    def is_good(self) -> bool:
        """Whether it lasts for another while."""
        return self.good_until is None or time.time() < self.good_until - _RENEWED_BEFORE

    def used_by(self, login: ApiLogin) -> ApiLogin:
        """The login with it."""
        return replace(login, token=self.token, certificate=self.certificate, key=self.key)


def make_credential(plugin: ExecPlugin, kubeconfig: str, login: ApiLogin) -> MadeCredential:
    """Run it; `login` says where the cluster is. Raises DatastoreError."""
    path = _path(plugin.command, kubeconfig)
    info = {
        "apiVersion": f"client.authentication.k8s.io/{plugin.version}",
        "kind": "ExecCredential",
        "spec": {"interactive": False, **({"cluster": _cluster(plugin, login)} if plugin.wants_cluster else {})},
    }
    kept = {name: value for name in ("HOME", "LANG") if (value := os.environ.get(name))}
    environment = {"PATH": _PATH, **kept, **dict(plugin.environment), "KUBERNETES_EXEC_INFO": json.dumps(info)}
    try:
        said = ask(path, (str(path), *plugin.arguments), environment, seconds=_SECONDS)
        if said.code != 0:
            words = said.errors.decode(errors="replace").strip()[-200:]
            raise _trouble(path, f"it ended with code {said.code}: {words}")
        return _decode(json_object.parse_object(said.output))
    except OSError as error:
        raise _trouble(path, error.strerror or str(error)) from None
    except NotRunError as error:
        raise _trouble(path, error.reason) from None
    except Malformed as error:
        raise _trouble(path, error.what) from None


def _cluster(plugin: ExecPlugin, login: ApiLogin) -> JsonObject:
    """As client-go has it, without what is not set (clientauthentication/v1/types.go, Cluster)."""
    told: JsonObject = {
        "server": login.server,
        "tls-server-name": login.server_name,
        "insecure-skip-tls-verify": login.insecure,
        "certificate-authority-data": b64encode(login.ca).decode(),
        "proxy-url": login.proxy,
    }
    known = {name: value for name, value in told.items() if value}
    return {**known, "config": plugin.cluster_config}


def _path(command: str, kubeconfig: str) -> Path:
    """As client-go finds it: a bare name in PATH, a relative path beside the kubeconfig."""
    if "/" in command:
        return Path(PurePosixPath(kubeconfig).parent / command)
    found = shutil.which(command, path=_PATH)
    if found is None:
        raise DatastoreError(f"the credential plugin {command} of {kubeconfig} is in none of {_PATH}", "file")
    return Path(found)


def _decode(answer: JsonObject) -> MadeCredential:
    status = json_object.section(answer, "status")
    token = str(status.get("token") or "")
    certificate, key = (str(status.get(name) or "") for name in ("clientCertificateData", "clientKeyData"))
    if token and not usable_token(token):
        raise Malformed("its token is none")
    if not token and not (certificate and key):
        raise Malformed("its answer holds neither a token nor a certificate with its key")
    return MadeCredential(
        token, certificate.encode(), key.encode(), _end(json_object.text(status, "expirationTimestamp"))
    )


def _end(written: str | None) -> float | None:
    if written is None:
        return None
    try:
        end = datetime.fromisoformat(written)
    except ValueError:
        raise Malformed(f"its expirationTimestamp is {written!a}, which is no time") from None
    return (end if end.tzinfo else end.replace(tzinfo=UTC)).timestamp()


def _trouble(path: Path, reason: str) -> DatastoreError:
    return DatastoreError(f"the credential plugin {path} cannot be used: {' '.join(reason.split())}", "file")
