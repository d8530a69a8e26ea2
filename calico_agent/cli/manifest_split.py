"""`calico-agent manifest split`: reads the manifest, writes what becomes of it, and says how to go on."""

import difflib
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from calico_agent.adopt.as_toml import render_toml
from calico_agent.adopt.described import NotTakenOver
from calico_agent.adopt.manifest.host_by_host import Places
from calico_agent.adopt.manifest.page import render_split
from calico_agent.adopt.manifest.pools import pool_notes
from calico_agent.adopt.manifest.split import Split, split
from calico_agent.adopt.manifest.workload import AlreadySplit
from calico_agent.adopt.manifest.yaml_text import MOST_CHARACTERS, Text
from calico_agent.cli.new_files import NewFile, replace_with_backup, write_new
from calico_agent.cli.told import Told
from calico_agent.errors import UsageError
from calico_agent.model.calico.node import Datastore
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import DatastoreSettings, EtcdApi
from calico_agent.small_file import read_small

CERTS_DIR = "/etc/calico/certs"
_TOML = "calico-agent.toml"
_STDIN = Path("-")
# Long enough for an etcd that answers, short enough for a person who waits where there is none.
_DATASTORE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class SplitRequest:
    """What the command line asks for. Without a directory and not in place nothing is written."""

    manifest: Path
    certs_dir: str = CERTS_DIR
    diff: bool = False
    output_dir: Path | None = None
    in_place: bool = False


def split_manifest(wanted: SplitRequest) -> Told:
    """Raises UsageError for what cannot be split, with the line and the reason; then nothing is written."""
    if wanted.in_place and wanted.manifest == _STDIN:
        raise UsageError("--in-place wants a file, not standard input")
    if not wanted.certs_dir.startswith("/"):
        raise UsageError(f"--certs-dir {wanted.certs_dir[:60]!a} is not an absolute path of the hosts")
    content = _read(wanted.manifest)
    name = "standard input" if wanted.manifest == _STDIN else str(wanted.manifest)
    try:
        result = split(Text(name, _decoded(name, content)), wanted.certs_dir)
    except NotTakenOver as error:
        raise UsageError(str(error)) from None
    if isinstance(result, AlreadySplit):
        owner = result.daemon_set
        nothing = f"{owner.place}: the {owner.title} has no container calico-node (any more): nothing to do\n"
        return Told("", nothing) if wanted.diff else Told(nothing)
    return _told(wanted, content, result)


def _told(wanted: SplitRequest, content: bytes, result: Split) -> Told:
    notes = list(pool_notes(result.description.described.env, _datastore(result)))
    places, done = _written(wanted, content, result)
    page = render_split(result, places, notes)
    if wanted.diff:
        return Told(_diff(wanted.manifest, result), page)
    return Told("".join((page, "\n", *(f"{line}\n" for line in done))))


def _written(wanted: SplitRequest, content: bytes, result: Split) -> tuple[Places, list[str]]:
    """Where the files are, or would be, and what was done."""
    path, manifest = wanted.manifest, result.text.encode()
    origin = result.description.described.origin
    configuration = render_toml(result.translation, origin, with_secrets=True).encode()
    if wanted.in_place:
        places = Places("", str(path), str(path.with_name(_TOML)))
        done = write_new([NewFile(Path(places.configuration), configuration)])
        backup = replace_with_backup(path, content, manifest)
        return replace(places, old=str(backup)), [*done, f"replaced: {path}; what it was is in {backup}"]
    directory = wanted.output_dir or Path("DIR")
    new = directory / ("calico.yaml" if path == _STDIN else path.name)
    places = Places(str(path), str(new), str(directory / _TOML))
    if wanted.output_dir is None:
        return places, ["nothing was written: --output-dir DIR or --in-place writes, --diff shows the change"]
    files = [NewFile(Path(places.configuration), configuration), NewFile(new, manifest, 0o644)]
    return places, write_new([*files, *_secrets(result, directory / "certs")])


def _secrets(result: Split, directory: Path) -> Iterator[NewFile]:
    """What the manifest itself has of the files that each host needs."""
    for file in result.description.files:
        held = result.store.secret_content(file.secret, file.key)
        if held is not None:
            yield NewFile(directory / Path(file.path).name, held)


def _diff(path: Path, result: Split) -> str:
    """As `diff -u` writes it, so that `patch` takes it."""
    before, after = (text.splitlines(keepends=True) for text in (result.workload.text.text, result.text))
    lines = difflib.unified_diff(before, after, str(path), str(path))
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _datastore(result: Split) -> Datastore | Unreadable:
    """The datastore that the manifest names, if it can be reached from here."""
    settings = result.translation.settings
    endpoints = settings.get(("datastore", "endpoints"))
    if not isinstance(endpoints, list):
        return Unreadable("etcd", "where it is has still to be filled in")
    if ("datastore", "username") in settings:
        return Unreadable("etcd", "it wants a password")
    ca, certificate, key = (str(settings.get(("datastore", key), "")) for key in ("ca_file", "cert_file", "key_file"))
    api = EtcdApi(settings.get(("datastore", "api"), EtcdApi.V3))
    from calico_agent.sources.datastore.reading import read_datastore  # noqa: PLC0415 - gRPC costs half a second

    where = DatastoreSettings(tuple(endpoints), ca, certificate, key, api=api, timeout=_DATASTORE_SECONDS)
    return read_datastore(where, timeout=_DATASTORE_SECONDS)


def _read(path: Path) -> bytes:
    try:
        if path == _STDIN:
            content = sys.stdin.buffer.read(MOST_CHARACTERS + 1)
            if len(content) > MOST_CHARACTERS:
                raise UsageError(f"standard input is larger than {MOST_CHARACTERS >> 20} MiB")
            return content
        return read_small(path, MOST_CHARACTERS)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None


def _decoded(name: str, content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{name}:{line}: is not UTF-8 text, so no YAML that kubectl would take") from None
