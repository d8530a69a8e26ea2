"""The BGP sessions for people: the table that `calicoctl node status` has taught everybody, and all that is known."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from calico_agent.model.assessment import PeerSession
from calico_agent.model.calico.bird import Session
from calico_agent.model.report import Report
from calico_agent.report.pages.page import WIDTH, TextLine, folded
from calico_agent.text import clean, counted, display_width, padded, span

NARROW = 80
"""Then the kind of a session has no column, and a long name is cut."""

_MAX_SESSIONS = 20
PEER_HEADS = ("PEER", "NODE", "TYPE", "STATE", "UPTIME", "FLAPS", "IN", "OUT", "LAST ERROR")
_LIMITS = (40, 63, 18, 12, 12, 6, 8, 8, 200)
_CUT_NAME = 24
_ERROR_INDENT = 40


def peers_in_order(report: Report) -> bool:
    """Whether each session is known and established."""
    return not report.unread and all(peer.session.established for peer in report.sessions)


def render_peers(report: Report, now: datetime, *, width: int = WIDTH, colour: bool = False) -> str:
    """Return all sessions, those that are down first, and how many there are."""
    up = sum(peer.session.established for peer in report.sessions)
    since = "" if report.started_at == report.at else f", flaps of the last {span(now - report.started_at)}"
    lines = [TextLine(f"{counted(len(report.sessions), 'session')}, {up} established{since}")]
    lines += [
        TextLine(f"sessions of IPv{family} are not known: BIRD cannot be read") for family in sorted(report.unread)
    ]
    rows = [PEER_HEADS, *(peer_cells(peer, now) for peer in down_first(report.sessions))]
    table = list(_table(rows, _ERROR_INDENT, narrow=width <= NARROW)) if report.sessions else []
    return folded([*lines, *([TextLine("")] if table else []), *table], width, colour=colour)


def session_lines(peers: Sequence[PeerSession], *, narrow: bool, whole: bool) -> Iterator[TextLine]:
    """Return the sessions as a part of `status`: at most twenty, unless all are wanted."""
    ordered = down_first(peers)
    shown = ordered if whole else ordered[:_MAX_SESSIONS]
    yield from _table([("PEER", "NODE", "TYPE", "STATE", "SINCE", "INFO"), *map(_row, shown)], 60, narrow=narrow)
    if len(ordered) > len(shown):
        up = sum(peer.session.established for peer in peers)
        yield TextLine(f"  and {len(ordered) - len(shown)} more, {up} established (calico-agent peers)")


def down_first(peers: Sequence[PeerSession]) -> list[PeerSession]:
    """Return the sessions, those that are down before the others."""
    return sorted(peers, key=lambda peer: peer.session.established)


def _table(rows: list[tuple[str, ...]], indent: int, *, narrow: bool) -> Iterator[TextLine]:
    if narrow:
        rows = [(row[0], clean(row[1], _CUT_NAME), *row[3:]) for row in rows]
    widths = [max(display_width(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for row in rows:
        head = "  " + "".join(f"{padded(cell, width)}  " for cell, width in zip(row, widths, strict=False))
        yield TextLine(head + row[-1], " " * min(len(head), indent))


def peer_cells(peer: PeerSession, now: datetime) -> tuple[str, ...]:
    """Return what stands below `PEER_HEADS` for one session."""
    session = peer.session
    error = session.last_error or peer.last_error
    if error and peer.error_at is not None and not session.last_error:
        error = f"{error} ({span(now - peer.error_at)} ago)"
    counts = ("-" if count is None else str(count) for count in (session.imported, session.exported))
    cells = (*_who(peer), _state(session), _uptime(session, now), str(peer.flaps), *counts, error)
    return tuple(clean(cell, limit) for cell, limit in zip(cells, _LIMITS, strict=True))


def _uptime(session: Session, now: datetime) -> str:
    if not session.established:
        return "-"
    return span(now - session.since_at) if session.since_at is not None else f"since {session.since}"


def _row(peer: PeerSession) -> tuple[str, ...]:
    session = peer.session
    info = session.last_error
    if session.established and session.imported is not None:
        exported = "" if session.exported is None else f", {session.exported} exported"
        info = f"{session.imported} imported{exported}"
    cells = (*_who(peer), _state(session), session.since, info)
    return tuple(clean(cell, limit) for cell, limit in zip(cells, (40, 63, 18, 12, 12, 200), strict=True))


def _who(peer: PeerSession) -> tuple[str, str, str]:
    return str(peer.session.peer), peer.node or "-", peer.session.kind.value


def _state(session: Session) -> str:
    return session.bgp_state or session.protocol_state
