"""A bundle of `calico-agent diags` as a recording of one host."""

import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_RECORDED = "ip-addr.json"
_CONFIGURATION = Path("config", "effective.toml")


@contextmanager
def unpacked(capture: Path) -> Iterator[Path]:
    """The directory of a recording; that of a bundle is there for as long as the block lasts."""
    if not capture.is_file():
        yield capture
        return
    with tempfile.TemporaryDirectory() as folder, tarfile.open(capture) as bundle:
        bundle.extractall(folder, filter="data")
        yield next(path for path in Path(folder).iterdir() if path.is_dir())


def host_of(capture: Path) -> str:
    """The host of a bundle; empty where there is not exactly one."""
    found = [path.parent.name for path in capture.glob(f"*/{_RECORDED}")]
    return found[0] if len(found) == 1 else ""


def configuration_of(capture: Path) -> Path | None:
    """The configuration of the agent there, None for a recording that has none."""
    path = capture / _CONFIGURATION
    return path if path.exists() else None
