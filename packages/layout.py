"""What lies where on a host, below DESTDIR: for `make install`, the Debian package and the image.

`--remove` takes away what was laid, and nothing else: neither the configuration nor what the agent keeps.
"""

import argparse
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from packages.environment import HOME, lay_environment
from packages.manual import write_completion, write_manual
from packages.wheelhouse import ROOT, build_wheelhouse

_SYSTEMD = ROOT / "systemd"


@dataclass(frozen=True, slots=True)
class Layout:
    """The places on a host; all but the environment and the settings of the unit are below `prefix`."""

    destdir: Path
    prefix: Path
    zsh: str = "site-functions"
    """The folder of zsh's completions: Debian has another one than zsh."""

    def place(self, path: str | Path) -> Path:
        """A place below DESTDIR; one that is not absolute is below the prefix."""
        return self.destdir / (self.prefix / path).relative_to("/")

    @property
    def command(self) -> Path:
        return self.place("bin/calico-agent")

    @property
    def unit(self) -> Path:
        return self.place("lib/systemd/system/calico-agent.service")

    @property
    def manual(self) -> Path:
        return self.place("share/man/man8/calico-agent.8")

    @property
    def completions(self) -> dict[str, Path]:
        return {
            "bash": self.place("share/bash-completion/completions/calico-agent"),
            "zsh": self.place(f"share/zsh/{self.zsh}/_calico-agent"),
        }

    @property
    def copied(self) -> dict[Path, Path]:
        """Where it goes -> the file of the checkout."""
        return {
            self.place("lib/sysusers.d/calico-agent.conf"): _SYSTEMD / "sysusers.d" / "calico-agent.conf",
            self.place("lib/tmpfiles.d/calico-agent.conf"): _SYSTEMD / "tmpfiles.d" / "calico-agent.conf",
        }

    @property
    def settings(self) -> Path:
        """Variables of the unit: the host's owner may have changed it."""
        return self.place("/etc/default/calico-agent")

    @property
    def documents(self) -> Path:
        return self.place("share/doc/calico-agent")

    def lay(self, wheelhouse: Path, python: str, interpreter: Path) -> None:
        """All of it. On this machine itself modules are compiled: the service may not write there."""
        home = lay_environment(self.destdir, wheelhouse, python, interpreter)
        if self.destdir == Path("/"):
            subprocess.run((interpreter, "-m", "compileall", "-q", home / "lib"), check=True)
        self.lay_beside()
        if not self.settings.exists():
            _copy(_SYSTEMD / "calico-agent.default", self.settings)

    def lay_beside(self) -> None:
        """All but the environment and the settings."""
        self.command.parent.mkdir(parents=True, exist_ok=True)
        self.command.unlink(missing_ok=True)
        self.command.symlink_to(HOME / "bin" / "calico-agent")
        for target, source in self.copied.items():
            _copy(source, target)
        self.unit.parent.mkdir(parents=True, exist_ok=True)
        text = (_SYSTEMD / self.unit.name).read_text()
        self.unit.write_text(text.replace("/usr/bin/calico-agent", str(self.prefix / "bin" / "calico-agent")))
        write_manual(self.manual)
        for shell, file in self.completions.items():
            write_completion(file, shell)
        self._lay_documents()

    def _lay_documents(self) -> None:
        shutil.rmtree(self.documents, ignore_errors=True)
        shutil.copytree(ROOT / "docs", self.documents)
        _copy(ROOT / "CHANGELOG.md", self.documents / "CHANGELOG.md")
        _copy(ROOT / "config" / "calico-agent.toml", self.documents / "examples" / "calico-agent.toml")

    def remove(self) -> None:
        """All that `lay` has laid, but for the settings."""
        for folder in (self.place(HOME), self.documents):
            shutil.rmtree(folder, ignore_errors=True)
        for file in (self.command, self.unit, self.manual, *self.completions.values(), *self.copied):
            file.unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o644)


def main() -> None:
    """For the Makefile."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--destdir", type=Path, default=Path("/"))
    parser.add_argument("--prefix", type=Path, default=Path("/usr/local"))
    parser.add_argument("--python", help="of the host, as 3.13")
    parser.add_argument("--interpreter", type=Path, help="where that is on the host")
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--remove", action="store_true")
    options = parser.parse_args()
    layout = Layout(options.destdir, options.prefix)
    if options.remove:
        layout.remove()
        return
    with tempfile.TemporaryDirectory() as folder:
        wheelhouse = build_wheelhouse(Path(folder) / "wheelhouse", options.python, options.cache)
        layout.lay(wheelhouse, options.python, options.interpreter)


if __name__ == "__main__":
    main()
