"""Small libraries of ours that come before libc in a program of the machine (LD_PRELOAD) and stand between both."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.namespaces import REPOSITORY

_COMPILER = "tcc"


def compiled(source: Path) -> Path:
    """The library, kept under build/; without headers and without libc of its own, as the program has one.

    Raises:
        LabError: there is no compiler.
    """
    library = REPOSITORY / "build" / f"{source.stem}-{hashlib.sha256(source.read_bytes()).hexdigest()[:16]}.so"
    if not library.exists():
        if shutil.which(_COMPILER) is None:
            raise LabError(f"not installed: {_COMPILER}; run `make uml-kernel` (packages: tests/uml/packages.txt)")
        library.parent.mkdir(exist_ok=True)
        unfinished = library.with_suffix(f".{os.getpid()}")
        command = (_COMPILER, "-shared", "-nostdlib", "-Wall", "-Werror", "-o", str(unfinished), str(source))
        subprocess.run(command, check=True)
        unfinished.rename(library)
    return library
