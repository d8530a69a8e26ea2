"""What could not be read, and what was read but not understood."""

from collections.abc import Iterator, Mapping

from calico_agent.checks.commands import restart_on
from calico_agent.checks.records import deleted, key_of_bad, shown
from calico_agent.expected.view import View
from calico_agent.faults.agent import (
    CFG_REFUSED,
    DOCKER_DOWN,
    DOCKER_UNREADABLE,
    HOST_UNREADABLE,
    KERNEL_UNREADABLE,
    SV_STATE,
)
from calico_agent.faults.datastore import DS_BAD_KEY, DS_FILE, DS_SHRUNK, DS_SNAPSHOT, DS_UNREADABLE
from calico_agent.model.calico.bad_key import BadKey, ResourceKind
from calico_agent.model.configuration import Configuration
from calico_agent.model.finding import ConditionType, Finding, Severity
from calico_agent.model.observation import Unreadable


def find_sources(view: View) -> Iterator[Finding]:
    """Yield a finding for each source that is unreadable, except BIRD, and for each bad key of the datastore."""
    seen = view.observation
    for fault, source, effect in (
        (HOST_UNREADABLE, seen.host, "the node name is not sure"),
        (KERNEL_UNREADABLE, seen.kernel, "addresses and routes are not checked"),
    ):
        if isinstance(source, Unreadable):
            yield fault.finding(source.source, f"{source.source} cannot be read: {source.reason}", effect=effect)
    if isinstance(seen.docker, Unreadable) and (view.supervised or not seen.without_docker):
        yield _docker(view, seen.docker)
    yield from _configuration(seen.configuration)
    for trouble in seen.agent_troubles:
        yield trouble.fault.finding(
            trouble.subject, trouble.what, why=trouble.why, effect=trouble.effect, cure=trouble.cure
        )
    yield from _datastore(view)
    yield from (_not_kept(view, trouble) for trouble in seen.state_trouble)
    if view.cluster is not None:
        yield from (_bad_key(view, bad) for bad in view.cluster.datastore.bad_keys)


def _docker(view: View, docker: Unreadable) -> Finding:
    """A host without Docker's socket may be one without Docker, unless its calico/node is to run there."""
    what = f"{docker.source} cannot be read: {docker.reason}"
    if docker.code == "refused" or (docker.code == "absent" and view.supervised):
        effect = "nothing can be started, and without live-restore no container runs on this host"
        cure = "systemctl start docker; if it does not stay, journalctl -u docker says why"
        lost = any(isinstance(bird, Unreadable) for _, bird in view.daemons())
        severity = Severity.ERROR if lost else Severity.WARNING
        return DOCKER_DOWN.finding(docker.source, what, effect=effect, cure=cure, severity=severity)
    effect = "whether calico/node runs is not known, and nothing is started"
    return DOCKER_UNREADABLE.finding(docker.source, what, effect=effect)


def _configuration(now: Configuration) -> Iterator[Finding]:
    """What is on disk and not in use: it counts from the next start on, and by then nobody thinks of it."""
    if now.taken_at is None or not (now.refused or now.waiting):
        return
    goes_on = f"the agent goes on with the configuration that it read at {now.taken_at:%Y-%m-%d %H:%M} UTC"
    reload = "systemctl reload calico-agent"
    if now.waiting:
        what = "the last reload was refused, and what is on disk by now is good and not taken over"
        yield CFG_REFUSED.finding("configuration", what, effect=goes_on, cure=reload)
        return
    what = "the reload was refused" if now.reload_failed else "the configuration on disk cannot be used"
    more = f" (and {len(now.refused) - 1} more)" if len(now.refused) > 1 else ""
    yield CFG_REFUSED.finding(
        "configuration",
        f"{what}: {now.refused[0]}{more}",
        effect=f"{goes_on}; it does not start with the one on disk, after a reboot for example",
        cure=f"calico-agent config check; correct what it names, then {reload}",
    )


def _bad_key(view: View, bad: BadKey) -> Finding:
    """A value that is left out. calico/node cannot read it either: a node with such a record counts as none."""
    node = bad.name if bad.kind is ResourceKind.NODE else ""
    what = f"the value of {bad.key} cannot be understood: {bad.reason}"
    key = key_of_bad(view, bad.key)
    if not node:
        cure = f"{shown(view, key)} shows it; {deleted(view, key)} removes it"
        return DS_BAD_KEY.finding(bad.key, what, effect="it is left out of every check", cure=cure)
    return DS_BAD_KEY.finding(
        bad.key,
        what,
        effect=f"for calico/node as for this agent there is no node {node}: it gets no sessions and no routes",
        cure=f"{shown(view, key)}; delete or correct it, then {restart_on(view, node)}",
        node=node,
        severity=Severity.ERROR,
        condition=ConditionType.ROUTES_IN_PLACE,
    )


_KEPT = {
    "identity.json": "the address and name of this node are chosen anew when the agent is started again",
    "attempts.json": "an agent that is started again forgets how often calico/node did not last, and tries at once",
    "pause.json": "whether somebody paused calico-agent is not known; once it is started again, it is not paused",
}


def _not_kept(view: View, trouble: Unreadable) -> Finding:
    return SV_STATE.finding(
        trouble.source,
        f"what calico-agent remembers cannot be kept: {trouble.reason}",
        effect=_KEPT.get(trouble.source, ""),
        cure="calico-agent resume, or calico-agent pause anew"
        if trouble.source == "pause.json"
        else "see that [agent] state_dir can be written and has room (df -h shows it)",
        node=view.me,
    )


# By what kept us out of etcd. The other reasons (names, files, certificates, permissions) are what is to be put right.
_CURES = {
    "refused": "start etcd there, or correct [datastore] endpoints",
    "timeout": "see on that machine whether etcd hangs, its disk is slow or a firewall drops its port: "
    "etcdctl endpoint health",
    "unreachable": "see that the machine is up, and that a route leads to it from this host",
}


_API_CURES = {
    "refused": "see that kube-apiserver runs there, and where kube-proxy makes its address, that kube-proxy does here",
    "timeout": "see on the control plane whether kube-apiserver hangs or a firewall drops its port",
    "unreachable": "see that the control plane is up, and that a route leads to it from this host",
    "denied": "kubectl apply -f cluster-role.yaml (config/kubernetes), or give the agent a credential that may",
    "unauthorized": "give the agent a credential of now: a token that was revoked or is over stays unknown",
}


def _cures(view: View) -> Mapping[str, str]:
    settings = view.observation.datastore_settings
    return _API_CURES if settings is not None and settings.kubernetes is not None else _CURES


def _datastore(view: View) -> Iterator[Finding]:
    """Why there is no current reading of the datastore, and what is gone by instead."""
    trouble, kept = view.observation.current_datastore, view.observation.snapshot_trouble
    if isinstance(trouble, Unreadable):
        effect = "which routes this host needs is not known; existing ones stay"
        if view.age:
            effect = f"everything is held against the records of {view.age}; nothing new is started"
        if trouble.code == "shrunk":
            yield DS_SHRUNK.finding(
                trouble.source,
                trouble.reason,
                effect=effect,
                cure="compare `calicoctl get nodes` and `calicoctl ipam show --show-blocks` with what there should be; "
                "restore the datastore if it lost its data",
            )
        else:
            what = f"{trouble.source} cannot be read: {trouble.reason}"
            yield DS_UNREADABLE.finding(trouble.source, what, effect=effect, cure=_cures(view).get(trouble.code, ""))
    elif (files := view.observation.files_trouble) is not None:
        effect = "the open connection goes on; once it ends, no other can be made"
        yield DS_FILE.finding(files.source, f"for the next connection to {files.source}: {files.reason}", effect=effect)
    if kept is not None:
        called = view.observation.datastore_called
        effect = f"an agent that starts while {called} is down does not know which routes this host needs"
        yield DS_SNAPSHOT.finding(kept.source, kept.reason, effect=effect)
