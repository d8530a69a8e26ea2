"""The form of BIRD's replies on its control socket: lines with codes.

A line is a four-digit code, then `-` (more follows) or a space (the last line), then text; a line that begins with a
space repeats the code of the line before it. Codes of 8000 and above are errors (BIRD 1.6, `doc/reply_codes`).
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from calico_agent.sources.decode_error import Malformed

_LINE = re.compile(r"([0-9]{4})([- ])(.*)")
_FIRST_ERROR_CODE = 8000
_END_CODES = (0, 13)  # 0013 ends `show status`


class ReplyLine(NamedTuple):
    """One line of a reply."""

    code: int
    text: str


def reply_lines(command: str, replies: Mapping[str, str]) -> list[ReplyLine]:
    """The reply to `command`, checked to be whole: a reply that was cut off would read as sessions that are gone."""
    code = -1
    ended = False
    lines: list[ReplyLine] = []
    for raw in replies.get(command, "").split("\n"):
        # Most lines are of this kind, some thirty for each session.
        if raw.startswith(" ") and code >= 0:
            text = raw[1:]
        elif match := _LINE.fullmatch(raw):
            code = int(match[1])
            text = match[3]
            ended = match[2] == " " and code in _END_CODES
        elif not raw:
            continue
        else:
            raise Malformed(f"BIRD's reply to `{command}` has a line without a code: {raw[:80]!r}")
        if code >= _FIRST_ERROR_CODE:
            raise Malformed(f"BIRD answers `{command}` with an error: {code} {text[:80]}")
        lines.append(ReplyLine(code, text))
    if not ended:
        raise Malformed(f"BIRD's reply to `{command}` ends in the middle")
    return lines
