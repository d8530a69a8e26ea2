"""What is known of this host: conditions, who it is and why, its container, its sessions, the agent itself."""

from collections.abc import Iterator
from datetime import timedelta

from markupsafe import Markup

from calico_agent.model.container.program import Stage
from calico_agent.model.identity import AddressChoice, Identity
from calico_agent.model.report import RecentHistory, Report
from calico_agent.report.facts import facts
from calico_agent.report.html.last_day import entries_of, event_line
from calico_agent.report.html.markup import EMPTY, facts_list, fitting, joined, note, row, section, table
from calico_agent.report.html.symbols import BY_STATUS, Tone, icon
from calico_agent.report.pages.identity_text import identity_json
from calico_agent.report.pages.peers_text import PEER_HEADS, down_first, peer_cells
from calico_agent.text import clean, counted, span

_MOST_SESSIONS, _MOST_UP, _MOST_CANDIDATES, _MOST_EVENTS = 40, 10, 24, 12
_SESSION_BYTES, _IDENTITY_BYTES = 16_000, 10_000
_OF_IDENTITY = frozenset({"address", "name"})
_OF_CONTAINER = frozenset({"container", "image"})
_CONTAINER_EVENTS = frozenset(
    {
        "container", "acting", "action_failed", "pull_started", "pull_done", "pull_failed", "paused", "resumed",
        "started", "stopped",
    }
)  # fmt: skip


def conditions(report: Report) -> Markup:
    """Return the six conditions with what is said of each."""
    form = Markup('<li>%s<b>%s</b> %s <span class="note">for %s</span><br><span class="said">%s</span></li>')
    items = (
        form
        % (
            icon(BY_STATUS[timed.condition.status]),
            timed.condition.type.value,
            timed.condition.status.value,
            span(report.at - timed.since),
            clean(timed.condition.message or timed.condition.reason),
        )
        for timed in report.conditions
    )
    return section("conditions", "Conditions", Markup('<ul class="conditions">%s</ul>') % (joined(items),), wide=True)


def identity(report: Report) -> Markup:
    """Return who this host is, and what speaks for it and against it."""
    chosen = [(label, clean(text)) for label, text in facts(report, report.at) if label in _OF_IDENTITY and text]
    tables = joined(_evidence(report.identity))
    folded = Markup('<details data-key="evidence"><summary>Evidence: addresses, rules, names</summary>%s</details>')
    return section("identity", "Identity", facts_list(chosen), folded % (tables,) if tables else EMPTY)


def _evidence(identity: Identity) -> Iterator[Markup]:
    choices = (identity.ipv4, identity.ipv6)
    document = identity_json(identity)
    candidates = fitting((_candidate_rows(choices)), _MOST_CANDIDATES, _IDENTITY_BYTES)
    if candidates:
        yield table("candidates", "Addresses of this host", ("address", "link", "verdict", "evidence"), candidates)
    for choice in choices:
        found = document[f"ipv{choice.family.value}"]
        opinions = [*found["opinions"], *found["calico"]] if isinstance(found, dict) else []
        rows = (row(clean(each["rule"]), each["stand"], clean(each["detail"])) for each in opinions)
        if opinions and choice.wanted:
            caption = f"Rules for the IPv{choice.family.value} address"
            yield table(f"rules{choice.family.value}", caption, ("rule", "stand", "detail"), rows)
    name = document["name"]
    sources = name["sources"] if isinstance(name, dict) else []
    rows = (
        row(clean(each["source"]), each["stand"], clean(each["name"] or "-"), clean(each["where"])) for each in sources
    )
    if sources:
        yield table("names", "Places that name this host", ("source", "stand", "name", "where"), rows)


def _candidate_rows(choices: tuple[AddressChoice, ...]) -> Iterator[Markup]:
    for choice in choices:
        for one in choice.candidates:
            chosen = choice.chosen is not None and (one.interface.ip, one.link) == (choice.chosen.ip, choice.link)
            verdict = "chosen" if chosen else "possible" if one.accepted else "rejected"
            tone = Tone.GOOD if chosen else Tone.NONE
            why = f"by rule: {choice.rule}{one.doubt}" if chosen else f"{one.evidence} {one.yields}"
            yield row(Markup("%s%s") % (icon(tone), str(one.interface)), clean(one.link, 40), verdict, clean(why))


def container(report: Report, history: RecentHistory) -> Markup:
    """Return the calico/node container, how far it has come, and what happened to it in the last day."""
    chosen = [(label, clean(text)) for label, text in facts(report, report.at) if label in _OF_CONTAINER and text]
    reached = report.stage.stage if report.stage else None
    order = [*Stage]
    steps = joined(
        Markup("<li%s>%s%s</li>")
        % (
            Markup(' aria-current="step"') if stage is reached else EMPTY,
            icon(Tone.GOOD if reached and order.index(stage) <= order.index(reached) else Tone.NONE),
            stage.value,
        )
        for stage in order
    )
    stages = Markup('<ol class="stages" aria-label="How far its start has come">%s</ol>') % (steps,)
    events = entries_of(history, _CONTAINER_EVENTS, report.at - timedelta(days=1))[:_MOST_EVENTS]
    lines = joined(event_line(at, entry) for at, entry in events)
    happened = Markup('<h3>Its last day</h3><ol class="log">%s</ol>') % (lines,) if events else EMPTY
    return section("container", "Container", facts_list(chosen), stages if reached else EMPTY, happened)


def sessions(report: Report) -> Markup:
    """Return the BGP sessions, those that are down first."""
    parts = [note(f"Of IPv{family} nothing is known: BIRD cannot be read") for family in sorted(report.unread)]
    up = sum(peer.session.established for peer in report.sessions)
    caption = f"{counted(len(report.sessions), 'session')}, {up} established"
    ordered = down_first(report.sessions)[: min(_MOST_SESSIONS, len(report.sessions) - up + _MOST_UP)]
    rows = (
        row(
            Markup("%s%s") % (icon(Tone.GOOD if peer.session.established else Tone.BAD), cells[0]),
            *cells[1:],
        )
        for peer in ordered
        if (cells := peer_cells(peer, report.at))
    )
    shown = fitting(rows, _MOST_SESSIONS, _SESSION_BYTES)
    if shown:
        parts.append(table("peers", caption, (head.lower() for head in PEER_HEADS), shown))
    elif not parts:
        parts.append(note("There are none."))
    if len(report.sessions) > len(shown):
        parts.append(note(f"and {len(report.sessions) - len(shown)} more: calico-agent peers, or /peers"))
    return section("sessions", "BGP sessions", *parts, wide=True)


def agent(report: Report) -> Markup:
    """Return the facts that have no section of their own."""
    elsewhere = _OF_IDENTITY | _OF_CONTAINER | {"routes"}
    shown = [(label, clean(text)) for label, text in facts(report, report.at) if label not in elsewhere and text]
    return section("agent", "Datastore and agent", facts_list(shown))
