"""Log lines as calico/node prints them: `2026-11-23 00:48:36.770 [INFO][9] startup/startup.go 552: message
key="value"`."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

# Which of calico/node's programs would have printed it.
_PROGRAM = {"felix": "felix", "kernel": "felix", "start": "confd"}


def info(message: str, **fields: object) -> None:
    """Log one line."""
    _write("INFO", message, fields)


def warning(message: str, **fields: object) -> None:
    """Log one line."""
    _write("WARNING", message, fields)


def error(message: str, **fields: object) -> None:
    """Log one line."""
    _write("ERROR", message, fields)


def _write(level: str, message: str, fields: dict[str, object]) -> None:
    caller = sys._getframe(2)
    moment = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    file = Path(caller.f_code.co_filename)
    program = _PROGRAM.get(file.stem, "startup")
    tail = "".join(f" {key}={_value(value)}" for key, value in fields.items())
    print(f"{moment} [{level}][{os.getpid()}] {program}/{file.name} {caller.f_lineno}: {message}{tail}", flush=True)


def _value(value: object) -> str:
    return str(value) if isinstance(value, Exception) else f'"{value}"'
