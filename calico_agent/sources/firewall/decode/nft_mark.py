"""What a `meta mark set` of nft makes of the mark of a packet."""

from collections.abc import Mapping
from typing import Any

from calico_agent.model.network.firewall import ALL_BITS

Marking = tuple[int, int, int]
"""The bits that stay, those that change, those of which the new value is known."""

_MARK = {"meta": {"key": "mark"}}


def marking(statement: Mapping[str, Any]) -> Marking | None:
    """None where it is another thing that is set."""
    return _value(statement.get("value")) if statement.get("key") == _MARK else None


def _value(expression: object) -> Marking:
    if isinstance(expression, int):
        return 0, expression & ALL_BITS, ALL_BITS
    if expression == _MARK:
        return ALL_BITS, 0, ALL_BITS
    if isinstance(expression, dict) and len(expression) == 1:
        operator, operands = next(iter(expression.items()))
        if isinstance(operands, list) and len(operands) == 2 and isinstance(operands[1], int):
            keep, flip, known = _value(operands[0])
            number = operands[1] & ALL_BITS
            if operator == "&":
                return keep & number, flip & number, known | (ALL_BITS & ~number)
            if operator == "|":
                return keep & ~number, (flip & ~number) | number, known | number
            if operator == "^":
                return keep, flip ^ number, known
    return 0, 0, 0
