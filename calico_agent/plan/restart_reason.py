"""When a container that runs has to be started again, because what runs in it does not do its work.

Only a problem's root cause counts: BIRD that does not answer because the container is paused, or a start that waits for
an etcd which does not answer the agent either, would not be cured by a restart. Nor would the absence of a BIRD that is
not meant to run; and what cannot be seen is no reason to stop what may well work.
"""

from collections.abc import Iterable
from datetime import datetime

from calico_agent.faults.bgp.bird import BIRD_DOWN, BIRD_HUNG
from calico_agent.faults.datastore import DS_FILE
from calico_agent.faults.node.container import SV_STUCK
from calico_agent.faults.node.supervision import SV_CERTIFICATE, SV_CRASHLOOP
from calico_agent.model.container.container import Container
from calico_agent.model.finding import Finding
from calico_agent.model.network.address import Family
from calico_agent.model.report import TimedProblem
from calico_agent.model.settings import DriftPolicy, SuperviseSettings

_SILENT_BIRD = frozenset({BIRD_HUNG, BIRD_DOWN})


def restart_reason(
    container: Container,
    problems: Iterable[TimedProblem],
    settings: SuperviseSettings,
    now: datetime,
    etcd_since: datetime | None = None,
    *,
    seen: bool = True,
) -> str:
    """Return why `container`, which runs, should be restarted now, in words that follow "because"; empty: it should
    not.

    `etcd_since` is since when etcd answers the agent: a start that waited for it gets its whole time from then on.
    `seen`: whether it can be seen how far it has come (`plan.progress`).
    """
    if container.started_at is None or not seen:
        return ""
    replaces = settings.on_drift is DriftPolicy.REPLACE
    begun = max(container.started_at, etcd_since or container.started_at)
    problems = tuple(problems)
    usable = etcd_since is not None and all(timed.problem.cause.fault is not DS_FILE for timed in problems)
    for timed in problems:
        for finding in _causes(timed):
            # Its own age: the routes that it explains may be missing for longer, and for another reason.
            lasting = now - max(timed.since_of(finding), begun)
            # The agent itself has read etcd with the new ones since: one that is broken costs what runs nothing.
            if finding.fault is SV_CERTIFICATE and usable and replaces and lasting >= settings.start_deadline:
                return f"{finding.subject} was renewed, and it still has the one of before"
            late = now - begun >= settings.start_deadline
            if finding.fault is SV_STUCK and late and timed.confirmed:
                return f"its start did not get on within {settings.start_deadline.total_seconds():.0f} s"
            if finding.fault in _SILENT_BIRD and _is_kept(finding, container) and lasting >= settings.hung_deadline:
                return f"{finding.subject} did not answer for {lasting.total_seconds():.0f} s"
    return ""


def _is_kept(finding: Finding, container: Container) -> bool:
    """Whether this BIRD belongs to what runs in the container, as far as its processes can be seen."""
    name = "bird6" if finding.family is Family.IPV6 else "bird"
    if not container.runs_bird:
        return False
    return container.programs is None or any(program.name == name for program in container.programs)


def _causes(timed: TimedProblem) -> tuple[Finding, ...]:
    """The root cause; of a crash loop, which is our own count of restarts, also what it stands for."""
    problem = timed.problem
    return (problem.cause, *problem.consequences) if problem.cause.fault is SV_CRASHLOOP else (problem.cause,)
