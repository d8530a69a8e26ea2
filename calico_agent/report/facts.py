"""What a report says of its host in a sentence each: for `status`, and for the page in a browser."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from calico_agent.model.container.program import Stage
from calico_agent.model.finding import Finding
from calico_agent.model.identity import AddressChoice
from calico_agent.model.recency import age_of
from calico_agent.model.report import Report
from calico_agent.report.preflight import preflight_facts
from calico_agent.text import ago, clean, counted, span


def facts(report: Report, now: datetime, doing: str = "") -> Iterator[tuple[str, str]]:
    """Yield labels with what stands beside them; an empty text is not to be shown. `doing`: what the agent does now."""
    name = report.identity.name
    yield "address", "; ".join(_address(choice) for choice in _choices(report))
    yield "name", f"{name.name} ({name.source}{_claimed(report)})" if name.name else f"none: {name.refusal}"
    yield "container", _container(report, now)
    yield "image", _image(report, now)
    yield "datastore", _datastore(report, now)
    yield "routes", _routes(report)
    yield from preflight_facts(report.checks)
    problems = [timed.problem for timed in report.problems]
    said = [one.what for problem in problems for one in (problem.cause, *problem.consequences)]
    for source in report.unreadable:
        if not any(source.reason in what for what in said):
            yield "unread", f"{source.source}: {source.reason}"
    now_doing = f"; now: {doing}" if doing else ""
    yield "agent", f"{report.version}, mode {report.mode.value}, {_activity(report, now)}{now_doing}"


def folded_consequences(consequences: tuple[Finding, ...]) -> Iterator[str]:
    """Yield one sentence for each code."""
    counts = Counter(finding.code for finding in consequences)
    for finding in consequences:
        others = counts.pop(finding.code, 0) - 1
        if others >= 0:
            yield f"{clean(finding.what)}{f' (and {others} more {finding.code})' if others else ''}"


def _claimed(report: Report) -> str:
    holder, owner = report.claim.holder, report.claim.owner
    if holder is None:
        return ""
    since = f" since {owner.since:%Y-%m-%d %H:%M} UTC" if owner and owner.since else ""
    return f"; claimed in {report.datastore_called} by {holder}{since}"


def _activity(report: Report, now: datetime) -> str:
    if report.started_at == report.at:
        return "looked once"
    return f"running for {span(now - report.started_at)}, last pass took {report.pass_seconds * 1000:.0f} ms"


def _choices(report: Report) -> tuple[AddressChoice, ...]:
    return tuple(choice for choice in (report.identity.ipv4, report.identity.ipv6) if choice.wanted)


def _address(choice: AddressChoice) -> str:
    if choice.chosen is None:
        return f"no IPv{choice.family.value} address: {choice.refusal}"
    differing = [
        opinion.rule for opinion in choice.opinions if opinion.answers and choice.chosen not in opinion.answers
    ]
    doubt = f", although {', '.join(differing)} would give another" if differing else ""
    return f"{choice.chosen} on {choice.link} (by {choice.rule}{doubt})"


def _container(report: Report, now: datetime) -> str:
    container = report.container
    if container is None:
        text = "no calico/node container was found" if report.container_known else "not known"
    else:
        text = f"{container.name} ({container.image or 'image not known'}) {container.state.value}"
        if container.running and container.started_at:
            text += f" for {span(now - container.started_at)}"
        elif container.finished_at:
            text += f" with code {container.exit_code} {ago(container.finished_at, now)}"
    supervision = report.supervision
    if report.stage is not None:
        text += f", {report.stage.stage.value}"
        if report.stage.stage is not Stage.READY:
            text += f" ({report.stage.evidence})"
    if supervision.starts:
        text += f", started {counted(supervision.starts, 'time')} by the agent"
    if supervision.doing and (container is None or supervision.doing != f"{container.name} is running"):
        text += f"; {supervision.doing}"
    if supervision.next_attempt:
        text += f" (next attempt in {span(supervision.next_attempt - now)})"
    return text


def _image(report: Report, now: datetime) -> str:
    """Told while it is fetched; why that failed is told by a problem."""
    pull = report.supervision.pull
    if pull is None or not pull.goes_on:
        return ""
    again = f", after {counted(pull.failures, 'failure')}" if pull.failures else ""
    return f"{pull.words}, for {span(now - pull.started_at)}{again}"


def _datastore(report: Report, now: datetime) -> str:
    origin = report.datastore_origin or "not known where"
    if report.datastore_read_at is None:
        return f"{origin}; never read"
    age = age_of(report.datastore_read_at, now)
    when = "at a time that is not known" if age is None else f"{span(age)} ago"
    read = f"{'' if report.datastore_current else 'last '}read {when}"
    nodes = "" if report.nodes is None else f", {counted(report.nodes, 'node')}"
    return f"{origin}; revision {report.datastore_revision}, {read}{nodes}"


def _routes(report: Report) -> str:
    routes = report.routes
    if routes is None:
        return "not known"
    parts = [f"{routes.expected} expected", f"{routes.present} present"]
    parts += [
        f"{number} {word}"
        for number, word in (
            (routes.missing, "missing"),
            (routes.wrong, "wrong"),
            (routes.stale, "stale"),
        )
        if number
    ]
    without = counted(routes.nodes_without_route, "node")
    return ", ".join(parts) + (f"; {without} without any route" if routes.nodes_without_route else "")
