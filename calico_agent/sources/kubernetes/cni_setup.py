"""The CNI configurations that the container runtime of this host takes, and whether their plugins run.

A plugin is asked for its version, which every one of them tells without doing anything. What is the same file as
before is not asked again.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from calico_agent.model.host.cni import CniFile, CniPluginFile, CniSetup, PluginState
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.host.text_file import read_owned_text
from calico_agent.sources.host.trusted_program import NotRunError, ask
from calico_agent.sources.kubernetes.cni_folders import FoundFolders
from calico_agent.sources.kubernetes.decode.cni import decode_cni_file
from calico_agent.sources.kubernetes.decode.cni_version import REQUEST, decode_cni_version

_SUFFIXES = frozenset({".conf", ".conflist", ".json"})
_MOST_FILES, _MOST_PLUGINS = 32, 16
_LARGEST_FILE = 1 << 18
_LONGEST_DETAIL = 200
_LOOPBACK = "loopback"
_ENVIRONMENT = {"CNI_COMMAND": "VERSION"}


class CniReader:
    """Reads the files each time, and asks each plugin once."""

    def __init__(self) -> None:
        self._asked: dict[tuple[object, ...], CniPluginFile] = {}

    def read(self, root: Path, found: FoundFolders, runtime: str) -> CniSetup:
        """The setup in these folders of the host whose file system is at `root`, for this runtime."""
        folder, programs = found.folders.configurations, found.folders.programs
        strict = runtime in {"", "containerd"}
        if found.trouble:
            return CniSetup(folder, found.source, programs, strict=strict, error=found.trouble)
        try:
            paths = sorted(path for path in (root / folder.lstrip("/")).iterdir() if path.suffix in _SUFFIXES)
        except (FileNotFoundError, NotADirectoryError):
            paths = []
        except OSError as error:
            return CniSetup(folder, found.source, programs, strict=strict, error=f"{folder}: {error.strerror}")
        files = tuple(_file(path, f"{folder}/{path.name}") for path in islice(paths, _MOST_FILES))
        calico = next((file for file in files if file.calico), None)
        # CRI-O sets up the loopback link itself.
        needed = (*calico.needed, *(() if runtime == "cri-o" else (_LOOPBACK,))) if calico else ()
        plugins = tuple(self._plugin(root, programs, name) for name in dict.fromkeys(needed[:_MOST_PLUGINS]))
        return CniSetup(folder, found.source, programs, files, plugins, strict)

    def _plugin(self, root: Path, folders: tuple[str, ...], name: str) -> CniPluginFile:
        for folder in folders:
            path = root / folder.lstrip("/") / name
            shown = f"{folder.rstrip('/')}/{name}"
            try:
                status = path.stat()
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                return CniPluginFile(name, shown, PluginState.NOT_TRIED, f"it cannot be read: {error.strerror}")
            key = (shown, status.st_dev, status.st_ino, status.st_mtime_ns, status.st_mode, status.st_uid)
            if key not in self._asked:
                if len(self._asked) > 4 * _MOST_PLUGINS:
                    self._asked.clear()
                self._asked[key] = _ask(path, name, shown)
            return self._asked[key]
        return CniPluginFile(name)


def _file(path: Path, shown: str) -> CniFile:
    try:
        return decode_cni_file(shown, (read_owned_text(path, _LARGEST_FILE) or "").encode())
    except PermissionError as error:
        return CniFile(shown, error=f"it cannot be believed: {error.strerror}", hidden=True)
    except OSError as error:
        return CniFile(shown, error=f"it cannot be read: {error.strerror}")


def _ask(path: Path, name: str, shown: str) -> CniPluginFile:
    try:
        said = ask(path, (shown,), _ENVIRONMENT, REQUEST)
        versions = decode_cni_version(said.output)
    except NotRunError as error:
        state = PluginState.FAILS if error.tried else PluginState.NOT_TRIED
        return CniPluginFile(name, shown, state if error.executable else PluginState.NOT_EXECUTABLE, error.reason)
    except OSError as error:
        return CniPluginFile(name, shown, PluginState.NOT_TRIED, f"it cannot be read: {error.strerror}")
    except Malformed as error:
        detail = next(_lines(said.errors), error.what) if said.code else error.what
        return CniPluginFile(name, shown, PluginState.FAILS, f"it ends with code {said.code}: {detail}")
    return CniPluginFile(name, shown, PluginState.RUNS, versions=versions)


def _lines(output: bytes) -> Iterator[str]:
    """Those that can be shown."""
    for line in output.decode(errors="replace").splitlines():
        if line.strip() and line.isprintable():
            yield line.strip()[:_LONGEST_DETAIL]
