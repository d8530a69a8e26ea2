"""One entry of the catalogue of findings."""

from dataclasses import KW_ONLY, dataclass

from calico_agent.model.finding import ConditionType, Severity


@dataclass(frozen=True, slots=True)
class Entry:
    """What one code stands for.

    `severity` and `condition` are the usual ones: the same fault on another host or of lesser weight may carry others.
    `explanation` has three paragraphs: what it means, how it is found, what to do.
    """

    code: str
    title: str
    explanation: str
    severity: Severity = Severity.ERROR
    _: KW_ONLY
    condition: ConditionType
