"""What the datastore says of blocks and pools, where no route can come of it."""

from calico_agent.faults.node.registration import NODE_NO_RECORD
from calico_agent.faults.scopes import same_node, same_prefix
from calico_agent.model.finding import ConditionType, Fault, Severity

RT_DUPLICATE_AFFINITY = Fault(
    code="RT-DUPLICATE-AFFINITY",
    title="two nodes claim one block",
    condition=ConditionType.ROUTES_IN_PLACE,
    explanation="""\
Both advertise it and both keep a blackhole on it: other hosts spread packets over both (ECMP),
and each of the two drops what belongs to the other.

Found in the affinity keys of the datastore, compared with the block's own owner.

`calicoctl ipam check --show-problem-ips`; delete the affinity of the node that does not own the
block.""",
)

RT_POD_CIDRS = Fault(
    code="RT-POD-CIDRS",
    title="the pod CIDRs of two nodes overlap",
    condition=ConditionType.ROUTES_IN_PLACE,
    explanation="""\
With host-local IPAM each node gives addresses of its pod CIDR without asking anybody. Two that
overlap give the same address twice, and packets for it go to one of both.

Found by comparing spec.podCIDRs of all Node objects.

A pod CIDR is never changed: delete one of the Node objects, restart its kubelet, which is given
another one, and start its pods anew.""",
)

RT_BLOCK_GONE = Fault(
    code="RT-BLOCK-GONE",
    title="pods have addresses of a block that has no record",
    severity=Severity.WARNING,
    condition=ConditionType.ROUTES_IN_PLACE,
    explained_by=(same_node(NODE_NO_RECORD),),
    explanation="""\
The record of a block says which of its addresses are in use. It is gone, while the claim (affinity)
of a node on it is confirmed, or pods of this host have addresses of it: IPAM will give addresses
away that running pods have. BIRD goes by the claim, and tells of each pod alone without one, so
that routes may be there; Felix takes those of VXLAN away.

Found by comparing the claims, and the routes into pods of this host, with the blocks in the
datastore. IPAM writes the block first and deletes it first, so that this never passes by itself.

Write the block again from a backup of etcd, or delete the claim and start the pods of that node
anew.""",
)

RT_UNCLAIMED = Fault(
    code="RT-UNCLAIMED",
    title="a block is in use, and its node does not advertise it",
    condition=ConditionType.ROUTES_IN_PLACE,
    explained_by=(same_prefix(RT_DUPLICATE_AFFINITY),),
    explanation="""\
BIRD on a node advertises the blocks that the node has a confirmed claim on. Here the block names
the node, but the claim (an affinity key) is pending, about to be deleted, or gone: what a crash in
the middle of IPAM's work leaves behind. Of such a block BIRD advertises each address in use alone,
as long as there is a pool around it: the pods are reached, at the price of a route for each.
Outside all pools, no other node has a route to them.

Found in the datastore, by comparing each block that holds addresses in use with the claim of its
owner. Felix goes by the block alone, so that VXLAN is not affected.

The next pod that starts on the node has IPAM repair it. Otherwise write the claim by hand, as the
finding says.""",
)

RT_NOT_EXPORTED = Fault(
    code="RT-NOT-EXPORTED",
    title="pods are in use that BGP is told not to advertise",
    severity=Severity.WARNING,
    condition=ConditionType.ROUTES_IN_PLACE,
    explanation="""\
Nothing in a pool with disableBGPExport is advertised. Without VXLAN that means that pods there
cannot be reached from other nodes.

Found in the pools of the datastore, where blocks of them are in use.

If the pods are to be reached: export the pool.""",
)

RT_POOL_GONE = Fault(
    code="RT-POOL-GONE",
    title="addresses are in use that lie in no pool any more",
    condition=ConditionType.ROUTES_IN_PLACE,
    explanation="""\
Deleting a pool takes the owner from each of its blocks and deletes the nodes' claims on them, while
the addresses in use stay so. BIRD advertises blocks by their claims, and single addresses in a pool
only: nothing leads to these pods from other nodes.

Found in the blocks of the datastore that lie in no pool and whose addresses are in use. It is an
error where pods of this host have such addresses; else they may as well have leaked.

Create the pool again: blocks do not get their owner back, each address is advertised alone. Pods
that are started anew get addresses of blocks with an owner.""",
)

# Nobody can tell to which node the route of such a block should lead.
WRONG_BLOCK = (RT_DUPLICATE_AFFINITY, RT_UNCLAIMED, RT_BLOCK_GONE)
