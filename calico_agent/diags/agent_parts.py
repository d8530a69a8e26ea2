"""What the running agent says, what it kept, and how it is configured."""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from calico_agent import paths
from calico_agent.config import Config
from calico_agent.config.show import render_config
from calico_agent.diags.bundle import BundlePart, as_document
from calico_agent.errors import CalicoAgentError
from calico_agent.small_file import read_small
from calico_agent.state.history import read_history

Ask = Callable[[str], str]
"""Asks the running agent for a page. Raises CalicoAgentError."""

_PAGES = (
    ("agent/status.txt", "/status?format=text&width=120"),
    ("agent/status.json", "/status"),
    ("agent/livez.json", "/livez"),
    ("agent/readyz.json", "/readyz"),
    ("agent/routes.txt", "/routes?format=text"),
    ("agent/metrics.txt", "/metrics"),
    ("agent/configuration.json", "/configuration"),
)
_MOST_ENTRIES = 50_000
_MOST_CONFIG = 1 << 20
_STATE = ("identity.json", "attempts.json")


def agent_parts(config: Config, file: Path | None, ask: Ask) -> Iterator[BundlePart]:
    """Files first: an agent that hangs keeps nobody from these."""
    yield BundlePart("config/effective.toml", render_config(config))
    yield _file("config/calico-agent.toml", file or Path(paths.CONFIG_FILE))
    if config.agent.state_dir:
        yield _history(config.agent.state_dir)
        for name in _STATE:
            yield _file(f"state/{name}", Path(config.agent.state_dir, name))
    silent = ""
    for name, page in _PAGES:
        if silent:
            yield BundlePart(name, trouble=silent)
            continue
        try:
            yield as_document(BundlePart(name, ask(page)))
        except CalicoAgentError as error:
            silent = str(error)
            yield BundlePart(name, trouble=silent)


def _history(state_dir: str) -> BundlePart:
    try:
        return BundlePart("history.jsonl", lines=list(islice(read_history(state_dir), _MOST_ENTRIES)))
    except (OSError, ValueError) as error:
        return BundlePart("history.jsonl", trouble=str(error))


def _file(name: str, path: Path) -> BundlePart:
    try:
        return BundlePart(name, read_small(path, _MOST_CONFIG).decode(errors="backslashreplace"))
    except OSError as error:
        return BundlePart(name, trouble=f"{path}: {error.strerror}")
