"""The files that the configuration names, as they are on this host now: what `calico-agent config check` says of them.

Only the check refuses a configuration for them. The agent itself starts, says what it cannot read, and waits: a mount,
a vault or a renewal may bring the file later.
"""

import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from calico_agent.config.consistency import Key, exposure_faults
from calico_agent.config.schema import Config
from calico_agent.errors import ConfigError
from calico_agent.model.settings import Mode, Preset
from calico_agent.small_file import read_small
from calico_agent.sources.datastore.server.error import DatastoreError
from calico_agent.sources.datastore.server.tls_files import TlsFiles, tls_context
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.host.access_files import AccessFileError, read_access
from calico_agent.sources.host.decode.certificate import decode_certificates

_MOST_BYTES = 1 << 20
_SOON = timedelta(days=14)

_SECRET = ("key_file", "password_file", "kubeconfig", "token_file")
_HTTP_FILES = ("cert_file", "key_file", "client_ca_file", "token_file")
_DATASTORE_FILES = ("ca_file", "cert_file", "key_file", "password_file", "kubeconfig")


@dataclass(frozen=True, slots=True)
class Checked:
    """`faults` keep the agent from its work, `warnings` do not yet, `notes` say what is good. Each names its key."""

    faults: list[tuple[Key, str]] = field(default_factory=list)
    warnings: list[tuple[Key, str]] = field(default_factory=list)
    notes: list[tuple[Key, str]] = field(default_factory=list)


def check_files(config: Config, now: datetime) -> Checked:
    """All files that are named."""
    checked = Checked()
    for key, path in _named(config):
        reason = _unreadable(path)
        if reason:
            checked.faults.append((key, f"{path} {reason}"))
        else:
            _check_mode(checked, key, path)
    checked.faults.extend(exposure_faults(config))
    if not checked.faults:
        _check_contents(checked, config, now)
        _check_kubeconfig(checked, config)
        _check_access(checked, config, now)
    if not checked.faults and config.node.preset is Preset.KUBERNETES and config.mode is Mode.SUPERVISE:
        _check_of_node(checked, config)
    return checked


def _named(config: Config) -> Iterator[tuple[Key, Path]]:
    for section, names in (("datastore", _DATASTORE_FILES), ("http", _HTTP_FILES)):
        for name in names:
            if path := getattr(getattr(config, section), name):
                yield (section, name), Path(path)
    if config.node.kubeconfig:
        yield ("node", "kubeconfig"), Path(config.node.kubeconfig)
    if config.docker.credentials:
        yield ("docker", "credentials"), Path(config.docker.credentials)


def _unreadable(path: Path) -> str:
    try:
        return "" if read_small(path, _MOST_BYTES) else "is empty"
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def writable_by_all(path: Path) -> str:
    """That every user may write it, and so decide what this agent does as root; empty when not."""
    mode = stat.S_IMODE(path.stat().st_mode)
    return f"every user may write it (mode {mode:04o}): chmod o-w {path}" if mode & stat.S_IWOTH else ""


def _check_mode(checked: Checked, key: Key, path: Path) -> None:
    """Who may write a certificate decides whom the agent believes; who may read a key is as good as this host."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if writable := writable_by_all(path):
        checked.faults.append((key, f"{path} is not safe: {writable}"))
    elif mode & stat.S_IROTH and (key[1] in _SECRET or key[0] == "docker"):
        checked.warnings.append(
            (key, f"{path} is not safe: every user may read it (mode {mode:04o}): chmod o-r {path}")
        )


def _check_contents(checked: Checked, config: Config, now: datetime) -> None:
    section = config.datastore
    try:
        tls_context(TlsFiles(section.ca_file, section.cert_file, section.key_file))
    except DatastoreError as error:
        named = next((name for name in _DATASTORE_FILES if error.reason.startswith(getattr(section, name) or "\0")), "")
        checked.faults.append((("datastore", named or "ca_file"), error.reason))
        return
    for name in ("ca_file", "cert_file"):
        if path := getattr(section, name):
            _check_validity(checked, ("datastore", name), Path(path), now)
    if section.password_file:
        try:
            config.datastore_settings()
        except ConfigError as error:
            checked.faults.append((("datastore", "password_file"), str(error)))


def _check_kubeconfig(checked: Checked, config: Config) -> None:
    """Whether it names an API and a credential of use, with its files. A program that makes one is not run for that."""
    settings = config.datastore_settings() if config.datastore.kubeconfig else None
    if settings is None or settings.kubernetes is None:
        return
    from calico_agent.sources.datastore.kubernetes.logins import Logins  # noqa: PLC0415 - not for users of etcd

    try:
        server = Logins(settings.kubernetes).checked()
    except DatastoreError as error:
        checked.faults.append((("datastore", "kubeconfig"), error.reason))
    else:
        checked.notes.append((("datastore", "kubeconfig"), f"{config.datastore.kubeconfig}: for {server}"))


def _check_access(checked: Checked, config: Config, now: datetime) -> None:
    try:
        read_access(config.access_files)
    except AccessFileError as error:
        checked.faults.append((("http", error.key), error.message))
        return
    for name in ("cert_file", "client_ca_file"):
        if path := getattr(config.http, name):
            _check_validity(checked, ("http", name), Path(path), now)


def _check_of_node(checked: Checked, config: Config) -> None:
    """Whether the kubeconfig for calico/node is of use in a container, where its folder is another one."""
    from calico_agent.sources.kubernetes.decode.api_login import decode_kubeconfig  # noqa: PLC0415

    key = ("node", "kubeconfig") if config.node.kubeconfig else ("datastore", "kubeconfig")
    path = Path(config.node.kubeconfig or config.datastore.kubeconfig)
    other = "[node] kubeconfig may name another one for calico/node"
    try:
        context = "" if config.node.kubeconfig else config.datastore.kubeconfig_context
        login = decode_kubeconfig(read_small(path, _MOST_BYTES).decode(errors="replace"), context)
    except Malformed as malformed:
        checked.faults.append((key, f"{path} is of no use: {malformed.what}"))
        return
    if login.unsupported:
        words = f"{path} gets its credential by {login.unsupported}, which calico/node in a container does not have"
        checked.faults.append((key, f"{words}: {other}"))
    mounted = {mount.destination for mount in config.node.bind_mounts() if mount.source == mount.destination}
    for file in (login.ca_file, login.token_file, login.certificate_file, login.key_file):
        outside = file.startswith("/") or ".." in Path(file).parts
        if outside and not mounted & {file, *map(str, Path(file).parents)}:
            words = f"{path} names {file}, which is not there in calico/node's container: put it beside {path.name} and"
            checked.faults.append((key, f"{words} name it without a folder, or mount it ([node] mounts); {other}"))


def _check_validity(checked: Checked, key: Key, path: Path, now: datetime) -> None:
    """Of our own certificate the first one counts, of a bundle of authorities each stands for itself."""
    try:
        found = decode_certificates(read_small(path, _MOST_BYTES))
    except (Malformed, OSError) as error:
        checked.faults.append((key, f"{path}: {error.what if isinstance(error, Malformed) else error.strerror}"))
        return
    best = max(found, key=lambda one: one.not_after) if key[1].endswith("ca_file") else found[0]
    if best.not_after < now:
        checked.faults.append((key, f"{path}: expired on {_day(best.not_after)}"))
    elif best.not_before > now:
        checked.faults.append(
            (key, f"{path}: is not valid before {_day(best.not_before)}; this host's clock says {_day(now)}")
        )
    else:
        said = checked.warnings if best.not_after - now < _SOON else checked.notes
        said.append((key, f"{path}: valid until {_day(best.not_after)}"))


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
