"""The page of what is logged, and kept in the history."""

from calico_agent.report.changes import MANY
from calico_agent.report.repeats import MOST_OF_A_KIND, QUIET_SECONDS
from tests.reference import markdown
from tests.reference.log_events import EVENTS, FIELDS


def page() -> str:
    """The page."""
    rows = [
        (markdown.code(event.name), event.levels, f"{event.meaning}.", ", ".join(map(markdown.code, event.fields)))
        for event in EVENTS
    ]
    return markdown.page(
        "Log and history",
        "what the tests know of the events",
        'One event a line, on standard error: as logfmt, or as a JSON object with `[log] format = "json"` or '
        "`--log-format json`. Under systemd each line has the priority of its level in the journal: "
        "`journalctl -u calico-agent -p warning`.",
        "The history (`calico-agent history`; `history.jsonl` in `[agent] state_dir`) has the same events with the "
        "same fields, a JSON object a line. Its files hold 5 MB at most; the oldest goes first.",
        markdown.table(
            ("field of each line", "says"),
            (
                ("`event`", "what happened, one of the words below"),
                ("`level`", "`info`, `warning` or `error`; also `debug` in the log"),
                ("`time`", "in the log: RFC 3339 in UTC; the journal has it itself"),
                ("`at`", "in the history: the same"),
                ("`logger`", "in the log: `calico_agent`, or the library that speaks"),
            ),
        ),
        markdown.table(("event", "level", "means", "fields"), rows),
        f"More than {MANY} problems of one code, or sessions, that change in one pass are one line with `count` and "
        "`of`, and without their own fields. In the log the same line comes at most once in "
        f"{QUIET_SECONDS / 60:.0f} minutes, and an event at most {MOST_OF_A_KIND} times; then a line with `count` "
        "says how many changes it stands for, and what is so now. The history has them all.",
        markdown.table(("field", "says"), [(markdown.code(name), text) for name, text in FIELDS.items()]),
    )
