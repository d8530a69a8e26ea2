"""NetworkManager and systemd-networkd, as far as they run in our network namespace, and their files.

systemd-networkd runs as a user of its own, whose the folder /run/systemd/netif is.
"""

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

import psutil

from calico_agent.model.host.network_managers import LinkState, Networkd, NetworkManager, NetworkManagers
from calico_agent.model.unreadable import Unreadable
from calico_agent.sources.host.decode.network_managers import (
    decode_keeps,
    decode_link_state,
    decode_network_file,
    decode_network_manager,
)
from calico_agent.sources.host.processes import ENDED, may_be_ours, pids_named, runs_own_file
from calico_agent.sources.host.text_file import read_owned_text, read_text

# The kernel cuts names at 15 characters, and psutil finds the rest.
_PROGRAMS = {
    "NetworkManager": "NetworkManager",
    "systemd-network": "systemd-networkd",
    "systemd-networkd": "systemd-networkd",
}
_SYSTEMD = tuple(map(Path, ("etc/systemd", "run/systemd", "usr/local/lib/systemd", "usr/lib/systemd", "lib/systemd")))
_NM_FOLDERS = tuple(
    map(Path, ("usr/lib/NetworkManager/conf.d", "run/NetworkManager/conf.d", "etc/NetworkManager/conf.d"))
)
_VETH_RULE = Path("udev/rules.d/85-nm-unmanaged.rules")


def read_network_managers(root: Path = Path("/")) -> NetworkManagers | Unreadable:
    """Those that run, with what their files below `root` say."""
    try:
        running = _running(root)
        return NetworkManagers(
            _network_manager(root) if "NetworkManager" in running else None,
            _networkd(root) if "systemd-networkd" in running else None,
        )
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return Unreadable("network managers", f"{place}{error.strerror}.", "denied")


def _running(root: Path) -> set[str]:
    found = set()
    for pid in pids_named(_PROGRAMS):
        with suppress(*ENDED):
            process = psutil.Process(pid)
            program = _PROGRAMS.get(process.name(), "")
            if program and set(process.uids()) <= _users(root) and runs_own_file(pid, program) and may_be_ours(pid):
                found.add(program)
    return found


def _users(root: Path) -> set[int]:
    with suppress(OSError):
        return {0, (root / "run/systemd/netif").stat().st_uid}
    return {0}


def _network_manager(root: Path) -> NetworkManager:
    """The folder of packages first, then NetworkManager.conf, then the folder of the host; a name shadows its like."""
    shipped, run, own = (_by_name(root / folder, "*.conf") for folder in _NM_FOLDERS)
    packages = {**shipped, **run}
    first = [path for name, path in sorted(packages.items()) if name not in own]
    paths = [*first, root / "etc/NetworkManager/NetworkManager.conf", *(path for _, path in sorted(own.items()))]
    paths.append(root / "var/lib/NetworkManager/NetworkManager-intern.conf")
    rules = (_text(root / folder / _VETH_RULE) for folder in ("etc", "usr/lib", "lib"))
    veth = next((text for text in rules if text), "")
    return decode_network_manager(map(_text, paths), leaves_veth='"veth"' in veth and "NM_UNMANAGED" in veth)


def _networkd(root: Path) -> Networkd:
    main = next((path for folder in _SYSTEMD if (path := root / folder / "networkd.conf").is_file()), None)
    drop_ins = _merged(root, "networkd.conf.d", "*.conf")
    keeps_routes, keeps_rules = decode_keeps(map(_text, (*([main] if main else ()), *drop_ins)))
    files = []
    for path in _merged(root, "network", "*.network"):
        more = "".join(_text(one) + "\n" for one in _merged(root, f"network/{path.name}.d", "*.conf"))
        text = _text(path)
        if text.strip():  # an empty file masks
            files.append(decode_network_file(f"/{path.relative_to(root)}", f"{text}\n{more}"))
    return Networkd(keeps_routes, keeps_rules, dict(_links(root)), tuple(files))


def _links(root: Path) -> Iterator[tuple[int, LinkState]]:
    for name, path in islice(_by_name(root / "run/systemd/netif/links", "*").items(), 4096):
        text = read_text(path)
        if name.isdecimal() and text is not None:
            yield int(name), decode_link_state(text)


def _merged(root: Path, folder: str, pattern: str) -> list[Path]:
    """The files of all places by their names, as systemd reads them: of one name that in /etc counts."""
    found: dict[str, Path] = {}
    for place in _SYSTEMD:
        for name, path in _by_name(root / place / folder, pattern).items():
            found.setdefault(name, path)
    return [path for _, path in sorted(found.items())]


def _by_name(folder: Path, pattern: str) -> dict[str, Path]:
    try:
        return {path.name: path for path in islice(sorted(folder.glob(pattern)), 4096)}
    except (FileNotFoundError, NotADirectoryError):
        return {}


def _text(path: Path) -> str:
    """Empty for a file that is not there, and for /dev/null."""
    with suppress(IsADirectoryError):
        if path.exists() and not path.is_char_device():
            return read_owned_text(path) or ""
    return ""
