"""One HTTP answer."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from calico_agent.report.as_json import json_text

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Response:
    """Status, body and what is said about it."""

    status: int
    content_type: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def error(self) -> str:
        """What is wrong with what was asked; empty where it could be asked."""
        return str(json.loads(self.body)["error"]) if self.status in {400, 404} else ""

    def is_at(self, known: str) -> bool:
        """Whether it is what the client has (the header If-None-Match)."""
        tag = next((value for name, value in self.headers if name == "ETag"), None)
        return tag is not None and tag in (each.strip() for each in known.split(","))

    @property
    def healthy(self) -> bool:
        """Whether it is marked so."""
        return healthy_mark(True) in self.headers


def json_response(status: int, document: Mapping[str, object], *headers: tuple[str, str]) -> Response:
    """A document of plain JSON types."""
    return Response(status, JSON, json_text(document).encode(), headers)


def refusal(status: int, error: str) -> Response:
    """What was asked cannot be asked. `error` is one sentence."""
    return json_response(status, {"error": error}, healthy_mark(False))


def healthy_mark(healthy: bool) -> tuple[str, str]:
    """The header by which the command of the same name knows its exit code."""
    return ("Calico-Agent-Healthy", "yes" if healthy else "no")
