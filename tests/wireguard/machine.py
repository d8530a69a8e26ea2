"""The machine: its kernel, its file system in memory, and one run of it."""

import os
import re
import shutil
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.wireguard import guest

REPOSITORY = Path(__file__).resolve().parent.parent.parent
_IP = Path(shutil.which("ip") or "/usr/sbin/ip")
_META_PACKAGE = "linux-image-cloud-amd64"
# What the links need, each after what it needs itself.
_MODULES = (
    "libchacha",
    "libpoly1305",
    "chacha-x86_64",
    "poly1305-x86_64",
    "libchacha20poly1305",
    "libcurve25519-generic",
    "curve25519-x86_64",
    "libcurve25519",
    "udp_tunnel",
    "ip6_udp_tunnel",
    "wireguard",
    "veth",
)
_LONGEST_SECONDS = 150
# The files of all modules that a reading loads, and what they are compiled to: compiling is slow there.
_LOADED = (
    "import sys, tests.wireguard.guest as guest; guest.read(); modules = list(sys.modules.values()); "
    "files = [getattr(one, kind, None) for one in modules for kind in ('__file__', '__cached__')]; "
    "print(*filter(None, files), sep='\\n')"
)


def kernel() -> Path:
    """A directory with the kernel and its modules: Debian's package, unpacked in the user's cache and not installed."""
    package = _name_of_package()
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "calico-agent-tests" / package
    if not folder.exists():
        made = folder.with_suffix(f".{os.getpid()}")
        made.mkdir(parents=True)
        subprocess.run(["apt-get", "download", "-q", package], cwd=made, check=True, capture_output=True)
        (archive,) = made.glob("*.deb")
        subprocess.run(["dpkg-deb", "--extract", archive, made], check=True)
        archive.unlink()
        made.rename(folder)
    return folder


def run(directory: Path) -> bytes:
    """What the machine answers. Its console and its file system are files in `directory`; the caller removes them."""
    image, console, answer = directory / "initramfs", directory / "console", directory / "answer"
    built = kernel()
    image.write_bytes(_archive_of(_files(built)))
    (vmlinuz,) = built.glob("boot/vmlinuz-*")
    environment = (f"PATH={_IP.parent}", f"PYTHONPATH={REPOSITORY}")
    words = ("console=ttyS0", "panic=-1", "quiet", f"rdinit={sys.executable}", *environment)
    subprocess.run(
        (
            *("qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-m", "512", "-no-reboot", "-nic", "none"),
            *("-display", "none", "-serial", f"file:{console}", "-serial", f"file:{answer}"),
            *("-kernel", vmlinuz, "-initrd", image, "-append", f"{' '.join(words)} -- -m {guest.__name__}"),
        ),
        check=True,
        timeout=_LONGEST_SECONDS,
    )
    said = answer.read_bytes()
    assert said, f"the machine has said nothing:\n{console.read_text(errors='replace')[-3000:]}"
    return b64decode(said)


def _archive_of(files: Mapping[str, Path]) -> bytes:
    """A cpio archive of the kind that a kernel unpacks (Documentation/driver-api/early-userspace/buffer-format.rst).

    All files can be run. /dev/console is in it: what process 1 prints goes there.
    """
    folders = {str(parent) for path in files for parent in Path(path).parents if parent != Path("/")}
    entries = [_entry(path, 0o040755) for path in sorted({*folders, "/dev"})]
    entries.append(_entry("/dev/console", 0o020600, device=(5, 1)))
    # A compiled module is of a source of that time.
    entries += [_entry(path, 0o100755, file.read_bytes(), int(file.stat().st_mtime)) for path, file in files.items()]
    return b"".join((*entries, _entry("/TRAILER!!!", 0)))


def _entry(path: str, mode: int, content: bytes = b"", time: int = 0, device: tuple[int, int] = (0, 0)) -> bytes:
    name = path.removeprefix("/").encode() + b"\0"
    numbers = (0, mode, 0, 0, 1, time, len(content), 0, 0, *device, len(name), 0)
    head = b"070701" + b"".join(b"%08X" % number for number in numbers) + name
    return _padded(head) + _padded(content)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _name_of_package() -> str:
    """The newest kernel that apt knows of, by the name that has its version in it."""
    for _ in range(2):
        said = subprocess.run(["apt-cache", "depends", _META_PACKAGE], capture_output=True, text=True, check=False)
        if found := re.search(r"Depends: (linux-image-\S+)", said.stdout):
            return found[1]
        subprocess.run(["apt-get", "update", "-q"], check=True, capture_output=True)
    raise LookupError(f"apt knows no {_META_PACKAGE}; it is Debian's, for x86-64")


def _files(built: Path) -> Mapping[str, Path]:
    """By path: Python with all that a reading loads, `ip`, and the modules, numbered in the order of their loading."""
    loaded = subprocess.run(
        [sys.executable, "-c", _LOADED], cwd=REPOSITORY, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    programs = [sys.executable, str(_IP)]
    here = [*programs, f"{sys.prefix}/pyvenv.cfg", *loaded]
    here += _libraries((*programs, *(path for path in loaded if path.endswith(".so"))))
    files = {path: Path(path) for path in here if Path(path).exists()}
    for number, name in enumerate(_MODULES):
        (module,) = built.glob(f"lib/modules/*/kernel/**/{name}.ko")
        files[f"{guest.MODULES}/{number:02}-{name}.ko"] = module
    return files


def _libraries(programs: Iterable[str]) -> list[str]:
    said = subprocess.run(["ldd", *programs], check=True, capture_output=True, text=True).stdout
    return sorted(set(re.findall(r"^\t(?:\S+ => )?(/\S+) \(0x", said, re.MULTILINE)))
