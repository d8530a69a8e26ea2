"""What is shown to the Kubernetes API: read anew for each connection, and when the API does not know it any more."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath

from calico_agent.model.settings import KubernetesSettings
from calico_agent.sources.datastore.kubernetes.exec_plugin import MadeCredential, make_credential
from calico_agent.sources.datastore.kubernetes.rooted import rooted
from calico_agent.sources.datastore.server.error import DatastoreError
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.kubernetes.api_credentials import CredentialError, read_kubeconfig, with_files
from calico_agent.sources.kubernetes.decode.api_login import ApiLogin, ExecPlugin, decode_variables

_UNSUPPORTED = {
    "exec": "names a program that makes the credential (exec) which is not run: only one of v1 or v1beta1, that asks "
    "nobody, of a kubeconfig in [datastore]",
    "auth-provider": "uses an auth-provider, which Kubernetes gave up in v1.26: use exec, a token or a certificate",
    "username": "has a user name and password, which Kubernetes gave up in v1.19: use a token or a certificate",
    "proxy-url": "goes through a proxy that is none of HTTP: calico-agent takes http:// and https://",
}


def _server_of_pod() -> str:
    """As a program in a pod is told it. Raises DatastoreError."""
    found = decode_variables(lambda name: os.environ.get(name, "") if name.startswith("KUBERNETES_SERVICE") else "")
    if found is None:
        reason = "[datastore] service_account_dir is for a pod, and KUBERNETES_SERVICE_HOST is not set: use kubeconfig"
        raise DatastoreError(reason, "config")
    return found.server


class Logins:
    """Those of some settings. What a program made is kept as long as it is good. Thread-safe."""

    def __init__(self, settings: KubernetesSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._made: MadeCredential | None = None

    @property
    def by_service(self) -> bool:
        """Whether the server is named by the cluster's address of a service."""
        return self._settings.by_service

    def login(self, *, anew: bool = False) -> ApiLogin:
        """What is there now; `anew`: the last one was refused. Raises DatastoreError."""
        with self._told():
            login = self._read()
            if self._runs(login) and login.plugin is not None:
                login = self._made_by(login.plugin, login, anew=anew).used_by(login)
            return with_files(login, self._on_host)

    def checked(self) -> str:
        """The server, where all that is named can be read. Runs no program. Raises DatastoreError."""
        with self._told():
            login = self._read()
            self._runs(login)
            return with_files(login, self._on_host).server

    @contextmanager
    def _told(self) -> Iterator[None]:
        named = self._settings.kubeconfig or self._settings.token_file or self._settings.cert_file
        try:
            yield
        except Malformed as malformed:
            raise DatastoreError(f"{named} is of no use: {malformed.what}", "file") from None
        except CredentialError as error:
            raise DatastoreError(error.detail, "file") from None

    def _read(self) -> ApiLogin:
        settings = self._settings
        if settings.kubeconfig:
            return read_kubeconfig(settings.kubeconfig, self._on_host, settings.context)
        return ApiLogin(
            settings.server or _server_of_pod(),
            insecure=settings.insecure,
            ca_file=settings.ca_file,
            token=settings.token,
            token_file=settings.token_file,
            certificate_file=settings.cert_file,
            key_file=settings.key_file,
        )

    def _runs(self, login: ApiLogin) -> bool:
        """Whether a program makes the credential. Raises DatastoreError for what is not used."""
        if login.unsupported == "exec" and login.plugin is not None and self._settings.runs_plugins:
            return True
        if login.unsupported:
            raise DatastoreError(f"{self._settings.kubeconfig} {_UNSUPPORTED[login.unsupported]}", "file")
        return False

    def _made_by(self, plugin: ExecPlugin, login: ApiLogin, *, anew: bool) -> MadeCredential:
        with self._lock:
            if self._made is None or anew or not self._made.is_good:
                place = with_files(replace(login, token_file="", certificate_file="", key_file=""), self._on_host)
                self._made = make_credential(plugin, self._settings.kubeconfig, place)
            return self._made

    def _on_host(self, named: str) -> Path:
        return rooted(Path(self._settings.root), PurePosixPath(named))
