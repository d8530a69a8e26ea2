"""What BIRD says, word for word, in the form of a recording: `# > COMMAND`, then its reply."""

from collections.abc import Iterator

from calico_agent.diags.bundle import BundlePart
from calico_agent.sources.bird.client import ask_bird
from calico_agent.sources.bird.decode.interfaces import LINKS_COMMAND
from calico_agent.sources.bird.decode.replies import COMMANDS, RIB_COMMAND

_ASKED = (*COMMANDS, LINKS_COMMAND, RIB_COMMAND, "show route all", "show symbols", "show memory")
_SECONDS = 5.0


def bird_parts(hostname: str, socket: str, socket6: str) -> Iterator[BundlePart]:
    """Both daemons; of the one for IPv6 nothing where it was never there."""
    yield BundlePart(f"{hostname}/bird.txt", _conversation(socket))
    said = _conversation(socket6)
    if "[Errno 2]" not in said:
        yield BundlePart(f"{hostname}/bird6.txt", said)


def _conversation(path: str) -> str:
    replies = ask_bird(path, _ASKED, timeout=_SECONDS)
    return "".join(f"# > {command}\n{reply}" for command, reply in replies.items())
