"""A wheelhouse as one file, for hosts without a network: the wheels, and in host/ all that lies beside them."""

import argparse
import gzip
import os
import tarfile
import tempfile
from pathlib import Path

from calico_agent import __version__
from packages.layout import Layout
from packages.wheelhouse import build_wheel, build_wheelhouse, machine


def archive(directory: Path, output: Path) -> Path:
    """Pack a folder; the same files and SOURCE_DATE_EPOCH make the same bytes."""
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))

    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = "root"
        entry.mtime = epoch
        entry.mode = 0o755 if entry.isdir() else 0o644
        return entry

    output.parent.mkdir(parents=True, exist_ok=True)
    with (
        output.open("wb") as raw,
        gzip.GzipFile("", "wb", 1, raw, epoch) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        tar.add(directory, directory.name, filter=plain)  # in the order of the names
    return output


def main() -> None:
    """Make the archive, or calico-agent's wheel alone, and print its path."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path, help="the folder of the archive")
    parser.add_argument("--python", required=True, help="of the hosts, as 3.13")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--wheel", action="store_true", help="only calico-agent's own wheel")
    options = parser.parse_args()
    if options.wheel:
        print(build_wheel(options.output))
        return
    name = f"calico-agent-{__version__}-py{options.python.replace('.', '')}-{machine()}"
    with tempfile.TemporaryDirectory() as folder:
        wheelhouse = build_wheelhouse(Path(folder) / name, options.python, options.cache)
        Layout(wheelhouse / "host", Path("/usr/local")).lay_beside()
        print(archive(wheelhouse, options.output / f"{name}.tar.gz"))


if __name__ == "__main__":
    main()
