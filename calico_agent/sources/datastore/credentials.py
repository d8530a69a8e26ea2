"""The files by which the programs of this host know etcd, and prove to it who they are; and how etcd proves itself.

calico-agent has its own, or those of calico/node, which has them from its environment and mounts; Calico's CNI plugin
has them from its configuration. Most hosts have one set for all of them.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from errno import EISDIR
from functools import partial
from pathlib import Path

from calico_agent.model.container.container import Docker
from calico_agent.model.host.certificate import CertificateFile, Credential, Credentials, EtcdServer, EtcdServers
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import DatastoreSettings
from calico_agent.small_file import read_small
from calico_agent.sources.datastore.server.endpoints import Endpoint, endpoints_of
from calico_agent.sources.datastore.server.error import DatastoreError
from calico_agent.sources.datastore.server.issuance import is_issued
from calico_agent.sources.datastore.server.reachability import server_certificate
from calico_agent.sources.datastore.server.tls_files import TlsFiles, tls_context
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.docker.decode.node_datastore import datastore_settings
from calico_agent.sources.host.decode.certificate import decode_certificate, decode_certificates
from calico_agent.sources.host.text_file import read_owned_text
from calico_agent.sources.kubernetes.cni import read_cni
from calico_agent.sources.kubernetes.decode.cni import decode_cni_files

_LARGEST = 1 << 20
_HANDSHAKE_SECONDS = 2.0
_AT_ONCE, _MOST_SERVERS = 4, 16  # so that even dead ones take no more than 8 s; etcd has seven members at most


def read_credentials(
    settings: DatastoreSettings | None, docker: Docker | Unreadable, root: Path = Path("/")
) -> Credentials:
    """Those that are named anywhere, by the files that they are made of."""
    users: dict[TlsFiles, list[str]] = {}
    for user, files in _named(settings, docker, root):
        if (files.ca or files.certificate) and user not in users.setdefault(files, []):
            users[files].append(user)
    return Credentials(tuple(_credential(tuple(names), files, root) for files, names in users.items()))


def read_etcd_servers(settings: DatastoreSettings | None) -> EtcdServers | Unreadable:
    """A handshake with each endpoint that is reached by TLS."""
    if settings is None:
        return Unreadable("etcd", "it is not known where etcd is", "unset")
    try:
        endpoints = [endpoint for endpoint in endpoints_of(settings) if endpoint.tls][:_MOST_SERVERS]
    except DatastoreError as error:
        return Unreadable("etcd", error.reason, error.code)
    files = TlsFiles(settings.ca_file, settings.cert_file, settings.key_file)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return EtcdServers(tuple(pool.map(partial(_server, files), endpoints)))


def _named(
    settings: DatastoreSettings | None, docker: Docker | Unreadable, root: Path
) -> Iterator[tuple[str, TlsFiles]]:
    if settings is not None:
        yield "calico-agent", TlsFiles(settings.ca_file, settings.cert_file, settings.key_file)
    for container in () if isinstance(docker, Unreadable) else docker.containers:
        given = datastore_settings(container) if container.alive else None
        if isinstance(given, DatastoreSettings):
            yield "calico/node", TlsFiles(given.ca_file, given.cert_file, given.key_file)
    for plugin in read_cni(root):
        if not (plugin.behind or plugin.error):
            try:
                content = read_owned_text(root / plugin.file.lstrip("/")) or ""
                yield "the CNI plugin", TlsFiles(*decode_cni_files(content.encode()))
            except (OSError, Malformed):
                continue  # it went away meanwhile, or is told as a file that cannot be understood


def _credential(users: tuple[str, ...], named: TlsFiles, root: Path) -> Credential:
    files = TlsFiles(*(str(root / path.lstrip("/")) if path else "" for path in _paths(named)))
    ca = _certificate_file(named.ca, files.ca)
    own = _certificate_file(named.certificate, files.certificate)
    found = Credential(users, ca, own, named.key)
    if any(one is not None and one.trouble for one in (ca, own)):
        return found
    try:
        tls_context(files)
    except DatastoreError as error:
        shown = {inside: outside for inside, outside in zip(_paths(files), _paths(named), strict=True) if inside}
        return replace(found, trouble=_renamed(error.reason, shown))
    return replace(found, issued=is_issued(files))


def _paths(files: TlsFiles) -> tuple[str, str, str]:
    return files.ca, files.certificate, files.key


def _renamed(sentence: str, shown: Mapping[str, str]) -> str:
    """With the paths as they were written, should the file system of the host not be ours."""
    for inside, outside in shown.items():
        sentence = sentence.replace(inside, outside)
    return sentence


def _certificate_file(path: str, place: str) -> CertificateFile | None:
    if not path:
        return None
    try:
        return CertificateFile(path, decode_certificates(read_small(Path(place), _LARGEST)))
    except Malformed as error:
        return CertificateFile(path, trouble=error.what)
    except FileNotFoundError:
        return CertificateFile(path, trouble="it does not exist")
    except OSError as error:
        directory = "it is a directory, as Docker makes one in place of a file that is not there"
        return CertificateFile(
            path, trouble=directory if error.errno == EISDIR else f"it cannot be read: {error.strerror}"
        )


def _server(files: TlsFiles, endpoint: Endpoint) -> EtcdServer:
    try:
        certificate = decode_certificate(server_certificate(endpoint, files, _HANDSHAKE_SECONDS))
    except DatastoreError as error:
        return EtcdServer(str(endpoint), error.reason, error.code)
    except Malformed as error:
        return EtcdServer(str(endpoint), error.what, "malformed")
    return EtcdServer(str(endpoint), certificate=certificate)
