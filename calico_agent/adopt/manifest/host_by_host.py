"""From the DaemonSet to calico-agent, host by host: what to do, what to look at, and how each step is taken back.

The order is such that calico/node is away from one host at a time, and from that for seconds: the pods' routes stay in
its kernel, and its peers keep theirs for two minutes (BIRD's graceful restart), not longer.
"""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from calico_agent.adopt.manifest.objects import mapping, member, string
from calico_agent.adopt.manifest.split import Split
from calico_agent.adopt.manifest.strategy import ON_DELETE

_CONFIGURATION = "/etc/calico-agent/calico-agent.toml"
# Where a command is typed: where kubectl reaches the cluster, or on the host as root.
_HERE, _THERE = "$ ", "HOST# "


@dataclass(frozen=True, slots=True)
class Step:
    """One step. HOST and POD in commands stand for a host and its pod; the prompt says where each is typed."""

    title: str
    why: str = ""
    commands: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    undo: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Places:
    """The files as the reader has them: the manifest of before, the new one, and the configuration."""

    old: str
    new: str
    configuration: str


def rollout(split: Split, places: Places) -> tuple[Step, ...]:
    """All steps, in their order."""
    plan = _Plan(split, places)
    return (plan.apply(), plan.prepare(), plan.move(), *plan.mark_available(), plan.afterwards())


def host_commands(split: Split) -> tuple[str, ...]:
    """What has to be run for each host before its agent starts; no secret is in them."""
    return (*(file.command for file in split.description.files), *split.translation.commands)


class _Plan:
    def __init__(self, split: Split, places: Places) -> None:
        self._split = split
        self._old, self._new, self._configuration = (
            shlex.quote(place) for place in (places.old, places.new, places.configuration)
        )
        owner = split.workload.daemon_set
        self._name = shlex.quote(owner.name)
        self._kubectl = f"{_HERE}kubectl -n {shlex.quote(owner.namespace)}"
        self._pods = f"{self._kubectl} get pods -l {_label(split)} -o wide"

    def apply(self) -> Step:
        """The one step for all hosts."""
        names = "-o jsonpath='{.spec.template.spec.containers[*].name}'"
        why = "`apply` takes nothing from what was made by `kubectl create`"
        gone = '{"spec":{"template":{"spec":{"containers":[{"name":"calico-node","$patch":"delete"}]}}}}'
        return Step(
            title="Once: give Kubernetes the new manifest. It changes no pod, as its update strategy is OnDelete.",
            why="From now on a pod that is made anew, and so that of a new host, has no calico-node. Whatever else "
            "applies this manifest (an addon manager, kubespray, a GitOps controller) must have the new one before.",
            commands=(*self._strategy_first(), f"{_HERE}kubectl apply -f {self._new}"),
            checks=(
                f"{self._kubectl} get daemonset {self._name} {names}   # says: {self._staying()}",
                f"{self._kubectl} patch daemonset {self._name} -p '{gone}'   # only if it says calico-node, too: {why}",
                f"{self._pods}   # no pod is younger than before",
            ),
            undo=(f"{_HERE}kubectl apply -f {self._old}   # only while no host has been moved",),
        )

    def _strategy_first(self) -> Iterator[str]:
        """A manifest that has no update strategy leaves that of the cluster, whoever set it there."""
        if self._split.strategy == ON_DELETE:
            path, patch = "{.spec.updateStrategy.type}", '{"spec":{"updateStrategy":{"type":"OnDelete"}}}'
            yield f"{self._kubectl} get daemonset {self._name} -o jsonpath='{path}'   # OnDelete, or nothing before 1.6"
            yield f"{self._kubectl} patch daemonset {self._name} -p '{patch}'   # only if it said RollingUpdate"

    def prepare(self) -> Step:
        """What changes nothing on a host."""
        return Step(
            title="On each host, one after the other: prepare it. Nothing changes there yet.",
            why="The agent finds the calico-node of the pod, reports it and leaves it alone. supervise.take_over stays "
            "false: kubelet would start its own again. What kubectl reads comes to a HOST without kubectl by "
            "`| ssh root@HOST` before `install`.",
            commands=(
                *(f"{_THERE}{command}" for command in host_commands(self._split)),
                f"{_THERE}install -D -m 0640 {self._configuration} {_CONFIGURATION}",
                f"{_THERE}calico-agent config check",
                f"{_THERE}calico-agent preflight",
                f"{_THERE}calico-agent detect   # says the name and address with which this node is registered",
                f"{_THERE}systemctl enable --now calico-agent",
            ),
            checks=(f"{_THERE}calico-agent status   # names the container of the pod as the one that runs",),
            undo=(f"{_THERE}systemctl disable --now calico-agent",),
        )

    def move(self) -> Step:
        """The step that matters."""
        return Step(
            title="On the same host: delete its pod. The agent starts calico/node as soon as that of the pod is gone.",
            why="This is the only moment without calico/node: seconds. Peers keep the routes to this host for two "
            "minutes. Do not go on to the next host before all checks are good.",
            commands=(f"{self._pods}   # which POD is on HOST", f"{self._kubectl} delete pod POD"),
            checks=(
                f"{_THERE}calico-agent status && calico-agent routes   # exit code 0 is all good; on another host, too",
                f"{self._pods}   # a new pod on HOST runs, with {self._staying()}",
                "a new pod of yours on HOST gets an address, and reaches one on another host",
            ),
            undo=(
                f"{_THERE}systemctl disable --now calico-agent && docker rm -f calico-node",
                self._back(),
                f"{self._kubectl} delete pod POD   # the one on HOST; its successor has calico-node again",
                self._on(),
            ),
        )

    def _back(self) -> str:
        """How the DaemonSet gets calico-node back without a change to any other pod."""
        if self._split.strategy == ON_DELETE:
            return f"{_HERE}kubectl apply -f {self._old}"
        return f"{self._kubectl} rollout undo daemonset/{self._name}   # the old manifest would move all hosts"

    def _on(self) -> str:
        """How it loses it again. After `rollout undo`, `apply` would not take it: it takes what it has put there."""
        if self._split.strategy == ON_DELETE:
            return f"{_HERE}kubectl apply -f {self._new}   # to go on with the other hosts"
        return f"{self._kubectl} rollout undo daemonset/{self._name}   # once more, to go on with the other hosts"

    def mark_available(self) -> Iterator[Step]:
        """Since v3.18 a calico/node that is stopped in a pod marks its node, and one outside of a pod cannot take that
        back (node/pkg/lifecycle/shutdown/shutdown.go of projectcalico/calico@v3.32.1).
        """
        if not self._split.workload.marks_node:
            return
        path = '{.status.conditions[?(@.type=="NetworkUnavailable")].status}'
        condition = (
            '{"status":{"conditions":[{"type":"NetworkUnavailable","status":"False","reason":"CalicoIsUp",'
            '"message":"calico-agent runs calico/node on this node"}]}}'
        )
        yield Step(
            title="On the same host: see that Kubernetes still gives it pods.",
            why="As it stops, calico-node in a pod may mark its node NetworkUnavailable. calico/node outside of a pod "
            "cannot take that back, and no new pod would be scheduled there.",
            commands=(
                f"{_HERE}kubectl get node HOST -o jsonpath='{path}'",
                f"{_HERE}kubectl patch node HOST --subresource=status --type=strategic -p '{condition}'   # if True",
            ),
            checks=(f"{_HERE}kubectl describe node HOST   # no taint node.kubernetes.io/network-unavailable",),
        )

    def afterwards(self) -> Step:
        """What remains."""
        why = (
            f"Keep {self._old} as long as you may want to go back: host by host, as above, and at the end "
            f"`kubectl apply -f {self._old}`."
        )
        commands: tuple[str, ...] = ()
        if self._split.strategy != ON_DELETE:
            patch = f'{{"spec":{{"updateStrategy":{{"type":"{self._split.strategy}"}}}}}}'
            commands = (f"{self._kubectl} patch daemonset {self._name} -p '{patch}'   # and in {self._new}",)
            why += " The DaemonSet may have its update strategy of before again: no pod is of before any more."
        return Step(
            title="When all hosts have been moved",
            why=why,
            commands=commands,
            checks=(f"{self._pods}   # every pod is younger than the new manifest",),
        )

    def _staying(self) -> str:
        left = self._split.left
        names = [string(member(each, "name")) for each in self._split.workload.others]
        return " ".join([*([left.name] if left else []), *names])


def _label(split: Split) -> str:
    """What selects the pods: the selector, or, where it is left out (before apps/v1), the labels of the template."""
    spec = member(split.workload.daemon_set.node, "spec")
    labels = mapping(member(spec, "selector", "matchLabels")) or mapping(member(spec, "template", "metadata", "labels"))
    return shlex.quote(",".join(f"{key}={string(value)}" for key, value in labels.items()) or "k8s-app=calico-node")
