"""The Python environment below /opt/calico-agent: a virtual environment that is laid without running its Python.

So it can be made for another Python than this one, and below another root than that of the host.
"""

import shutil
from pathlib import Path

from packages.wheelhouse import pip, target_flags

HOME = Path("/opt/calico-agent")

# -I and the environment's own modules: nothing that lies in the folder where the command is typed is imported.
_PROGRAM = f"""#!{HOME}/bin/python3 -I
import sys

from calico_agent.cli.main import main

sys.exit(main())
"""


def lay_environment(root: Path, wheelhouse: Path, python: str, interpreter: Path) -> Path:
    """The environment for a Python (3.13) that is `interpreter` on the host, below `root`; returns its folder."""
    home = root / HOME.relative_to("/")
    shutil.rmtree(home, ignore_errors=True)
    modules = home / "lib" / f"python{python}" / "site-packages"
    flags = ("--no-compile", "--no-index", "--no-deps", "--only-binary=:all:", "--require-hashes")
    where = ("--find-links", wheelhouse, "--requirement", wheelhouse / "requirements.txt")
    pip("install", "--quiet", *flags, *target_flags(python), *where, "--target", modules)
    shutil.rmtree(modules / "bin", ignore_errors=True)  # programs of others
    (home / "bin").mkdir()
    (home / "bin" / "python3").symlink_to(interpreter)
    settings = {"home": interpreter.parent, "include-system-site-packages": "false", "version": python}
    (home / "pyvenv.cfg").write_text("".join(f"{name} = {value}\n" for name, value in settings.items()))
    program = home / "bin" / "calico-agent"
    program.write_text(_PROGRAM)
    program.chmod(0o755)
    return home
