"""Claims on node names: who owns a name, and who keeps it alive. What they mean: `model.name_lease`."""

import json
from datetime import UTC, datetime

from calico_agent.model.host.claimant import Machine
from calico_agent.model.name_lease import ALIVE, OWNERS, AliveSign, ClaimName, NameOwner
from calico_agent.sources import json_object
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.json_object import JsonObject

_MOST_MACS = 64
_LONGEST = 8192


def decode_claim(key: str, value: bytes) -> NameOwner | AliveSign | None:
    """The claim below /calico-agent/v1/; None for a key of another kind. Raises Malformed."""
    prefix = next((prefix for prefix in (OWNERS, ALIVE) if key.startswith(prefix)), None)
    if prefix is None:
        return None
    name = key.removeprefix(prefix)
    json_object.printable(name, "the name in the key")
    if len(value) > _LONGEST:
        raise Malformed(f"the value has {len(value)} bytes, more than the {_LONGEST} that are read")
    fields = json_object.parse_object(value)
    if prefix is ALIVE:
        return AliveSign(name, _machine(fields))
    return NameOwner(name, _machine(fields), _since(fields), value.decode())


def encode_owner(claim: ClaimName) -> str:
    """The owner's record as it is written."""
    return json.dumps({**_fields(claim.machine), "since": claim.since.isoformat(timespec="seconds")})


def encode_alive(claim: ClaimName) -> str:
    """The sign of life as it is written."""
    return json.dumps(_fields(claim.machine))


def _fields(machine: Machine) -> dict[str, object]:
    return {
        "machine_id": machine.machine_id,
        "boot_id": machine.boot_id,
        "macs": list(machine.macs),
        "hostname": machine.hostname,
        "address": machine.address,
    }


def _machine(fields: JsonObject) -> Machine:
    macs = json_object.items(fields, "macs")[:_MOST_MACS]
    return Machine(
        machine_id=json_object.text(fields, "machine_id") or "",
        boot_id=json_object.text(fields, "boot_id") or "",
        macs=tuple(json_object.printable(mac, "macs") for mac in macs if isinstance(mac, str)),
        hostname=json_object.text(fields, "hostname") or "",
        address=json_object.text(fields, "address") or "",
    )


def _since(fields: JsonObject) -> datetime | None:
    written = json_object.text(fields, "since")
    if written is None:
        return None
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        raise Malformed(f"since is {written!a}, which is no time") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
