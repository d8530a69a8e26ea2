"""What is left of a plan while somebody has paused the agent: nothing is done, and what would be done is said.

The name stays claimed: calico/node runs on under it, and another machine must not take it meanwhile. Only a name that
this machine does not have yet is not claimed.
"""

from dataclasses import replace

from calico_agent.model.container.supervision import Attempts, Plan
from calico_agent.model.maintenance import Pause
from calico_agent.model.name_lease import LeaseStatus


def held_back(plan: Plan, before: Attempts, pause: Pause) -> Plan:
    """The plan without what it does. `before` is the memory that it began with: a start that is not made counts not."""
    name = plan.name if plan.name is None or plan.name.standing is not LeaseStatus.FREE else None
    held = replace(plan, action=None, doing=f"paused by {pause.by}", next_attempt=None, name=name, pull=None)
    if plan.action is None:
        return replace(held, doing=f"{held.doing}; {plan.doing}") if plan.doing else held
    attempts = replace(before, stopped_at=plan.attempts.stopped_at)
    return replace(held, doing=f"{held.doing}; without that: {plan.doing}", attempts=attempts)
