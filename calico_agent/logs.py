"""Logging: one event a line on standard error, as logfmt or JSON, set up once and changed by a reload.

The level lives in the standard library's loggers, so that it also changes for loggers that are already bound. Our
libraries log through the same handler, from warning upwards. Under systemd each line begins with its priority
(sd-daemon(3)), which the journal takes away again, and carries no time, which the journal has.
"""

import logging
import os
import sys
import time
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import structlog
from structlog.typing import Processor

from calico_agent.secret import masked

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}

_OURS = "calico_agent"
# They warn of each request that has to wait, and so any local user could fill the log.
_TOLD_BY_CLIENTS = ("waitress", "waitress.queue")
_MAX_VALUE = 2000
_MAX_ELEMENTS = 100
_PRIORITIES = {
    logging.CRITICAL: "<2>",
    logging.ERROR: "<3>",
    logging.WARNING: "<4>",
    logging.INFO: "<6>",
    logging.DEBUG: "<7>",
}


def configure(level: str, form: str, *, stream: TextIO | None = None, environ: Mapping[str, str] | None = None) -> None:
    """Log events of `level` and above in `form` (`logfmt`, `json`). May be called again at any time."""
    journal = "JOURNAL_STREAM" in (os.environ if environ is None else environ)
    before: list[Processor] = [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        *([] if journal else [structlog.processors.TimeStamper(fmt="iso", utc=True, key="time")]),
    ]
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_PriorityFormatter(before, form, journal=journal))
    handler.addFilter(_Seldom())
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger(_OURS).setLevel(LEVELS[level])
    for talkative in _TOLD_BY_CLIENTS:
        logging.getLogger(talkative).setLevel(logging.ERROR)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *before,
            structlog.processors.format_exc_info,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        # Not cached: a cached logger would keep the form of before a reload.
        cache_logger_on_first_use=False,
    )


_QUIET_SECONDS = 300.0
_MOST_REMEMBERED = 1000


class _Seldom(logging.Filter):
    """The same line of a library is told at most once in five minutes. Our own lines are chosen before."""

    def __init__(self) -> None:
        super().__init__()
        self._told: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        line, now = (record.name, str(record.msg)), time.monotonic()
        if record.name.startswith(_OURS):
            return True
        if now - self._told.get(line, -_QUIET_SECONDS) < _QUIET_SECONDS:
            return False
        if len(self._told) >= _MOST_REMEMBERED:
            self._told.clear()
        self._told[line] = now
        return True


class _PriorityFormatter(structlog.stdlib.ProcessorFormatter):
    """Renders an event; under systemd with its priority in front."""

    def __init__(self, before: list[Processor], form: str, *, journal: bool) -> None:
        renderer: Processor = (
            structlog.processors.JSONRenderer()
            if form == "json"
            else structlog.processors.LogfmtRenderer(key_order=["time", "level", "event"], drop_missing=True)
        )
        super().__init__(
            foreign_pre_chain=[*before, structlog.processors.format_exc_info],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _bounded, renderer],
        )
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        line = _one_line(super().format(record))
        return f"{_PRIORITIES.get(record.levelno, '<6>')}{line}" if self._journal else line


def _bounded(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Values that came from outside are cut, and hold no secrets."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = _cut(masked(value))
        elif isinstance(value, list | tuple):
            event[key] = [_cut(masked(str(element))) for element in value[:_MAX_ELEMENTS]]
    return event


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_VALUE else f"{text[:_MAX_VALUE]}..."


def _one_line(text: str) -> str:
    """Whatever a value holds, an event stays one line and moves no cursor."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )
