"""Where the container runtime of this host looks for CNI configurations and plugins, by its own configuration.

containerd: `docs/cri/config.md`, whose table has another name in each of its three versions of the file, and whose
`imports` name further files. CRI-O: `docs/crio.conf.5.md`, with all files of crio.conf.d after it. Of several files the
last one counts. The kubelet's own way to Docker, and cri-dockerd, take flags.
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.kubernetes.decode.flags import flag_values

_CONTAINERD_TABLES = (("cri",), ("io.containerd.grpc.v1.cri",), ("io.containerd.cri.v1.runtime",))
_FLAGS = frozenset({"cni-conf-dir", "cni-bin-dir", "network-plugin-dir", "network-plugin"})


@dataclass(frozen=True, slots=True)
class CniFolders:
    """Where configurations and programs are; the defaults are those of all runtimes."""

    configurations: str = "/etc/cni/net.d"
    programs: tuple[str, ...] = ("/opt/cni/bin",)


def containerd_options(arguments: Sequence[str]) -> tuple[str, str]:
    """The configuration file and the socket that containerd was told, each or empty."""
    found = {"config": "", "address": ""}
    short = {"-c": "config", "-a": "address", "--config": "config", "--address": "address"}
    for position, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name in short:
            found[short[name]] = value if equals else "".join(arguments[position + 1 : position + 2])
    return found["config"], found["address"]


def containerd_imports(content: str) -> tuple[str, ...]:
    """The patterns of the files that belong to one, too. Raises Malformed."""
    imports = _toml(content).get("imports")
    return tuple(one for one in imports if isinstance(one, str)) if isinstance(imports, list) else ()


def containerd_folders(contents: Iterable[str]) -> CniFolders:
    """Of all files in the order in which they count. Raises Malformed."""
    folders = CniFolders()
    for content in contents:
        plugins = _table(_toml(content), "plugins")
        for path in _CONTAINERD_TABLES:
            cni = _table(_table(plugins, *path), "cni")
            folders = _with(folders, cni.get("conf_dir"), [cni.get("bin_dir"), *_list(cni.get("bin_dirs"))])
    return folders


def crio_folders(contents: Iterable[str]) -> CniFolders:
    """The same of CRI-O, whose programs are looked for in more folders by default. Raises Malformed."""
    folders = CniFolders(programs=("/opt/cni/bin", "/usr/libexec/cni", "/usr/lib/cni"))
    for content in contents:
        network = _table(_toml(content), "crio", "network")
        folders = _with(folders, network.get("network_dir"), _list(network.get("plugin_dirs")))
    return folders


def flagged_folders(arguments: Sequence[str]) -> CniFolders:
    """By the flags of the kubelet up to v1.23, and of cri-dockerd. --network-plugin-dir is of before v1.4."""
    flags = flag_values(arguments, _FLAGS)
    configurations = flags.get("cni-conf-dir") or flags.get("network-plugin-dir")
    return _with(CniFolders(), configurations, flags.get("cni-bin-dir", "").split(","))


def network_plugin(arguments: Sequence[str]) -> str:
    """What --network-plugin says; empty where it is not there."""
    return flag_values(arguments, _FLAGS).get("network-plugin", "")


def _with(folders: CniFolders, configurations: object, programs: Iterable[object]) -> CniFolders:
    if isinstance(configurations, str) and _usable(configurations):
        folders = replace(folders, configurations=str(PurePosixPath(configurations)))
    found = tuple(one.strip() for one in programs if isinstance(one, str) and _usable(one.strip()))
    return replace(folders, programs=found) if found else folders


def _usable(path: str) -> bool:
    return path.startswith("/") and path.isprintable()


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _toml(content: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(content)
    except (ValueError, RecursionError):
        raise Malformed("it is not TOML") from None


def _table(table: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    for name in path:
        found = table.get(name)
        table = found if isinstance(found, dict) else {}
    return table
