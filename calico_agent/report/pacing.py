"""How long the loop waits until it looks again."""

from calico_agent.model.report import Report
from calico_agent.report.timeline import next_confirmation

# While something is wrong or not yet known, the next look comes sooner: a session that comes up changes no route, and
# then nothing else would tell. A pass that takes long is not made more often than one twentieth of the time, and when
# nothing has changed for a while, the next look may take a fifth of that: an outage of an hour is no reason to hurry.
_UNSETTLED_INTERVAL = 2.0
_SHARE_OF_TIME = 20
_SHARE_OF_CALM = 5


def seconds_to_next_pass(report: Report | None, longest: float) -> float:
    """Return the seconds to the next pass: `longest`, or less where a suspicion or a wait ends before."""
    seconds = longest
    if report is not None:
        if not report.healthy or report.problems:
            seconds = min(seconds, max(_UNSETTLED_INTERVAL, _SHARE_OF_TIME * report.pass_seconds, _calm(report)))
        pause = report.maintenance.pause
        ends = (next_confirmation(report.problems), report.supervision.next_attempt, pause.until if pause else None)
        left = [(end - report.at).total_seconds() - report.pass_seconds for end in ends if end and end > report.at]
        seconds = min([seconds, *left])
    return max(seconds, 0.0)


def _calm(report: Report) -> float:
    """A part of the time (s) since something last changed, which is when a condition turned or a problem began."""
    turned = [timed.since for timed in report.conditions]
    begun = [timed.since for timed in report.problems]
    return (report.at - max((*turned, *begun), default=report.at)).total_seconds() / _SHARE_OF_CALM
