"""Whether a credential may do what the part of Calico that has it needs, verb by verb (`model.calico.permissions`)."""

from collections.abc import Iterable, Mapping

from calico_agent.checks.preflight.release import coming_release
from calico_agent.expected.view import View
from calico_agent.faults.preflight.cluster import HOST_RBAC
from calico_agent.model.calico.permissions import Need, needs
from calico_agent.model.host.kubernetes_api import ApiAccess, Holder, KubernetesApi, Permission
from calico_agent.model.preflight import Check, Verdict

_ACCOUNT, _NODE_ACCOUNT = "system:serviceaccount:", "system:node:"
_MOST_SHOWN, _MOST_COMMANDS = 6, 2


def check_rbac(view: View, api: KubernetesApi, access: ApiAccess) -> Check:
    """Return one line. Of a release that is not known no more is asked than of all."""
    holder = access.credential.holder
    calico = coming_release(view) or (2, 0)
    wanted = [
        need
        for need in needs(holder, kubernetes_datastore=api.kubernetes_datastore)
        if need.since <= calico and not (need.pools if api.local_ranges else need.ranges)
    ]
    who = f"{holder.value} ({access.credential.account or access.credential.file})"
    if not wanted:
        return Check(HOST_RBAC, Verdict.NOT_APPLICABLE, f"{who} needs no permission", subject=holder.value)
    denied = [need for need in wanted if access.answers.get(need.permission) is False]
    if denied:
        return _denied(who, access, denied)
    untold = [need.permission for need in wanted if need.permission not in access.answers]
    if untold:
        what = f"whether {who} may {_listed(untold)}: the API did not say it"
        return Check(HOST_RBAC, Verdict.UNKNOWN, what, wanted[0].without, subject=holder.value)
    told = _listed([need.permission for need in wanted])
    return Check(HOST_RBAC, Verdict.OK, f"{who} may {told}, as it needs", subject=holder.value)


def _denied(who: str, access: ApiAccess, denied: list[Need]) -> Check:
    holder, account = access.credential.holder, access.credential.account
    permissions = [need.permission for need in denied]
    essential = [need for need in denied if not need.optional]
    why = f"without that {(essential or denied)[0].without}"
    what = f"{who} may not {_listed(permissions)}"
    if account.startswith(_NODE_ACCOUNT):
        what = f"whether {who} may {_listed(permissions)}: for a kubelet's credential that is decided for each pod"
        return Check(HOST_RBAC, Verdict.UNKNOWN, what, why, subject=holder.value)
    verdict = Verdict.FAILURE if essential else Verdict.WARNING
    return Check(HOST_RBAC, verdict, what, why, _cure(holder, account, permissions), holder.value)


def _cure(holder: Holder, account: str, permissions: Iterable[Permission]) -> str:
    """The commands that grant it; of many permissions the file that grants them all."""
    groups = _by_verbs(permissions)
    if len(groups) > _MOST_COMMANDS:
        return (
            "apply the ClusterRoles and ClusterRoleBindings of this release again: kubectl apply -f calico.yaml; what "
            f"it is bound to: kubectl get clusterrolebindings -o wide | grep {account.rpartition(':')[2] or 'calico'}"
        )
    if account.startswith(_ACCOUNT):
        subject = f"--serviceaccount={account.removeprefix(_ACCOUNT)}"
    else:
        subject = f"--user={account or 'USER'}"
    part = account.rpartition(":")[2].replace("/", "-") or ("calico-cni" if holder is Holder.CNI else "calico-node")
    return " && ".join(_commands(part, subject, verbs, resources) for verbs, resources in groups.items())


def _commands(part: str, subject: str, verbs: tuple[str, ...], resources: list[str]) -> str:
    """A role for these permissions alone, and its binding: they heal whatever is missing of Calico's own."""
    name = "-".join((part, "may", *verbs, *(one.partition(".")[0].replace("/", "-") for one in resources)))[:200]
    return (
        f"kubectl create clusterrole {name} --verb={','.join(verbs)} --resource={','.join(resources)} && "
        f"kubectl create clusterrolebinding {name} --clusterrole={name} {subject}"
    )


def _by_verbs(permissions: Iterable[Permission]) -> Mapping[tuple[str, ...], list[str]]:
    """The resources for which the same verbs are missing."""
    verbs: dict[str, list[str]] = {}
    for permission in permissions:
        verbs.setdefault(permission.full_resource, []).append(permission.verb)
    groups: dict[tuple[str, ...], list[str]] = {}
    for resource, missing in verbs.items():
        groups.setdefault(tuple(missing), []).append(resource)
    return groups


def _listed(permissions: list[Permission]) -> str:
    shown = ", ".join(map(str, permissions[:_MOST_SHOWN]))
    more = len(permissions) - _MOST_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
