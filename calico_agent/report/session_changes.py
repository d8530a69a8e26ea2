"""BGP sessions from one report to the next: those that came up, went down, or did both unseen."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from calico_agent.model.assessment import PeerSession
from calico_agent.model.report import Event, Report

_Sessions = Mapping[str, PeerSession]

# BIRD tells whole seconds, and its clock is compared with ours.
_SAME_MOMENT = timedelta(seconds=3)


def session_changes(before: Report | None, now: Report) -> Iterator[Event]:
    """Yield one event for each session that changed. What is not known, before or now, is no change."""
    if before is None:
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
