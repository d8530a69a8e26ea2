"""What Kubernetes says of a node."""

from calico_agent.model.finding import ConditionType, Fault, Severity
from calico_agent.model.joining import Grouping

NODE_NOT_READY = Fault(
    code="NODE-NOT-READY",
    title="Kubernetes says that a node is not ready",
    condition=ConditionType.BGP_ESTABLISHED,
    grouping=Grouping.BY_SUBJECT_UNTIL_MANY,
    explanation="""\
The kubelet of the node is not heard any more (its machine is off, cut off, or the kubelet does not
run), or says itself that it cannot run pods, with the reason. Its pods are moved away after five
minutes, and what this host sees of it follows from that.

Found in the condition Ready of the Node object, which is read of this host, and of other nodes only
while a session or a neighbour of theirs is amiss here. Of this host it is a warning.

`kubectl describe node NAME`; on that host: `systemctl status kubelet`.""",
)

IP_INTERNAL = Fault(
    code="IP-INTERNAL",
    title="Kubernetes has another address of this host than Calico",
    severity=Severity.INFO,
    condition=ConditionType.IDENTITY_CONFIRMED,
    explanation="""\
The InternalIP that the kubelet reported is not the address with which Calico registered this host.
Both may be right, on hosts with several networks. The address of a tunnel or a bridge, which a
kubelet without --node-ip may take, and one that no link has any more, are not: that is a warning.

Found by comparing the Node object's status.addresses with the address that Calico registered.

To have both agree: IP_AUTODETECTION_METHOD=kubernetes-internal-ip, or --node-ip of the kubelet.""",
)
