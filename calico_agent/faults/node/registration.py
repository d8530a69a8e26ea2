"""The record of a node in the datastore."""

from calico_agent.faults.datastore import DS_BAD_KEY
from calico_agent.faults.node.addresses import IP_BRIDGE, IP_CHANGED, IP_CONFLICT, IP_NOT_LOCAL
from calico_agent.faults.node.container import NO_CONTAINER, SV_STUCK
from calico_agent.faults.node.names import NAME_NO_NODE, WRONG_NAME
from calico_agent.faults.scopes import same_node
from calico_agent.model.finding import ConditionType, Fault
from calico_agent.model.joining import Grouping

NODE_NO_RECORD = Fault(
    code="NODE-NO-RECORD",
    title="a node has no record in the datastore",
    condition=ConditionType.IDENTITY_CONFIRMED,
    explained_by=(same_node(DS_BAD_KEY, *WRONG_NAME, NAME_NO_NODE, *NO_CONTAINER, SV_STUCK),),
    grouping=Grouping.BY_SUBJECT_UNTIL_MANY,
    explanation="""\
The other nodes know a node only by its record. Without it they have no BGP session for it and no
route to its pods; its own sessions are closed by the peers. `calicoctl delete node` on a living
node does this, and frees its addresses, which may then be given out a second time.

Found by looking up the name calico/node runs under; for other nodes, when IPAM blocks belong to a
name without record.

For this host: restart calico/node, which registers it again; its pods need new addresses. For a
node that is gone: release its blocks (`calicoctl ipam release`, or `calicoctl ipam check`).""",
)

NODE_NO_ADDRESS = Fault(
    code="NODE-NO-ADDRESS",
    title="a node is registered without any address",
    condition=ConditionType.IDENTITY_CONFIRMED,
    explained_by=(same_node(*WRONG_NAME, *NO_CONTAINER, SV_STUCK),),
    explanation="""\
BGP sessions and tunnels lead to registered addresses. A node without any gets none. calico/node
with IP=autodetect erases the address itself when it found one that another node has, and exits.

Found in the node record: spec.bgp has neither ipv4Address nor ipv6Address.

Start calico/node of that host with IP=ADDRESS/LENGTH.""",
)

# This host takes no part in the cluster, or not with the address that it has.
NOT_IN_SERVICE = (
    *NO_CONTAINER,
    IP_CHANGED,
    IP_BRIDGE,
    IP_NOT_LOCAL,
    IP_CONFLICT,
    NODE_NO_RECORD,
    NODE_NO_ADDRESS,
)
