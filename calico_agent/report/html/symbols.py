"""How a thing stands, in a colour and a shape: neither has to be seen for the other to be understood."""

from enum import Enum

from markupsafe import Markup

from calico_agent.model.finding import Severity, Status
from calico_agent.model.report import TimedProblem


class Tone(Enum):
    """The value is the name of its colour and its shape in the page. The gravest comes first."""

    BAD = "bad"
    WARN = "warn"
    UNKNOWN = "dim"
    GOOD = "good"
    NONE = "none"
    HERE = "here"


WORDS = {
    Tone.BAD: "broken",
    Tone.WARN: "warning or suspicion",
    Tone.UNKNOWN: "not known",
    Tone.GOOD: "fine",
    Tone.NONE: "no route wanted",
    Tone.HERE: "this host",
}

BY_STATUS = {Status.TRUE: Tone.GOOD, Status.FALSE: Tone.BAD, Status.UNKNOWN: Tone.UNKNOWN}

# Drawn around the origin, within a square of ten: a diamond with a cross, a triangle, a ring, a disc, a dot, a house.
SPRITE = Markup(
    '<svg width="0" height="0" class="sprite" aria-hidden="true"><defs>'
    '<g id="bad"><path class="bad" d="M0-5.4 5.4 0 0 5.4-5.4 0z"/><path class="cut" d="M-2-2 2 2M2-2-2 2"/></g>'
    '<g id="warn"><path class="warn" d="M0-5 5.2 4.4H-5.2z"/><path class="cut" d="M0-1.6V1M0 2.4v.8"/></g>'
    '<g id="dim"><circle class="ring dim" r="3.6"/><path class="line dim" d="M-2 2 2-2"/></g>'
    '<g id="good"><circle class="good" r="3.6"/></g>'
    '<g id="none"><circle class="ring none" r="1.8"/></g>'
    '<g id="here"><path class="here" d="M0-5 5-.6H3.6V4.4H-3.6V-.6H-5z"/></g>'
    "</defs></svg>"
)


def icon(tone: Tone) -> Markup:
    """Return the shape as it stands in a line of text, beside words that say the same."""
    return Markup('<svg class="i" viewBox="-6 -6 12 12" aria-hidden="true"><use href="#%s"/></svg>') % (tone.value,)


def tone_of(timed: TimedProblem) -> Tone:
    """Return how grave a problem is now."""
    return Tone.BAD if timed.confirmed and timed.severity is Severity.ERROR else Tone.WARN
