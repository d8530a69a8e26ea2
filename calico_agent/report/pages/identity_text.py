"""What `calico-agent detect` prints: every address with its verdict, the decision, and what every rule says to it.

Below the rules stands what Calico itself would have taken, and below the name all places that name this host.

Text is folded to the width of the terminal; JSON holds the same facts with stable keys.
"""

from collections.abc import Iterator, Sequence

from calico_agent.model.identity import AddressChoice, Candidate, Identity, NameChoice, NameSource, Opinion
from calico_agent.report.pages.page import WIDTH, TextLine, folded
from calico_agent.text import clean

# Columns that hold a long IPv6 address or link name give way to the evidence, which matters more.
_WIDEST_COLUMN = 29
_LONGEST = 4000


def render_identity(identity: Identity, width: int = WIDTH) -> str:
    """Return the text, ending in a newline."""
    choices = (identity.ipv4, identity.ipv6)
    found = [(choice, candidate) for choice in choices for candidate in choice.candidates]
    addresses = _table(["ADDRESS", "LINK", "VERDICT", "EVIDENCE"], [_candidate_row(*row) for row in found])
    parts = [list(addresses)] if found else []
    parts += [list(_decision(choice)) for choice in choices]
    parts.append(list(_name(identity.name)))
    return "\n".join(folded(part, width) for part in parts)


def identity_json(identity: Identity) -> dict[str, object]:
    """Return the same in plain JSON types."""
    return {
        "complete": identity.complete,
        "name": {
            "name": identity.name.name,
            "source": identity.name.source,
            "refusal": identity.name.refusal,
            "refusal_code": identity.name.refusal_code,
            "sources": [
                {"source": one.source, "name": one.name, "stand": _name_stand(identity.name, one), "where": one.where}
                for one in identity.name.sources
            ],
        },
        "ipv4": _choice_json(identity.ipv4),
        "ipv6": _choice_json(identity.ipv6),
    }


def _choice_json(choice: AddressChoice) -> dict[str, object]:
    return {
        "wanted": choice.wanted,
        "chosen": str(choice.chosen) if choice.chosen else None,
        "link": choice.link,
        "rule": choice.rule,
        "refusal": choice.refusal,
        "refusal_code": choice.refusal_code,
        "candidates": [
            {
                "address": str(candidate.interface),
                "link": candidate.link,
                "accepted": candidate.accepted,
                "reason": str(candidate.reason),
                "evidence": candidate.evidence,
                "yields": candidate.yields,
            }
            for candidate in choice.candidates
        ],
        "opinions": [_opinion_json(choice, opinion) for opinion in choice.opinions],
        "calico": [_opinion_json(choice, opinion) for opinion in choice.calico],
        "lost": {
            "address": str(choice.lost.kept.interface),
            "link": choice.lost.kept.link,
            "since": choice.lost.kept.since.isoformat(),
            "why": choice.lost.why,
        }
        if choice.lost
        else None,
    }


def _opinion_json(choice: AddressChoice, opinion: Opinion) -> dict[str, object]:
    return {
        "rule": opinion.rule,
        "answers": [str(answer) for answer in opinion.answers],
        "stand": _stand(choice, opinion),
        "detail": opinion.detail,
    }


def _candidate_row(choice: AddressChoice, candidate: Candidate) -> list[str]:
    address, link = str(candidate.interface), candidate.link
    if choice.chosen is not None and candidate.interface.ip == choice.chosen.ip and candidate.link == choice.link:
        return [address, link, "chosen", f"by rule: {choice.rule}{candidate.doubt}"]
    if candidate.accepted:
        return [address, link, "possible", candidate.doubt.removeprefix(", ")]
    return [address, link, "rejected", f"{candidate.evidence} [{candidate.reason}]"]


def _decision(choice: AddressChoice) -> Iterator[TextLine]:
    family = f"IPv{choice.family}"
    if not choice.wanted:
        yield TextLine(f"{family}: not used")
        return
    if choice.chosen is None:
        yield TextLine(clean(f"{family}: none. {choice.refusal_code}: {choice.refusal}", _LONGEST), "")
    else:
        yield TextLine(clean(f"{family}: {choice.chosen} on {choice.link}, by rule: {choice.rule}"))
    opinions = (*choice.opinions, *choice.calico)
    rows = [[opinion.rule, _stand(choice, opinion), opinion.detail] for opinion in opinions]
    yield from _table(["RULE", "STAND", "DETAIL"], rows, "  ")


def _stand(choice: AddressChoice, opinion: Opinion) -> str:
    """How a rule stands to the decision."""
    if not opinion.answers:
        return "silent"
    if choice.chosen is None:
        return "undecided" if len(opinion.answers) > 1 else "suggests"
    if opinion.rule == choice.rule:
        return "decides"
    answers = {answer.ip for answer in opinion.answers}
    if answers == {choice.chosen.ip}:
        return "agrees"
    return "undecided" if choice.chosen.ip in answers else "disagrees"


def _name(choice: NameChoice) -> Iterator[TextLine]:
    if choice.name is None:
        yield TextLine(clean(f"Name: none. {choice.refusal_code}: {choice.refusal}", _LONGEST), "")
    else:
        yield TextLine(clean(f"Name: {choice.name}, from the {choice.source}"))
    rows = [[one.source, _name_stand(choice, one), one.name or "-", one.where] for one in choice.sources]
    if rows:
        yield from _table(["SOURCE", "STAND", "NAME", "WHERE"], rows, "  ")


def _name_stand(choice: NameChoice, one: NameSource) -> str:
    """How a place that names this host stands to the chosen name. A short name and its full form are one name."""
    if not one.name:
        return "silent"
    if choice.name is None:
        return "suggests"
    if one.source == choice.source:
        return "decides"
    if one.name == choice.name:
        return "agrees"
    same = one.name.strip().lower().partition(".")[0] == choice.name.lower().partition(".")[0]
    return "other form" if same else "disagrees"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], margin: str = "") -> Iterator[TextLine]:
    """Aligned columns; the last one is folded under itself. A cell that is too wide pushes its own line only."""
    cells = [head, *([clean(cell) for cell in row] for row in rows)]
    widths = [min(max(map(len, column)), _WIDEST_COLUMN) for column in list(zip(*cells, strict=True))[:-1]]
    for row in cells:
        lead = margin + "".join(f"{cell:<{width}}  " for cell, width in zip(row, widths, strict=False))
        yield TextLine(lead + row[-1], margin + " " * (sum(widths) + 2 * len(widths)))
