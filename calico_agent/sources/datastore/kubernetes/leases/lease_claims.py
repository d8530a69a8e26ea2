"""The calls to the Kubernetes API that a claim consists of: a Lease that is made or written anew, as it was read.

The API takes a Lease only in the state (`resourceVersion`) in which it was read, so of two that write it one succeeds.
"""

import json
from typing import NoReturn
from urllib.parse import quote

from calico_agent.model.name_lease import ClaimName, NameOwner
from calico_agent.sources.datastore.calico.name_lease import encode_owner
from calico_agent.sources.datastore.in_use import ClosedAfterUse
from calico_agent.sources.datastore.kubernetes.client import ApiClient
from calico_agent.sources.datastore.kubernetes.leases.lease import (
    LEASES,
    NAMESPACE,
    NameClaim,
    decode_lease,
    encode_lease,
    renewed_lease,
)
from calico_agent.sources.datastore.server.error import DatastoreError
from calico_agent.sources.decode_error import Malformed


def read_claim(client: ApiClient, name: str) -> NameClaim | None:
    """The claim on a name; None where there is none. Raises DatastoreError."""
    try:
        return _decoded(client.get(f"{LEASES}/{quote(name)}"))
    except DatastoreError as error:
        if error.code != "absent":
            raise
        return None


def _decoded(raw: bytes) -> NameClaim:
    try:
        return decode_lease(raw)
    except Malformed as malformed:
        raise DatastoreError(f"a Lease of {NAMESPACE} cannot be understood: {malformed.what}", "failed") from None


class LeaseClaims(ClosedAfterUse):
    """A connection to the API, to claim node names. Every call has a deadline and raises DatastoreError."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self._held: NameClaim | None = None

    def close(self) -> None:
        """End the connection. What still waits on it ends by its deadline."""
        self._client.close()

    def renewed(self) -> bool:
        """Whether certificates or the server are others by now; a new token is used at once."""
        return self._client.renewed()

    def claim(self, wanted: ClaimName, seconds: int) -> int | None:
        """Write the claim, if its owner is as it was seen; None where it is another by now.

        Of another machine's that is over, its state has to be the one in which that was found: a sign of life since
        then is another state. What a call wrote whose answer was lost is as good as seen.
        """
        self._held = None
        found = read_claim(self._client, wanted.name)
        if found is not None and found.owner.text not in {wanted.seen, encode_owner(wanted)}:
            return None
        if found is None and wanted.seen:
            return None
        if found is not None and wanted.version not in {"", found.owner.version}:
            return None
        body = encode_lease(wanted, seconds, found.whole if found is not None else None)
        try:
            self._held = _decoded(self._write(wanted.name if found is not None else "", body))
        except DatastoreError as error:
            if error.code == "conflict":
                return None
            raise
        return 0

    def renew(self, lease: int) -> bool:  # noqa: ARG002 - one connection holds one
        """Whether the Lease still was as we wrote it last."""
        if self._held is None:
            return False
        try:
            self._held = _decoded(self._write(self._held.owner.name, renewed_lease(self._held.whole)))
        except DatastoreError as error:
            self._held = None
            if error.code != "conflict":
                raise
            return False
        return True

    def release(self, owner: NameOwner) -> bool:
        """Remove the Lease, if its owner still is as it was seen. Whether it was."""
        found = read_claim(self._client, owner.name)
        if found is None or found.owner.text != owner.text:
            return False
        metadata = found.whole["metadata"]
        conditions = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": conditions}
        try:
            self._client.write("DELETE", f"{LEASES}/{quote(owner.name)}", json.dumps(options).encode())
        except DatastoreError as error:
            if error.code in {"conflict", "absent"}:
                return False
            raise
        return True

    def _write(self, name: str, body: bytes) -> bytes:
        """`name` is empty for one that is not there yet."""
        try:
            return self._client.write("PUT" if name else "POST", f"{LEASES}/{quote(name)}" if name else LEASES, body)
        except DatastoreError as error:
            if error.code == "absent":
                _no_namespace()
            raise


def _no_namespace() -> NoReturn:
    reason = f"there is no namespace {NAMESPACE} for its Lease: kubectl apply -f supervise.yaml (config/kubernetes)"
    raise DatastoreError(reason, "denied") from None
