"""The calls to etcd that a claim consists of: a lease, and one transaction."""

from typing import Any

from calico_agent.model.name_lease import ALIVE, OWNERS, ClaimName, NameOwner
from calico_agent.sources.datastore.calico.name_lease import encode_alive, encode_owner
from calico_agent.sources.datastore.etcd3.link import EtcdConnection, etcdrpc


class EtcdClaims(EtcdConnection):
    """A connection to one member of etcd, to claim node names. Every call has a deadline and raises DatastoreError."""

    def claim(self, wanted: ClaimName, seconds: int) -> int | None:
        """Write both keys on a new lease, if the owner's record still is as it was seen. The lease, None if not."""
        grant = etcdrpc.LeaseStub(self.channel).LeaseGrant
        lease: int = self.call(grant, etcdrpc.LeaseGrantRequest(TTL=seconds)).ID
        if self._write(wanted, lease):
            return lease
        self.call(etcdrpc.LeaseStub(self.channel).LeaseRevoke, etcdrpc.LeaseRevokeRequest(ID=lease))
        return None

    def renew(self, lease: int) -> bool:
        """Whether the lease still was there to be renewed."""
        stream = etcdrpc.LeaseStub(self.channel).LeaseKeepAlive

        def first_answer(request: object, **options: object) -> Any:  # noqa: ANN401 - etcd's generated messages
            return next(stream(iter([request]), **options), None)

        answer = self.call(first_answer, etcdrpc.LeaseKeepAliveRequest(ID=lease))
        return answer is not None and bool(answer.TTL > 0)

    def release(self, owner: NameOwner) -> bool:
        """Remove both keys, if the owner's record still is as it was seen. Whether it was."""
        key, alive = f"{OWNERS}{owner.name}".encode(), f"{ALIVE}{owner.name}".encode()
        compare = etcdrpc.Compare
        unchanged = compare(result=compare.EQUAL, target=compare.VALUE, key=key, value=owner.text.encode())
        deletes = [
            etcdrpc.RequestOp(request_delete_range=etcdrpc.DeleteRangeRequest(key=each)) for each in (key, alive)
        ]
        request = etcdrpc.TxnRequest(compare=[unchanged], success=deletes, failure=[])
        return bool(self.call(etcdrpc.KVStub(self.channel).Txn, request).succeeded)

    def _write(self, claim: ClaimName, lease: int) -> bool:
        owner, alive = f"{OWNERS}{claim.name}".encode(), f"{ALIVE}{claim.name}".encode()
        compare = etcdrpc.Compare
        unchanged = (
            compare(result=compare.EQUAL, target=compare.VALUE, key=owner, value=claim.seen.encode())
            if claim.seen
            else compare(result=compare.EQUAL, target=compare.CREATE, key=owner, create_revision=0)
        )
        puts = (
            etcdrpc.PutRequest(key=owner, value=encode_owner(claim).encode()),
            etcdrpc.PutRequest(key=alive, value=encode_alive(claim).encode(), lease=lease),
        )
        request = etcdrpc.TxnRequest(
            compare=[unchanged], success=[etcdrpc.RequestOp(request_put=put) for put in puts], failure=[]
        )
        return bool(self.call(etcdrpc.KVStub(self.channel).Txn, request).succeeded)
