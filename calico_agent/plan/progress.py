"""How far calico/node has come since its start, and what of that says something about calico/node itself."""

import re
from datetime import timedelta

from calico_agent.faults.bgp.peering import BGP_PORT
from calico_agent.faults.routes.links import RT_LINK_DOWN, RT_NEIGHBOUR
from calico_agent.faults.routes.underlay import RT_NEXTHOP_DEAD
from calico_agent.model.assessment import Assessment
from calico_agent.model.calico.bird import Bird, Session
from calico_agent.model.container.container import Container
from calico_agent.model.container.supervision import Progress
from calico_agent.model.observation import Observation

# What shows that BIRD does not do its work. Anything else that keeps the agent from asking it is no fault of BIRD's: a
# permission, a limit of the agent's own process, a version that answers otherwise.
_SILENT_BIRD = frozenset({"absent", "refused", "timeout"})

_NOBODY_BEHIND = frozenset({"absent", "refused"})

# One that ends at once is started again each second by its supervisor.
_LASTS = timedelta(seconds=20)

# A link of this host, the way to all peers, the port: nothing that another image would do better.
_BENEATH = frozenset({RT_LINK_DOWN, RT_NEXTHOP_DEAD, RT_NEIGHBOUR, BGP_PORT})

# In BIRD's words: the peer does not run, or is not there (sysdep/unix/io.c of BIRD 1.6 prints strerror).
_NOBODY_THERE = re.compile(r"Connection refused|No route to host|Host is (unreachable|down)|Network is unreachable")


def progress_of(observation: Observation, assessment: Assessment, container: Container | None) -> Progress:
    """Return the progress of `container`, the one that counts here."""
    sessions = [peer.session for peer in assessment.sessions]
    return Progress(
        stage=assessment.stage,
        established=sum(session.established for session in sessions),
        seen=_is_seen(observation, container),
        alone=(bool(sessions) and all(map(_nobody_there, sessions))) or _is_cut_off(assessment),
    )


def _is_seen(observation: Observation, container: Container | None) -> bool:
    bird = observation.bird
    if isinstance(bird, Bird):
        return True
    if bird.code not in _NOBODY_BEHIND:
        return bird.code in _SILENT_BIRD
    # No socket, or one that nobody listens at, proves nothing where BIRD runs all the same: it listens elsewhere. Nor
    # does no socket where nobody can see whether BIRD runs.
    programs = container.programs if container is not None else None
    if programs is None:
        return bird.code in _SILENT_BIRD - {"absent"}
    since = [one.started_at for one in programs if one.name == "bird" and one.pid and one.started_at is not None]
    return not any(observation.at - begun > _LASTS for begun in since)


def _is_cut_off(assessment: Assessment) -> bool:
    """Whether no session can be up for a reason that lies beneath calico/node."""
    established = any(peer.session.established for peer in assessment.sessions)
    return not established and any(problem.cause.fault in _BENEATH for problem in assessment.problems)


def _nobody_there(session: Session) -> bool:
    return not session.established and _NOBODY_THERE.search(session.last_error) is not None
