"""Calico's plugin in the CNI configurations of this host, in the order in which the runtime would take them.

The runtime takes the first file in the order of names (containerd and cri-o by default, in /etc/cni/net.d). Others that
lie there are often left over, so all of them are told.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from calico_agent.model.host.machine import CniPlugin
from calico_agent.sources.host.text_file import read_owned_text
from calico_agent.sources.kubernetes.decode.cni import decode_cni, is_taken

_FOLDER = Path("etc/cni/net.d")
_SUFFIXES = frozenset({".conf", ".conflist", ".json"})
_MOST_FILES = 32


def read_cni(root: Path) -> tuple[CniPlugin, ...]:
    """All of them below `root`, with those files that cannot be read or believed."""
    try:
        paths = sorted(path for path in (root / _FOLDER).iterdir() if path.suffix in _SUFFIXES)
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        return (CniPlugin(f"/{_FOLDER}", error=f"cannot be read: {error.strerror}"),)
    return tuple(_plugins(root, islice(paths, _MOST_FILES)))


def _plugins(root: Path, paths: Iterable[Path]) -> Iterator[CniPlugin]:
    taken = ""
    for path in paths:
        name = f"/{path.relative_to(root)}"
        try:
            content = (read_owned_text(path) or "").encode()
            plugin = _with_name(root, decode_cni(name, content))
        except OSError as error:
            yield CniPlugin(name, error=f"cannot be read: {error.strerror}", behind=taken)
            # The runtime is root and believes every file.
            taken = taken or (name if isinstance(error, PermissionError) else "")
            continue
        if plugin is not None:
            yield replace(plugin, behind=taken)
        taken = taken or (name if is_taken(content) else "")


def _with_name(root: Path, plugin: CniPlugin | None) -> CniPlugin | None:
    """As the plugin does: the content of the file that is named is the name, white space at its ends is not."""
    if plugin is None or not plugin.nodename_file.startswith("/"):
        return plugin
    return replace(plugin, nodename=(read_owned_text(root / plugin.nodename_file.lstrip("/")) or "").strip())
