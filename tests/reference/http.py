"""The page of what the agent answers over HTTP, made from the pages that the application has."""

from typing import cast

from calico_agent.api.access import Access
from calico_agent.api.app import App
from calico_agent.api.latest import AgentHealth
from calico_agent.api.questions import Questions
from calico_agent.config import Config
from tests.reference import markdown

_SAID = {
    "/": """The page for people with a browser: verdict, problems with their cures, nodes, routes, sessions, the last
        day. `node`, `pool` and `state` choose routes, `address` is traced. It needs no script and asks nobody else.""",
    "/livez": """200 if each part of the agent gave a sign of life in time, else 503. It never depends on etcd, Docker
        or peers. The watchdog of systemd goes by the same.""",
    "/readyz": """200 if this host does its part, else 503: the first pass is done, calico/node runs as the right node,
        and it is not cut off from all peers. One dead neighbour does not make a host unready.""",
    "/status": """The whole [report](status.md). Always 200.""",
    "/peers": """The BGP sessions, with how often each went down since the agent started. 503 before the first pass.""",
    "/problems": """The problems alone, confirmed and suspected, as the report has them. 503 before the first pass.""",
    "/metrics": """The [metrics](metrics.md), for Prometheus; as OpenMetrics 1.0 for who accepts that. Always 200.""",
    "/configuration": """The configuration in force and the one on disk, without secrets. On the socket only.""",
    "/history": """What happened since a moment (`since`, seconds of the epoch): `entries`, as [kept](log.md). On the
        socket only.""",
    "/routes": """Every expected route beside what the kernel has. 503 while that is not known.""",
    "/trace": """Where a packet to an address goes, and where it should. 503 while that is not known.""",
}


def page() -> str:
    """The page."""
    http = Config().http
    rows = [
        (markdown.code(path), ", ".join(map(markdown.code, parameters)), " ".join(_SAID[path].split()))
        for path, parameters in _pages().items()
    ]
    return markdown.page(
        "HTTP",
        "the pages of the application",
        f"The agent answers on `http://{http.listen}` (`[http] listen`) and on the unix socket `{http.socket}` "
        "(`[http] socket`, mode 0660). GET and HEAD only, and nothing can be changed.",
        "On loopback without TLS the port answers to its own names only, `localhost` and loopback addresses, and to "
        "others with 421. Any other address has TLS, and knows who asks, for each page ([who reaches "
        "it](../network-and-security.md)): without a token that is wanted the answer is 401. What would identify "
        "another machine is told on the socket only.",
        markdown.table(("path", "parameters", "what it answers"), rows),
        "`format` is `json` (the usual one) or `text`. A parameter, a node or a pool that does not exist is refused "
        "with 400 or 404, and never answered with nothing. Why is said in JSON (`error`). What is longer than 1 KiB "
        "is sent as gzip to whoever accepts that.",
    )


def _pages() -> dict[str, tuple[str, ...]]:
    """The parameters of each path, of both kinds of sockets."""
    latest, questions = AgentHealth(loop_limit=60), cast("Questions", object())
    apps = (App(latest, questions, Access()), App(latest, questions))
    return {path: one.parameters for app in apps for path, one in app._pages.items()}
