"""The output of `nft -j list table` -> a table (libnftables-json(5)).

A statement that is not understood makes its rule unclear, never void. A verdict map is as many rules as it has
elements. Chains of type nat are left out: they translate addresses.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from calico_agent.model.network.calico_chains import is_calicos, is_closed
from calico_agent.model.network.firewall import (
    NEVER,
    Act,
    BaseChain,
    FirewallRule,
    Masquerading,
    Match,
    Table,
    Tool,
    Unclear,
)
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.firewall.decode.nft_condition import Sets, conditions
from calico_agent.sources.firewall.decode.nft_mark import marking
from calico_agent.sources.json_object import JsonObject

_MOST_RULES = 100_000
_ENDS = {
    "accept": Act.ACCEPT,
    "drop": Act.DROP,
    "reject": Act.DROP,
    "return": Act.RETURN,
    "continue": Act.CONTINUE,
    "jump": Act.JUMP,
    "goto": Act.GOTO,
}
# These do something beside, and let the packet go on.
_ASIDE = frozenset(("counter", "log", "comment", "ct helper", "ct timeout", "flow", "last", "meter", "dup"))
_KUBE_PROXY, _SERVICE, _MASQUERADE = "kube-proxy", "service-", "mark-for-masquerade"


def decode_nft(output: str, command: str) -> tuple[tuple[Table, ...], Masquerading]:
    """The tables in it, and what it says of kube-proxy. Raises Malformed."""
    try:
        objects = json.loads(output)["nftables"]
        return _tables(objects, command), _masquerading(objects)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Malformed("JSON in a form of its own") from None


def _tables(objects: list[JsonObject], command: str) -> tuple[Table, ...]:
    named: dict[tuple[str, str], list[tuple[str, JsonObject]]] = {}
    for item in objects:
        for kind, found in item.items():
            if kind == "table":
                named[found["family"], found["name"]] = []
            elif isinstance(found, dict) and (key := (found.get("family"), found.get("table"))) in named:
                named[key].append((kind, found))
    return tuple(_table(family, name, found, command) for (family, name), found in named.items())


def _masquerading(objects: list[JsonObject]) -> Masquerading:
    """What kube-proxy's table (mode nftables) says, a chain for each service (pkg/proxy/nftables@kubernetes v1.31)."""
    services: dict[str, bool] = {}
    for item in objects:
        rule = item.get("rule", {})
        chain = rule.get("chain", "")
        if rule.get("table") == _KUBE_PROXY and chain.startswith(_SERVICE):
            marks = any(one.get("jump", {}).get("target") == _MASQUERADE for one in rule.get("expr", ()))
            excepts = any(one.get("match", {}).get("op") == "!=" for one in rule.get("expr", ()))
            services[chain] = services.get(chain, False) or (marks and not excepts)
    return Masquerading(len(services), sum(services.values()))


def _table(family: str, name: str, found: list[tuple[str, JsonObject]], command: str) -> Table:
    sets = {f"@{one['name']}": one.get("elem", []) for kind, one in found if kind in {"set", "map"}}
    # What has a timeout is in force until then; what packets put in themselves is another thing a moment later.
    dynamic = {f"@{one['name']}" for kind, one in found if kind in {"set", "map"} and "dynamic" in _flags(one)}
    chains: dict[str, list[FirewallRule]] = {one["name"]: [] for kind, one in found if kind == "chain"}
    skipped = {one["name"] for kind, one in found if kind == "chain" and one.get("type") == "nat"}
    base = tuple(_base(one) for kind, one in found if kind == "chain" and "hook" in one and one["name"] not in skipped)
    known = Sets({key: value for key, value in sets.items() if key not in dynamic})
    rules = 0
    for kind, one in found:
        chain = one.get("chain", "")
        if kind != "rule" or chain in skipped or (is_closed(chain) and chains.get(chain)):
            continue
        chains.setdefault(chain, []).extend(_rules(one, known, is_calicos(chain)))
        rules += 1
        if rules > _MOST_RULES:
            raise Malformed(f"the table {name} has more than the {_MOST_RULES} rules that are read")
    return Table(Tool.NFT, family, name, {key: tuple(value) for key, value in chains.items()}, base, command)


def _flags(one: JsonObject) -> set[str]:
    flags = one.get("flags", [])
    return {flags} if isinstance(flags, str) else set(flags)


def _base(chain: JsonObject) -> BaseChain:
    devices = chain.get("dev", ())
    return BaseChain(
        chain["name"],
        chain["hook"],
        int(chain.get("prio", 0)),
        chain.get("policy") == "drop",
        (devices,) if isinstance(devices, str) else tuple(devices),
    )


def _rules(rule: JsonObject, sets: Sets, calicos: bool) -> Iterator[FirewallRule]:
    """The rule, or as many as its verdict map has elements. What comes after a mark in one rule meets the new mark."""
    comment = str(rule.get("comment", ""))
    text = f"{rule['chain']} handle {rule.get('handle', '?')}" + (f" ({comment})" if comment and not calicos else "")
    matches: list[Match] = []
    for statement in rule.get("expr", ()):
        kind, given = next(iter(statement.items())) if isinstance(statement, dict) and statement else ("?", None)
        value: Mapping[str, Any] = given if isinstance(given, dict) else {}
        if kind == "match":
            matches.extend(conditions(value, sets))
        elif kind in _ENDS:
            yield FirewallRule(tuple(matches), _ENDS[kind], value.get("target", ""), text=text, comment=comment)
            return
        elif kind == "vmap":
            yield from _by_verdict(value, sets, tuple(matches), text, comment)
        elif kind == "mangle":
            if (marked := marking(value)) is not None:
                keep, flip, bits = marked
                yield FirewallRule(
                    tuple(matches), Act.MARK, keep=keep, flip=flip, known=bits, text=text, comment=comment
                )
        elif kind == "notrack":
            yield FirewallRule(tuple(matches), Act.UNTRACK, text=text, comment=comment)
        elif kind in {"limit", "ct count"}:
            matches.extend((NEVER,) if value.get("inv") else ())
        elif kind in {"set", "map"}:
            matches.extend(_limits(value))
        elif kind == "xt":
            matches.append(Unclear(f"xt {given}"))
        elif kind not in _ASIDE:
            yield FirewallRule(tuple(matches), Act.UNCLEAR, text=text, comment=comment)
            return


def _limits(statement: Mapping[str, Any]) -> Iterator[Match]:
    """A set to which packets add themselves, often with a limit for each: it is not reached."""
    if any(one.get("limit", {}).get("inv") for one in statement.get("stmt", ())):
        yield NEVER


def _by_verdict(
    value: Mapping[str, Any], sets: Sets, matches: tuple[Match, ...], text: str, comment: str
) -> Iterator[FirewallRule]:
    data = value.get("data")
    elements = data.get("set") if isinstance(data, dict) else sets.elements(data)
    if elements is None:
        yield FirewallRule((*matches, Unclear(f"verdict map {data}")), Act.UNCLEAR, text=text, comment=comment)
        return
    for key, verdict in elements:
        kind, target = next(iter(verdict.items()), ("?", None))
        where = target.get("target", "") if isinstance(target, dict) else ""
        found = tuple(conditions({"op": "==", "left": value["key"], "right": key}, sets))
        yield FirewallRule((*matches, *found), _ENDS.get(kind, Act.UNCLEAR), where, text=text, comment=comment)
