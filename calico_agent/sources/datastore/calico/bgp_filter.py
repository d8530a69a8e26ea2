"""BGPFilter resources of Calico 3.x. Fields that a rule has beside the known ones are conditions."""

from calico_agent.model.calico.bgp_filter import BgpFilter, FilterRule, Match
from calico_agent.model.network.prefix import FULL_LENGTH
from calico_agent.sources import json_object
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.json_object import JsonObject

_ACTIONS = {"Accept": True, "Reject": False}
# `operations` are what is done to a route that is accepted.
_KNOWN = frozenset({"action", "cidr", "matchOperator", "prefixLength", "source", "operations"})


def bgp_filter(name: str, resource: JsonObject) -> BgpFilter:
    """A BGPFilter resource. Raises Malformed."""
    spec = json_object.section(resource, "spec")
    return BgpFilter(
        name,
        import_v4=_rules(spec, "importV4", 4),
        import_v6=_rules(spec, "importV6", 6),
        export_v4=_rules(spec, "exportV4", 4),
        export_v6=_rules(spec, "exportV6", 6),
    )


def _rules(spec: JsonObject, name: str, version: int) -> tuple[FilterRule, ...]:
    return tuple(_rule(each, version) for each in json_object.objects(spec, name))


def _rule(fields: JsonObject, version: int) -> FilterRule:
    action, source = json_object.text(fields, "action") or "", json_object.text(fields, "source") or ""
    if action not in _ACTIONS:
        raise Malformed(f"action is {action!a}, not Accept or Reject")
    written = json_object.text(fields, "cidr")
    conditions = any(value not in (None, "", [], {}) for name, value in fields.items() if name not in _KNOWN)
    return FilterRule(
        _ACTIONS[action],
        _match(fields) if written else None,
        json_object.parse_network(written, "cidr", version) if written else None,
        _lengths(json_object.section(fields, "prefixLength"), version) if written else None,
        remote=source == "RemotePeers",
        conditional=conditions or source not in {"", "RemotePeers"},
    )


def _match(fields: JsonObject) -> Match:
    written = json_object.text(fields, "matchOperator") or ""
    try:
        return Match(written)
    except ValueError:
        raise Malformed(f"matchOperator is {written!a}, not Equal, NotEqual, In or NotIn") from None


def _lengths(fields: JsonObject, version: int) -> tuple[int, int] | None:
    low, high = (json_object.number(fields, name, 0, FULL_LENGTH[version]) for name in ("min", "max"))
    return None if low is None and high is None else (low or 0, FULL_LENGTH[version] if high is None else high)
