r"""The text of a Calico selector -> Selector.

    or          = and ("||" and)*
    and         = operation ("&&" operation)*
    operation   = "!"* ("all()" | "global()" | "has(" label ")" | "(" or ")" | label comparison)
    comparison  = ("==" | "!=" | "contains" | "starts with" | "ends with") text
                | ("in" | "not in") "{" [text ("," text)* [","]] "}"

A text stands in quotes of either kind and knows no escapes. Words are told apart by what stands before them: right
after a label only operators are looked for, so that a label may be called `in` or `all`. The space within `not in`,
`starts with` and `ends with` may be left out, and so may that behind `contains`, `starts with` and `ends with`. Nothing
but blanks selects everything (libcalico-go/lib/selector/{tokenizer,parser} of projectcalico/calico@v3.28.5).
"""

import re
from typing import NamedTuple

from calico_agent.model.calico.selector import (
    Comparison,
    Every,
    Everything,
    Has,
    Membership,
    Not,
    Operator,
    Selector,
    Some,
)
from calico_agent.sources.decode_error import Malformed

# Calico bounds neither. The names of some thousand hosts are the longest that people write, a few brackets the deepest.
_MOST_WORDS, _DEEPEST = 20_000, 50

_LABEL = r"[a-zA-Z0-9_./-]{1,512}"
_SPACE = r"[\t\n\f\r ]*"  # Go's \s
_MARKS = r"""(?P<mark>[(){},]|==|!=|!|&&|\|\|)|"(?P<double>[^"]*)"|'(?P<single>[^']*)'"""
_BETWEEN = re.compile(r"[ \t]*")
_AFTER_LABEL = re.compile(
    rf"{_MARKS}|(?P<contains>contains)|(?P<starts>starts{_SPACE}with)|(?P<ends>ends{_SPACE}with)"
    rf"|(?P<not_in>not{_SPACE}in\b)|(?P<in>in\b)",
    re.ASCII,
)
_ELSEWHERE = re.compile(
    rf"{_MARKS}|has\({_SPACE}(?P<has>{_LABEL}){_SPACE}\)|(?P<all>(?:all|global)\({_SPACE}\))|(?P<label>{_LABEL})"
)
_OPERATORS = {
    "==": Operator.EQUAL,
    "!=": Operator.DIFFERENT,
    "contains": Operator.CONTAINS,
    "starts": Operator.STARTS_WITH,
    "ends": Operator.ENDS_WITH,
}


class _Token(NamedTuple):
    """A mark is its own kind; `value` is the text of a `label`, `has` or `text`. The last one is of kind `end`."""

    kind: str
    value: str = ""


def parse_selector(text: str) -> Selector:
    """The selector. Raises Malformed with words that follow its name."""
    tokens = _tokens(text)
    if len(tokens) == 1:
        return Everything()
    reader = _Reader(tokens)
    selector = reader.alternatives()
    reader.expect("end")
    return selector


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    position = _skipped(text, 0)
    while position < len(text):
        words = _AFTER_LABEL if tokens and tokens[-1].kind == "label" else _ELSEWHERE
        match = words.match(text, position)
        if match is None or match.lastgroup is None:
            raise Malformed(f"cannot be read from {text[position : position + 20]!a} on")
        if len(tokens) == _MOST_WORDS:
            raise Malformed(f"has more than {_MOST_WORDS} words")
        kind, value = match.lastgroup, match[match.lastgroup]
        if kind in {"double", "single"}:
            kind = "text"
        tokens.append(_Token(value) if kind == "mark" else _Token(kind, value))
        position = _skipped(text, match.end())
    tokens.append(_Token("end"))
    return tokens


def _skipped(text: str, position: int) -> int:
    blank = _BETWEEN.match(text, position)
    return blank.end() if blank else position


class _Reader:
    """One pass over the tokens, from left to right."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = iter(tokens)
        self._next = next(self._tokens)
        self._depth = 0

    def expect(self, kind: str) -> str:
        """Take the next token, which must be of this kind."""
        if self._next.kind != kind:
            raise Malformed(f"has {_shown(self._next)} where {_shown(_Token(kind))} should be")
        return self._take().value

    def alternatives(self) -> Selector:
        """One selector, or several between `||`."""
        found = [self._conjunction()]
        while self._next.kind == "||":
            self._take()
            found.append(self._conjunction())
        return found[0] if len(found) == 1 else Some(tuple(found))

    def _take(self) -> _Token:
        taken = self._next
        self._next = next(self._tokens, taken)
        return taken

    def _conjunction(self) -> Selector:
        found = [self._operation()]
        while self._next.kind == "&&":
            self._take()
            found.append(self._operation())
        return found[0] if len(found) == 1 else Every(tuple(found))

    def _operation(self) -> Selector:
        negated = False
        while self._next.kind == "!":
            self._take()
            negated = not negated
        operand = self._operand()
        if not negated:
            return operand
        return operand.operand if isinstance(operand, Not) else Not(operand)

    def _operand(self) -> Selector:
        token = self._take()
        match token.kind:
            case "has":
                return Has(token.value)
            case "all":
                return Everything()
            case "label":
                return self._comparison(token.value)
            case "(":
                return self._bracketed()
        raise Malformed(f"has {_shown(token)} where a label, all(), has() or a bracket should be")

    def _bracketed(self) -> Selector:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise Malformed(f"has more than {_DEEPEST} brackets in each other")
        inside = self.alternatives()
        self.expect(")")
        self._depth -= 1
        return inside

    def _comparison(self, label: str) -> Selector:
        token = self._take()
        if token.kind in {"in", "not_in"}:
            return Membership(label, self._texts(), inside=token.kind == "in")
        if token.kind not in _OPERATORS:
            raise Malformed(f"has {_shown(token)} where an operator should be, behind label {label[:80]!a}")
        return Comparison(label, _OPERATORS[token.kind], self.expect("text"))

    def _texts(self) -> frozenset[str]:
        self.expect("{")
        values = set()
        while self._next.kind == "text":
            values.add(self._take().value)
            if self._next.kind != ",":
                break
            self._take()
        self.expect("}")
        return frozenset(values)


def _shown(token: _Token) -> str:
    match token.kind:
        case "end":
            return "its end"
        case "text":
            return f"the text {token.value[:20]!a}" if token.value else "a text in quotes"
        case "label":
            return f"the label {token.value[:20]!a}"
        case "has":
            return f"has({token.value[:20]})"
        case _:
            return repr(token.value or token.kind)
