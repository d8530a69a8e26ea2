"""The Docker image, on a base that has the Python that is wanted, or apt-get to get it."""

import argparse
import shutil
import subprocess
import tempfile
from pathlib import Path

from packages.environment import lay_environment
from packages.wheelhouse import ROOT, build_wheelhouse


def build(name: str, base: str, python: str, cache: Path) -> None:
    """Make it under `name`. Raises SystemExit with what Docker said."""
    with tempfile.TemporaryDirectory() as folder:
        wheelhouse = build_wheelhouse(Path(folder) / "wheelhouse", python, cache)
        context = Path(folder) / "context"
        lay_environment(context, wheelhouse, python, Path(f"/usr/bin/python{python}"))
        shutil.copyfile(ROOT / "packages" / "Dockerfile", context / "Dockerfile")
        chosen = ("--build-arg", f"BASE={base}", "--build-arg", f"PYTHON=python{python}")
        command = ("docker", "build", "--tag", name, *chosen, str(context))
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}:\n{done.stdout[-4000:]}")


def main() -> None:
    """Make the image and print its name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--base", required=True)
    parser.add_argument("--python", required=True, help="of the base, as 3.13")
    parser.add_argument("--cache", type=Path, required=True)
    options = parser.parse_args()
    build(options.name, options.base, options.python, options.cache)
    print(options.name)


if __name__ == "__main__":
    main()
