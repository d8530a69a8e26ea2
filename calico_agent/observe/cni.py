"""Calico's plugin in the CNI configurations of this host, in the order in which the runtime would take them.

The runtime takes the first file in the order of names (containerd and cri-o by default, in /etc/cni/net.d). Others that
lie there are often left over, so all of them are told.
"""

from dataclasses import replace
from itertools import islice
from pathlib import Path

from calico_agent.decode.cni import decode_cni
from calico_agent.model.host import CniPlugin
from calico_agent.observe.text_file import read_text

_FOLDER = Path("etc/cni/net.d")
_SUFFIXES = frozenset({".conf", ".conflist", ".json"})
_MOST_FILES = 32


def read_cni(root: Path) -> tuple[CniPlugin, ...]:
    """All of them below `root`, with those files that only others may read."""
    try:
        paths = sorted(path for path in (root / _FOLDER).iterdir() if path.suffix in _SUFFIXES)
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        return (CniPlugin(f"/{_FOLDER}", error=f"cannot be read: {error.strerror}"),)
    found = (_read(root, path) for path in islice(paths, _MOST_FILES))
    return tuple(plugin for plugin in found if plugin is not None)


def _read(root: Path, path: Path) -> CniPlugin | None:
    name = f"/{path.relative_to(root)}"
    try:
        plugin = decode_cni(name, (read_text(path) or "").encode())
        if plugin is None or not plugin.nodename_file.startswith("/"):
            return plugin
        # As the plugin does: the content is the name, white space at its ends is not.
        content = read_text(root / plugin.nodename_file.lstrip("/")) or ""
    except OSError as error:
        return CniPlugin(name, error=f"cannot be read: {error.strerror}")
    return replace(plugin, nodename=content.strip())
