"""What must be so before calico/node may be started under a name and an address.

The rules themselves are findings that bar a start (`checks.container.guards`); here they are obeyed. What cannot be
known bars a first start only: what runs goes on running, and what was made for this identity before may be started
again.
"""

from dataclasses import replace

from calico_agent.model.assessment import Assessment
from calico_agent.model.calico.node import Datastore
from calico_agent.model.container.supervision import DesiredContainer, Plan
from calico_agent.model.finding import ConditionType, Status
from calico_agent.model.identity import Identity
from calico_agent.model.name_lease import LeaseStatus, NameState
from calico_agent.model.observation import Unreadable
from calico_agent.model.settings import DatastoreSettings, NodeSettings
from calico_agent.plan.desired_container import can_be_given, wanted_container


def decide_wanted(
    node: NodeSettings,
    settings: DatastoreSettings | None,
    identity: Identity,
    datastore: Datastore | Unreadable,
    *,
    name: NameState | None = None,
    without_datastore: bool = False,
) -> DesiredContainer:
    """Return the container this host should run, and why a first start has to wait.

    `datastore` is the current reading. `name` is how the node name stands to this machine, None where claims cannot be
    used. `without_datastore`: the administrator answers for it that nobody else has name and address.
    """
    if settings is None:
        return DesiredContainer(None, "no datastore is configured")
    if not can_be_given(settings):
        return DesiredContainer(None, "calico/node is given a kubeconfig, and [datastore] names none")
    if not identity.complete:
        choices = (identity.name, identity.ipv4, identity.ipv6)
        return DesiredContainer(
            None, next((choice.refusal for choice in choices if choice.refusal), "who this host is, is not known")
        )
    spec = wanted_container(node, settings, identity)
    return DesiredContainer(
        spec, unproved=_unknown(datastore, name, settings.called, without_datastore=without_datastore)
    )


def apply_start_gates(wanted: DesiredContainer, assessment: Assessment) -> DesiredContainer:
    """Return the same, refused if a finding bars a start: the gravest says why."""
    findings = (one for problem in assessment.problems for one in (problem.cause, *problem.consequences))
    bar = next((one for one in findings if one.bars_start), None)
    return wanted if bar is None else replace(wanted, refused=f"{bar.what}; {bar.cure}")


def forewarned(plan: Plan, assessment: Assessment) -> Plan:
    """Return the same, which says so before something is done on a host that does not fulfil what Calico needs."""
    prepared = next((one for one in assessment.conditions if one.type is ConditionType.HOST_PREPARED), None)
    if plan.action is None or prepared is None or prepared.status is not Status.FALSE:
        return plan
    return replace(plan, doing=f"{plan.doing}, although this host is not prepared: {prepared.message}")


def _unknown(datastore: Datastore | Unreadable, name: NameState | None, called: str, *, without_datastore: bool) -> str:
    if isinstance(datastore, Unreadable):
        if without_datastore:
            return ""
        return (
            f"{called} cannot be asked whether another node has this name or address: {datastore.reason} "
            "(identity.start_without_datastore = true starts all the same)"
        )
    if name is None or name.denied or name.standing is LeaseStatus.KEPT:
        return ""
    if name.standing is LeaseStatus.UNSURE:
        return "the node name was kept alive by another boot a moment ago: of this machine, or of a clone of it"
    return f"the node name is being claimed in {called}{f': {name.trouble}' if name.trouble else ''}"
