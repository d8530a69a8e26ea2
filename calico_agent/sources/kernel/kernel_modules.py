"""What the running kernel can do, from where `calicoctl node checksystem` looks, and from what it leaves out:
/proc/config.gz, and /sys/module for what is built in (calicoctl/commands/node/checksystem.go@v3.32.1).

No module is loaded by it, and no process started.
"""

import gzip
import os
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from stat import S_IMODE

from calico_agent.model.host.kernel_modules import FEATURES, Modules
from calico_agent.small_file import read_small
from calico_agent.sources.kernel.decode.kernel_modules import (
    decode_loaded,
    decode_matches,
    decode_module_files,
    decode_options,
)

# modules.dep of a large distribution has 800 KiB, a kernel's configuration 300 KiB.
_LONGEST_FILE = 8 << 20
_Names = frozenset[str]


def read_modules(root: Path = Path("/"), release: str | None = None) -> Modules:
    """Of the kernel of that release, which is the running one. What cannot be read makes it incomplete."""
    release = os.uname().release if release is None else release
    reader = _Reader(root)
    folder = module_directory(root) / release
    found: tuple[tuple[str, _Names], ...] = (
        ("loaded", reader.names(root / "proc/modules", decode_loaded)),
        (
            "used by iptables",
            reader.names(root / "proc/thread-self/net/ip_tables_matches", decode_matches, hidden=True),
        ),
        ("built in", built_in := reader.names(folder / "modules.builtin", decode_module_files)),
        ("loadable", loadable := reader.names(folder / "modules.dep", decode_module_files)),
    )
    options = reader.options(folder, release)
    gone = not loadable and reader.is_gone()
    known = bool(built_in and loadable) or (bool(options) and (bool(loadable) or gone or "MODULES" not in options))
    why = reader.failed or ("" if known else f"what /lib/modules/{release} or the kernel's configuration would tell")
    return Modules(release, dict(_present(root, found, options)), known and not reader.failed, why, gone)


def module_directory(root: Path = Path("/")) -> Path:
    """Where the host keeps the modules of its kernels.

    A sandbox may hide it (ProtectKernelModules=). Process 1 sees it, and so does who may look through its eyes
    (CAP_SYS_PTRACE).
    """
    seen = root / "proc/1/root/lib/modules"
    return seen if os.path.isdir(seen) else root / "lib/modules"  # noqa: PTH112 - False where it may not be asked


def _present(
    root: Path, found: tuple[tuple[str, _Names], ...], options: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Each feature that is there, with where it was found first. An option `m` only promises a module."""
    for name, feature in FEATURES.items():
        wheres = [where for where, names in found if not names.isdisjoint(feature.modules)]
        if any((root / "sys/module" / module).exists() for module in feature.modules):
            wheres.append("in use")
        said = {options[option] for option in feature.options if option in options}
        if "y" in said:
            wheres.append("built in")
        if wheres:
            yield name, wheres[0]


class _Reader:
    """Reads files; `failed` is the first one that is there and could not be read."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.failed = ""

    def names(self, path: Path, decode: Callable[[str], _Names], *, hidden: bool = False) -> _Names:
        """What a file names; nothing where there is none. `hidden`: it may be root's, and only adds to others."""
        try:
            return decode(read_small(path, _LONGEST_FILE).decode(errors="replace"))
        except (FileNotFoundError, NotADirectoryError):
            return frozenset()
        except OSError as error:
            if not hidden:
                self._fail(path, error)
            return frozenset()

    def options(self, folder: Path, release: str) -> Mapping[str, str]:
        """The kernel's configuration from the first of its usual places."""
        with suppress(OSError, EOFError, zlib.error), gzip.open(self._root / "proc/config.gz") as file:
            return decode_options(file.read(_LONGEST_FILE).decode(errors="replace"))
        for path in (self._root / f"boot/config-{release}", folder / "config", folder / "build/.config"):
            with suppress(OSError):
                return decode_options(read_small(path, _LONGEST_FILE).decode(errors="replace"))
        return {}

    def is_gone(self) -> bool:
        """Whether the host has modules, and none of the running kernel.

        A sandbox that hides them (ProtectKernelModules=) puts an empty directory without permissions in their place.
        """
        with suppress(OSError):
            modules = module_directory(self._root)
            if not S_IMODE(modules.stat().st_mode):
                self.failed = self.failed or f"/{modules.relative_to(self._root)} is hidden from this process"
            return modules.exists() and (self._root / "proc/modules").exists()
        return False

    def _fail(self, path: Path, error: OSError) -> None:
        self.failed = self.failed or f"/{path.relative_to(self._root)} cannot be read: {error.strerror}"
