"""Records that cannot be understood, under keys that say nothing: no rule may look into one."""

from calico_agent.model.calico.bad_key import BadKey, ResourceKind


def bad_record(kind: ResourceKind, name: str, reason: str = "the value is not JSON") -> BadKey:
    """A record of this kind and name whose value cannot be understood."""
    return BadKey(f"key-of-{name}", reason, kind, name)
