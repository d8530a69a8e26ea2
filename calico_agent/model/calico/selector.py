"""Calico's selectors: which nodes are meant, told by their labels. They are read from text elsewhere.

A label that is not there: `==`, `in`, `contains`, `starts with` and `ends with` do not match, `!=` and `not in` do.
`global()` matches everything, as `all()` does (libcalico-go/lib/selector/parser/ast.go of
projectcalico/calico@v3.28.5).

The text of a selector is in one form, with no more brackets than were written, and reads as the same selector.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Everything:
    """`all()`."""

    def matches(self, _: Labels) -> bool:
        """Always."""
        return True

    def __str__(self) -> str:
        return "all()"


@dataclass(frozen=True, slots=True)
class Has:
    """`has(label)`."""

    label: str

    def matches(self, labels: Labels) -> bool:
        """Whether the label is there."""
        return self.label in labels

    def __str__(self) -> str:
        return f"has({self.label})"


class Operator(Enum):
    """How a label's value is compared with one text."""

    EQUAL = "=="
    DIFFERENT = "!="
    CONTAINS = "contains"
    STARTS_WITH = "starts with"
    ENDS_WITH = "ends with"


_COMPARE: Mapping[Operator, Callable[[str, str], bool]] = {
    Operator.EQUAL: str.__eq__,
    Operator.DIFFERENT: str.__ne__,
    Operator.CONTAINS: str.__contains__,
    Operator.STARTS_WITH: str.startswith,
    Operator.ENDS_WITH: str.endswith,
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """`label == "value"` and its like."""

    label: str
    operator: Operator
    value: str

    def matches(self, labels: Labels) -> bool:
        """Whether the label's value compares so."""
        found = labels.get(self.label)
        if found is None:
            return self.operator is Operator.DIFFERENT
        return _COMPARE[self.operator](found, self.value)

    def __str__(self) -> str:
        return f"{self.label} {self.operator.value} {_quoted(self.value)}"


@dataclass(frozen=True, slots=True)
class Membership:
    """`label in {"a", "b"}`, or `not in` where not `inside`."""

    label: str
    values: frozenset[str]
    inside: bool = True

    def matches(self, labels: Labels) -> bool:
        """Whether the label's value is one of these; one that is not there is none of them."""
        return (labels.get(self.label) in self.values) is self.inside

    def __str__(self) -> str:
        operator = "in" if self.inside else "not in"
        return f"{self.label} {operator} {{{', '.join(map(_quoted, sorted(self.values)))}}}"


@dataclass(frozen=True, slots=True)
class Not:
    """`!` before another selector."""

    operand: "Selector"

    def matches(self, labels: Labels) -> bool:
        """Whether the other one does not match."""
        return not self.operand.matches(labels)

    def __str__(self) -> str:
        return f"!{_inside(self.operand, Every, Some)}"


@dataclass(frozen=True, slots=True)
class Every:
    """Selectors joined by `&&`: two or more."""

    operands: tuple["Selector", ...]

    def matches(self, labels: Labels) -> bool:
        """Whether all of them match."""
        return all(operand.matches(labels) for operand in self.operands)

    def __str__(self) -> str:
        return " && ".join(_inside(operand, Every, Some) for operand in self.operands)


@dataclass(frozen=True, slots=True)
class Some:
    """Selectors joined by `||`: two or more."""

    operands: tuple["Selector", ...]

    def matches(self, labels: Labels) -> bool:
        """Whether one of them matches."""
        return any(operand.matches(labels) for operand in self.operands)

    def __str__(self) -> str:
        return " || ".join(_inside(operand, Some) for operand in self.operands)


Selector = Everything | Has | Comparison | Membership | Not | Every | Some


def _inside(operand: Selector, *looser: type) -> str:
    """An operand in its place: in brackets where it would otherwise fall apart."""
    return f"({operand})" if isinstance(operand, looser) else str(operand)


def _quoted(value: str) -> str:
    """A text can hold one kind of quotes only: the other kind is around it."""
    return f"'{value}'" if '"' in value else f'"{value}"'
