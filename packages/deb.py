"""The Debian package of one release, made by debhelper from what `packages.layout` lays.

It can be made on any Debian, also for another release than that: wheels are chosen by the Python of the release, and
are compiled to byte code on the host. The same source and SOURCE_DATE_EPOCH make the same package.
"""

import argparse
import os
import shutil
import subprocess
import tempfile
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from calico_agent import __version__
from packages.layout import Layout
from packages.wheelhouse import ROOT, build_wheelhouse

PYTHONS = {"12": "3.11", "13": "3.13"}
"""The Python of each release of Debian."""

_CHANGELOG = """calico-agent ({version}) unstable; urgency=medium

  * See /usr/share/doc/calico-agent/CHANGELOG.md.

 -- {maintainer}  {date}
"""


def build(release: str, cache: Path, output: Path, revision: str) -> Path:
    """The package, in `output`. Raises SystemExit with what debhelper said."""
    python = PYTHONS[release]
    version = f"{__version__}-{revision}~deb{release}"
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "calico-agent"
        wheelhouse = build_wheelhouse(Path(folder) / "wheelhouse", python, cache)
        layout = Layout(source / "root", Path("/usr"), zsh="vendor-completions")
        layout.lay(wheelhouse, python, Path(f"/usr/bin/python{python}"))
        shutil.copytree(ROOT / "packages" / "debian", source / "debian")
        # Under this name every debhelper finds the unit, wherever its release has units.
        shutil.move(layout.unit, source / "debian" / "calico-agent.service")
        for file in (source / "debian").iterdir():
            file.write_text(file.read_text().replace("@PYTHON@", f"python{python}"))
        (source / "debian" / "rules").chmod(0o755)
        (source / "debian" / "changelog").write_text(_changelog(version, (source / "debian" / "control").read_text()))
        _debhelper(source)
        (made,) = Path(folder).glob("*.deb")
        output.mkdir(parents=True, exist_ok=True)
        return Path(shutil.move(made, output / made.name))


def _changelog(version: str, control: str) -> str:
    maintainer = next(line for line in control.splitlines() if line.startswith("Maintainer:")).partition(":")[2].strip()
    date = datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), UTC)
    return _CHANGELOG.format(version=version, maintainer=maintainer, date=format_datetime(date))


def _debhelper(source: Path) -> None:
    command = ("dpkg-buildpackage", "--build=binary", "--no-sign", "--no-check-builddeps")
    # None of the flags of the make that runs this.
    environment = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MFLAGS", "DESTDIR"}}
    done = subprocess.run(
        command, cwd=source, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}:\n{done.stdout[-4000:]}")


def main() -> None:
    """Make the package and print its path."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--debian", required=True, choices=sorted(PYTHONS), help="the release")
    parser.add_argument("--revision", default="1", help="of the package, where the same version is packed again")
    parser.add_argument("--cache", type=Path, required=True)
    options = parser.parse_args()
    print(build(options.debian, options.cache, options.output, options.revision))


if __name__ == "__main__":
    main()
