"""The recorded BIRD daemons: `bird.txt` and `bird6.txt`, raw replies of the control sockets."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from calico_agent.model.calico.bird import Bird
from calico_agent.model.network.address import Family
from calico_agent.model.observation import Unreadable
from calico_agent.sources.bird.decode.replies import COMMANDS, RIB_COMMAND, decode_bird
from calico_agent.sources.decode_error import Malformed
from tests.replay.files import text

_ERRORS = {"[Errno 2]": "absent", "[Errno 11]": "timeout", "timed out": "timeout", "[Errno 111]": "refused"}
_CLOCK = "Current server time is "


def read_bird(path: Path, family: Family) -> Bird | Unreadable:
    """One daemon, with the error that its socket gave where it did not answer."""
    recorded = text(path)
    source = "BIRD" if family is Family.IPV4 else "BIRD for IPv6"
    if recorded is None:
        return Unreadable(source, f"{path.name} is missing", "absent")
    replies = dict(replies_of(recorded))
    for command in COMMANDS:
        reply = replies.get(command, "")
        if reply.startswith("# error:"):
            reason = reply.removeprefix("# error:").strip()
            code = next((code for mark, code in _ERRORS.items() if mark in reason), "malformed")
            return Unreadable(source, reason, code)
    wanted = {command: reply for command, reply in replies.items() if command in COMMANDS}
    if not replies.get(RIB_COMMAND, "# error:").startswith("# error:"):
        wanted[RIB_COMMAND] = replies[RIB_COMMAND]
    try:
        return decode_bird(family, wanted)
    except Malformed as error:
        return Unreadable(source, str(error), "malformed")


def server_time(path: Path) -> datetime | None:
    """BIRD's own clock, None where it says nothing."""
    for line in (text(path) or "").splitlines():
        if _CLOCK in line:
            try:
                return datetime.fromisoformat(line.partition(" is ")[2].strip()).replace(tzinfo=UTC)
            except ValueError:
                return None
    return None


def replies_of(recorded: str) -> Iterator[tuple[str, str]]:
    """Each command with its reply; `# greeting` lines and the greeting below them belong to none."""
    for part in recorded.split("# > ")[1:]:
        command, _, reply = part.partition("\n")
        yield command.strip(), reply.partition("# greeting")[0]
