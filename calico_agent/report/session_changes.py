"""BGP sessions from one report to the next: those that came up, went down, or did both unseen, and how often."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from operator import is_

from calico_agent.model.assessment import PeerSession
from calico_agent.model.report import Event, Report

_Sessions = Mapping[str, PeerSession]

# BIRD tells whole seconds, and its clock is compared with ours.
_SAME_MOMENT = timedelta(seconds=3)


def session_changes(before: Report | None, now: Report) -> Iterator[Event]:
    """Yield one event for each session that changed. What is not known, before or now, is no change."""
    if before is None or _same(before, now):
        return
    old, new = _known(before, now), _known(now, before)
    for name, peer in new.items():
        was = old.get(name)
        if was is None:
            yield _event("session_added", peer)
        elif peer.session.established and not was.session.established:
            yield _event("session_up", peer)
        elif was.session.established and not peer.session.established:
            yield _event("session_down", peer)
        elif flapped(was, peer):
            yield _event("session_flapped", peer)
    for name in old.keys() - new.keys():
        yield _event("session_removed", old[name])


def _same(before: Report, now: Report) -> bool:
    """Whether nothing at all changed, as in most passes: BIRD's reader gives what it gave before then."""
    one, other = before.sessions, now.sessions
    return before.unread == now.unread and len(one) == len(other) and all(map(is_, one, other))


def remembered(before: _Sessions, sessions: Iterable[PeerSession], unread: Collection[int], at: datetime) -> _Sessions:
    """The sessions by name, with what was seen of them up to now (`at`).

    Those of the families `unread` stay as they were.
    """
    known = {peer.session.name: _with_past(before.get(peer.session.name), peer, at) for peer in sessions}
    kept = {name: peer for name, peer in before.items() if peer.session.peer.version in unread}
    return {**kept, **known}


def _with_past(was: PeerSession | None, peer: PeerSession, at: datetime) -> PeerSession:
    if was is not None and was.session is peer.session and was.node == peer.node:
        return was
    error = peer.session.last_error
    if was is None:
        return replace(peer, last_error=error, error_at=at if error else None) if error else peer
    went_down = was.session.established and not peer.session.established
    flaps = was.flaps + (went_down or flapped(was, peer))
    if not error or (error == was.session.last_error and not went_down):
        return replace(peer, flaps=flaps, last_error=was.last_error, error_at=was.error_at)
    return replace(peer, flaps=flaps, last_error=error, error_at=at)


def flapped(was: PeerSession, peer: PeerSession) -> bool:
    """True if a session that is up is another one than before: it was down in between."""
    up = was.session.established and peer.session.established
    return up and _later(was.session.since_at, peer.session.since_at)


def _later(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and other is not None and other - one > _SAME_MOMENT


def _known(report: Report, other: Report) -> _Sessions:
    """The sessions of the families that both reports know."""
    unread = report.unread | other.unread
    return {peer.session.name: peer for peer in report.sessions if peer.session.peer.version not in unread}


def _event(name: str, peer: PeerSession) -> Event:
    session = peer.session
    fields: dict[str, object] = {
        "peer": str(session.peer),
        "node": peer.node or None,
        "session": session.name,
        "state": session.bgp_state or session.protocol_state,
    }
    if session.last_error:
        fields["last_error"] = session.last_error
    return Event(name, fields=fields, about=("session", peer.node or str(session.peer), session.name))
