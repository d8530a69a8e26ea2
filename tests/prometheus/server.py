"""A real Prometheus for a test, with rules whose times are short."""

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

from tests.etcd_server import free_port
from tests.patience import until

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SPAN = r"(\d+)([smhd])\b"


@dataclass(frozen=True, slots=True)
class Prometheus:
    """One that runs, and scrapes and judges each second."""

    port: int

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that an expression has now."""
        return list(self._asked(f"query?query={quote(expression)}")["result"])

    def firing(self) -> list[dict[str, Any]]:
        """The alerts that somebody would be told of now."""
        return [alert for alert in self._asked("alerts")["alerts"] if alert["state"] == "firing"]

    def woken(self) -> set[tuple[str, str, str]]:
        """Of what somebody would be told now: alert, host and code."""
        labels = [alert["labels"] for alert in self.firing()]
        return {(one["alertname"], one["instance"], one.get("code", "")) for one in labels}

    def _asked(self, path: str) -> dict[str, Any]:
        with urlopen(f"http://127.0.0.1:{self.port}/api/v1/{path}", timeout=30) as answer:
            data: dict[str, Any] = json.load(answer)["data"]
        return data

    def answers(self) -> bool:
        """Whether it has come up and scraped."""
        try:
            return bool(self.query("up == 1"))
        except OSError:
            return False


@contextmanager
def scraping(targets: Mapping[str, int], rules: str, folder: Path, *more: Mapping[str, object]) -> Iterator[Prometheus]:
    """One that scrapes these ports of loopback, each the agent of the host of that name, and goes by these rules.

    `more` are jobs as its configuration has them.
    """
    (folder / "rules.yml").write_text(rules)
    jobs = [{"targets": [f"127.0.0.1:{port}"], "labels": {"instance": host}} for host, port in targets.items()]
    (folder / "prometheus.yml").write_text(
        json.dumps(
            {
                "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
                "rule_files": ["rules.yml"],
                "scrape_configs": [{"job_name": "calico-agent", "static_configs": jobs}, *more],
            }
        )
    )
    prometheus = Prometheus(free_port())
    with (folder / "log").open("w") as log:
        started = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={folder}/prometheus.yml",
                f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address=127.0.0.1:{prometheus.port}",
            ],
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
    try:
        until("Prometheus scrapes", prometheus.answers, (folder / "log").read_text)
        yield prometheus
    finally:
        started.terminate()
        started.wait(60)


def hastened(rules: str, times: int) -> str:
    """The same rules for a world in which everything is that many times faster: each time in them is so much shorter.

    Times are those of `for` and `keep_firing_for`, of ranges, and what ages are compared with. Nothing else is touched.
    """

    def shorter(found: re.Match[str]) -> str:
        return f"{found[1]}{max(1, int(found[2]) * _SECONDS[found[3]] // times)}s"

    rules = re.sub(rf"(\bfor: |keep_firing_for: |\[){_SPAN}", shorter, rules)
    return re.sub(r"((?:> |time\(\) - ))(\d{3,})\b", lambda found: f"{found[1]}{int(found[2]) // times}", rules)
