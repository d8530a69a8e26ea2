"""The calls to etcd that a claim consists of: a lease, and one transaction. Each raises EtcdError."""

import json
from typing import Any

from calico_agent.model.name_lease import ALIVE, OWNERS, ClaimName, Machine
from calico_agent.sources.datastore.etcd_client.link import EtcdConnection, etcdrpc


def grant_lease(link: EtcdConnection, seconds: int) -> int:
    """A new lease of that many seconds."""
    lease: int = link.call(etcdrpc.LeaseStub(link.channel).LeaseGrant, etcdrpc.LeaseGrantRequest(TTL=seconds)).ID
    return lease


def renew_lease(link: EtcdConnection, lease: int) -> bool:
    """Whether the lease still was there to be renewed."""
    stream = etcdrpc.LeaseStub(link.channel).LeaseKeepAlive

    def first_answer(request: object, **options: object) -> Any:  # noqa: ANN401 - etcd's generated messages
        return next(stream(iter([request]), **options), None)

    answer = link.call(first_answer, etcdrpc.LeaseKeepAliveRequest(ID=lease))
    return answer is not None and bool(answer.TTL > 0)


def revoke_lease(link: EtcdConnection, lease: int) -> None:
    """End a lease, with every key that is on it."""
    link.call(etcdrpc.LeaseStub(link.channel).LeaseRevoke, etcdrpc.LeaseRevokeRequest(ID=lease))


def write_claim(link: EtcdConnection, claim: ClaimName, lease: int) -> bool:
    """Write both keys, if the owner's record still is as it was seen. Whether it was."""
    owner, alive = f"{OWNERS}{claim.name}".encode(), f"{ALIVE}{claim.name}".encode()
    compare = etcdrpc.Compare
    unchanged = (
        compare(result=compare.EQUAL, target=compare.VALUE, key=owner, value=claim.seen.encode())
        if claim.seen
        else compare(result=compare.EQUAL, target=compare.CREATE, key=owner, create_revision=0)
    )
    puts = (
        etcdrpc.PutRequest(key=owner, value=encode_owner(claim).encode()),
        etcdrpc.PutRequest(key=alive, value=json.dumps(_fields(claim.machine)).encode(), lease=lease),
    )
    request = etcdrpc.TxnRequest(
        compare=[unchanged], success=[etcdrpc.RequestOp(request_put=put) for put in puts], failure=[]
    )
    return bool(link.call(etcdrpc.KVStub(link.channel).Txn, request).succeeded)


def encode_owner(claim: ClaimName) -> str:
    """The owner's record as it is written."""
    return json.dumps({**_fields(claim.machine), "since": claim.since.isoformat(timespec="seconds")})


def _fields(machine: Machine) -> dict[str, object]:
    return {
        "machine_id": machine.machine_id,
        "boot_id": machine.boot_id,
        "macs": list(machine.macs),
        "hostname": machine.hostname,
        "address": machine.address,
    }
