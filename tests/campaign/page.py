"""docs/reference/campaign.md: what was measured, as people read it."""

from collections.abc import Iterable, Mapping, Sequence

from tests.campaign.outcome import Outcome, code_of
from tests.reference.markdown import code, escape, table

_HEADS = (
    "fault",
    "what is done",
    "known best to",
    "right root",
    "suspected",
    "confirmed",
    "first",
    "other roots there",
    "the others say",
    "while it heals",
    "good again",
    "a route was away",
    "calico/node",
    "memory",
)
_QUIET_HEADS = ("change", "what is done", "confirmed by anybody", "all good after", *_HEADS[-3:])

_ABOUT = (
    "`make campaign` breaks a lab of three hosts, on which agents supervise calico/node, in one way after the other, "
    "and measures what each agent says. Seconds count from when it was broken, those until all hosts are good again "
    "from when it was healed. A fault is confirmed when it has lasted for the hold-down of ten seconds. The lab's "
    "calico/node is a stand-in with a real BIRD. [What the codes mean](codes.md)."
)


def rendered(outcomes: Sequence[Outcome], *, faults: int, made: str) -> str:
    """Return the page. `faults`: how many the catalogue has; `made`: when it was run, on what, with which seed."""
    single = [one for one in outcomes if len(one.expected) == 1]
    loud, quiet = [one for one in single if not one.is_quiet], [one for one in single if one.is_quiet]
    together = [one for one in outcomes if len(one.expected) > 1]
    return (
        "\n\n".join(
            (
                "<!-- Made by `python -m tests.campaign` of a run. Do not edit it. -->",
                "# Faults on a lab",
                _ABOUT,
                f"{len(single)} of the catalogue's {faults} were run, and {len(together)} pairs; {made}.",
                _summary(loud, quiet, together).strip(),
                "## Faults",
                table(_HEADS, map(_row, loud)).strip(),
                "## Changes that are no fault, or that heal by themselves",
                "Nobody must confirm anything.",
                table(_QUIET_HEADS, map(_quiet_row, quiet)).strip(),
                *(("## Pairs", table(_HEADS, map(_row, together)).strip()) if together else ()),
                *_errors(outcomes),
            )
        )
        + "\n"
    )


def _summary(loud: Sequence[Outcome], quiet: Sequence[Outcome], together: Sequence[Outcome]) -> str:
    measured = [one for one in (*loud, *quiet, *together) if not one.error]
    rows = [
        ("the right root is the first, of single faults", [one.right for one in loud]),
        ("the right roots are the first, of pairs", [one.right for one in together]),
        ("it is confirmed within twelve seconds", [one.confirmed is not None and one.confirmed <= 12 for one in loud]),
        ("no other root where it is known best", [not one.extra for one in loud if not one.error]),
        (
            "nothing else is confirmed while it heals",
            [not any(one.afterwards.values()) for one in loud if not one.error],
        ),
        ("nothing is confirmed of what is no fault", [one.right for one in quiet]),
        ("all hosts are good again after healing", [one.good_again is not None for one in measured]),
        ("no route is lost in the end", [not one.lost for one in measured]),
    ]
    return table(("what should be", "it is so"), [(name, f"{sum(told)} of {len(told)}") for name, told in rows if told])


def _row(one: Outcome) -> tuple[str, ...]:
    hosts = ", ".join(dict.fromkeys(each.host for each in one.expected))
    roots = "; ".join(" or ".join(map(code, each.roots)) for each in one.expected)
    first = "not measured" if one.error else "yes" if one.right else "**no**"
    said = _codes(one.others)
    return (
        *(one.name, escape(one.does), hosts, roots, _seconds(one.suspected), _seconds(one.confirmed), first),
        *(", ".join(dict.fromkeys(code(code_of(extra)) for extra in one.extra)), said),
        *(_codes(one.afterwards), _seconds(one.good_again), *_rest(one)),
    )


def _quiet_row(one: Outcome) -> tuple[str, ...]:
    told = _codes({host: (*one.ever.get(host, ()), *one.afterwards.get(host, ())) for host in one.ever})
    return (one.name, escape(one.does), "not measured" if one.error else told, _seconds(one.good_again), *_rest(one))


def _rest(one: Outcome) -> tuple[str, str, str]:
    away = ", ".join(f"{host} {seconds:g} s" for host, seconds in one.away.items())
    if one.lost:
        away = f"**{len(one.lost)} lost**; {away}"
    return (
        away,
        ", ".join(f"{host} {word}" for host, word in one.containers.items()),
        "" if one.peak_mib is None else f"{one.peak_mib:.0f} MiB",
    )


def _codes(said: Mapping[str, Iterable[str]]) -> str:
    told = (
        (host, list(dict.fromkeys(code(code_of(problem)) for problem in problems))) for host, problems in said.items()
    )
    return "; ".join(f"{host} {', '.join(codes)}" for host, codes in told if codes)


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.1f} s"


def _errors(outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    failed = [f"- {one.name}: {escape(' '.join(one.error.split())[:300])}" for one in outcomes if one.error]
    return ("## Not measured", "\n".join(failed)) if failed else ()
