"""The credentials for the Kubernetes API that Calico's parts on this host were given, with what they hold.

What they hold is read to be shown to the API, and is in no value that leaves `observe`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from calico_agent.model.container.container import Container
from calico_agent.model.host.kubernetes_api import ApiAccess, ApiCredential, Holder, Trouble
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.docker.decode.node_datastore import path_on_host
from calico_agent.sources.host.decode.certificate import decode_certificates
from calico_agent.sources.host.text_file import read_owned_text
from calico_agent.sources.json_object import JsonObject, section, text
from calico_agent.sources.kubernetes.decode.api_login import (
    ACCOUNT_FOLDER,
    ApiLogin,
    decode_kubeconfig,
    decode_variables,
    usable_token,
    with_plugin_keys,
)
from calico_agent.sources.kubernetes.decode.web_token import decode_web_token

_LARGEST_FILE = 1 << 18


@dataclass(frozen=True, slots=True)
class ApiSecret:
    """One credential with what is shown to the API. `login` has all files read; its texts are never printed."""

    credential: ApiCredential
    login: ApiLogin = field(repr=False)


class CredentialError(Exception):
    """A credential that is of no use. `detail` names the file."""

    def __init__(self, trouble: Trouble, detail: str) -> None:
        super().__init__(detail)
        self.trouble, self.detail = trouble, detail


def plugin_credential(root: Path, file: str, plugin: JsonObject) -> ApiSecret | ApiAccess | None:
    """That of Calico's CNI plugin, by what a CNI configuration tells it; ApiAccess where it is of no use."""
    try:
        path = text(section(plugin, "kubernetes"), "kubeconfig") or ""
        keys = with_plugin_keys(ApiLogin(), plugin)
    except Malformed as error:
        return ApiAccess(ApiCredential(Holder.CNI, file), Trouble.MALFORMED, error.what)
    if not path and not keys.server:
        return None
    credential = ApiCredential(Holder.CNI, path or file, file if path else "")

    def on_host(named: str) -> Path:
        return root / named.lstrip("/")

    def login() -> ApiLogin:
        return with_plugin_keys(read_kubeconfig(path, on_host) if path else ApiLogin(), plugin)

    return _read(credential, login, on_host)


def node_credential(root: Path, container: Container) -> ApiSecret | ApiAccess | None:
    """That of calico/node in this container; None where it was given none."""

    def value(name: str) -> str:
        return (container.env_value(f"CALICO_{name}") or container.env_value(name)).strip()

    def on_host(named: str) -> Path:
        path = path_on_host(container.mounts, named)
        if path is None:
            raise CredentialError(Trouble.MISSING, f"{named} is under none of the mounts of container {container.name}")
        return root / path.lstrip("/")

    named_by = f"container {container.name}"
    path = value("KUBECONFIG")
    if path:
        credential = ApiCredential(Holder.NODE, path, named_by)
        return _read(credential, lambda: read_kubeconfig(path, on_host), on_host)
    found = decode_variables(value)
    of_service = found is not None and not value("K8S_API_ENDPOINT")
    if found is None or (of_service and path_on_host(container.mounts, f"{ACCOUNT_FOLDER}/token") is None):
        return None
    credential = ApiCredential(Holder.NODE, found.token_file or found.certificate_file, named_by, by_service=of_service)
    return _read(credential, lambda: found, on_host)


def read_kubeconfig(path: str, on_host: Callable[[str], Path], context: str = "") -> ApiLogin:
    """A kubeconfig, with the files that it names relative to itself. Raises Malformed and CredentialError."""
    login = decode_kubeconfig(_text(on_host(path), path), context)

    def absolute(file: str) -> str:
        return str(PurePosixPath(path).parent / file) if file else ""

    return replace(
        login,
        ca_file=absolute(login.ca_file),
        token_file=absolute(login.token_file),
        certificate_file=absolute(login.certificate_file),
        key_file=absolute(login.key_file),
    )


def _read(
    credential: ApiCredential, make: Callable[[], ApiLogin], on_host: Callable[[str], Path]
) -> ApiSecret | ApiAccess:
    """The credential with its files read, and with what it says of itself."""
    try:
        login = make()
        credential = replace(credential, server=login.server)
        if login.unsupported:
            return ApiAccess(credential, Trouble.UNSUPPORTED, login.unsupported)
        login = with_files(login, on_host)
        return ApiSecret(_described(credential, login), login)
    except Malformed as error:
        return ApiAccess(credential, Trouble.MALFORMED, error.what)
    except CredentialError as error:
        return ApiAccess(credential, error.trouble, error.detail)


def with_files(login: ApiLogin, on_host: Callable[[str], Path]) -> ApiLogin:
    """The login with its files read; `on_host` says where they are. Raises CredentialError."""

    def content(inline: bytes, file: str) -> bytes:
        return inline if inline or not file else _text(on_host(file), file).encode()

    token = login.token
    if not token and login.token_file:
        token = _text(on_host(login.token_file), login.token_file).strip()
        if not usable_token(token):
            raise CredentialError(Trouble.MALFORMED, f"{login.token_file} holds no token")
    return replace(
        login,
        ca=content(login.ca, login.ca_file),
        token=token,
        certificate=content(login.certificate, login.certificate_file),
        key=content(login.key, login.key_file),
    )


def _described(credential: ApiCredential, login: ApiLogin) -> ApiCredential:
    """Whose it is and until when. Of both, the token is what counts (client-go/transport@kubernetes v1.31)."""
    if login.token:
        account, end = decode_web_token(login.token)
        return replace(credential, account=account, expires_at=end, token=True)
    if login.certificate:
        own = decode_certificates(login.certificate)[0]
        end, notice, last_call = own.not_after, own.notice, own.last_call
        return replace(credential, account=own.subject, expires_at=end, notice=notice, last_call=last_call)
    return credential


def _text(path: Path, named: str) -> str:
    try:
        found = read_owned_text(path, _LARGEST_FILE)
    except OSError as error:
        raise CredentialError(Trouble.UNREADABLE, f"{named} cannot be read: {error.strerror}") from None
    if found is None:
        raise CredentialError(Trouble.MISSING, f"{named} does not exist")
    return found
