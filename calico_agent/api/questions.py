"""Answers that are made when somebody asks, `/routes` and `/trace`. They take a moment, and read only the kernel.

| page                                      | answers                                                   |
|-------------------------------------------|-----------------------------------------------------------|
| `/routes?node=...&pool=...&state=...`     | expected routes against those of the kernel               |
| `/trace?address=...`                      | where a packet to this address goes and where it should   |

Both take `format=text`, and answer 503 while they cannot know.
"""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Protocol

from calico_agent.api.response import TEXT, Response, healthy_mark, json_response, refusal
from calico_agent.model.network.address import IPAddress
from calico_agent.model.network.route_trace import KnownNames, NodeWay, RouteRow, Trace
from calico_agent.model.observation import Unreadable
from calico_agent.report.pages.routes_text import (
    STATES,
    all_right,
    render_routes,
    render_trace,
    routes_json,
    select,
    trace_json,
)
from calico_agent.text import clean, nearest


class Questions(Protocol):
    """Who knows the answers. Called by several threads at once."""

    def routes(self) -> tuple[RouteRow, ...] | Unreadable:
        """Expected against found."""

    def names(self) -> KnownNames:
        """The nodes and pools of the datastore; none while it is not known."""

    def ways(self) -> tuple[NodeWay, ...] | Unreadable:
        """Each way by which a node should be reached; a node has one for each kind of pool and family."""

    def trace(self, address: IPAddress) -> Trace | Unreadable:
        """The way of one packet."""


def find_routes(questions: Questions, parameters: Mapping[str, str]) -> tuple[RouteRow, ...] | Unreadable | Response:
    """The routes that are asked for, or a refusal.

    A node or a pool that does not exist is refused: that it lacks no route is no good news.
    """
    if parameters.get("state", "") not in {"", *STATES}:
        return refusal(400, f"state is one of {', '.join(STATES)}")
    rows = questions.routes()
    if isinstance(rows, Unreadable):
        return rows
    known = questions.names()
    for kind, names in (
        ("node", known.nodes | {row.node for row in rows}),
        ("pool", known.pools | {row.pool for row in rows}),
    ):
        asked = parameters.get(kind, "")
        if asked and asked not in names:
            near = nearest(asked, names)
            return refusal(404, f"there is no {kind} {clean(asked, 60)!a}{f' ({near})' if near else ''}")
    return select(rows, parameters)


def answer_routes(questions: Questions, parameters: Mapping[str, str]) -> Response:
    """The page /routes."""
    chosen = find_routes(questions, parameters)
    if isinstance(chosen, Response):
        return chosen
    if isinstance(chosen, Unreadable):
        return not_known(chosen, parameters)
    mark = healthy_mark(all_right(chosen))
    if parameters.get("format") == "text":
        return Response(200, TEXT, render_routes(chosen).encode(errors="replace"), (mark,))
    return json_response(200, routes_json(chosen), mark)


def find_trace(questions: Questions, parameters: Mapping[str, str]) -> Trace | Unreadable | Response:
    """The way of a packet to the address that is asked for, or a refusal."""
    try:
        address = ip_address(parameters.get("address", "").strip())
    except ValueError:
        return refusal(400, "address is an IPv4 or IPv6 address")
    return questions.trace(address)


def answer_trace(questions: Questions, parameters: Mapping[str, str]) -> Response:
    """The page /trace."""
    trace = find_trace(questions, parameters)
    if isinstance(trace, Response):
        return trace
    if isinstance(trace, Unreadable):
        return not_known(trace, parameters)
    mark = healthy_mark(trace.right is not False)
    if parameters.get("format") == "text":
        return Response(200, TEXT, render_trace(trace).encode(errors="replace"), (mark,))
    return json_response(200, trace_json(trace), mark)


def not_known(source: Unreadable, parameters: Mapping[str, str]) -> Response:
    """There is no answer now, and why."""
    sentence = f"not known: {source.source}: {source.reason}"
    if parameters.get("format") == "text":
        return Response(503, TEXT, f"{sentence}\n".encode(errors="replace"), (healthy_mark(False),))
    return json_response(503, {"error": sentence}, healthy_mark(False))
