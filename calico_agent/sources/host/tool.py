"""Programs of this host that are run to be read: by an absolute path, with bounds for their time and output.

Only root's own programs are run, from the folders where distributions put them, whatever PATH says.
"""

from contextlib import suppress
from pathlib import Path

from calico_agent.model.unreadable import Unreadable
from calico_agent.sources.host.conversation import BoundError, converse
from calico_agent.sources.host.text_file import is_roots_own

_FOLDERS = tuple(map(Path, ("/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin")))
_ENVIRONMENT = {"PATH": ":".join(map(str, _FOLDERS)), "LC_ALL": "C"}
_LONGEST_COMPLAINT = 300


def find_tool(*names: str, folders: tuple[Path, ...] = ()) -> Path | None:
    """The first of these programs that this host has; `folders` are looked into as well."""
    for name in names:
        for folder in (*_FOLDERS, *folders):
            with suppress(OSError):
                if is_roots_own((folder / name).stat()):
                    return folder / name
    return None


def run_tool(tool: Path, *arguments: str, seconds: float, limit: int) -> str | Unreadable:
    """What it prints. One that fails, takes longer or prints more than that many bytes is Unreadable."""
    command = (str(tool), *arguments)
    try:
        said = converse(command, _ENVIRONMENT, seconds=seconds, limit=limit)
    except OSError as error:
        return Unreadable(tool.name, f"{tool} cannot be run: {error.strerror}.", "refused")
    except BoundError as error:
        return Unreadable(tool.name, f"{' '.join(command)} {error}.", "timeout")
    if said.code:
        complaint = " ".join(said.errors.decode(errors="backslashreplace").split())[:_LONGEST_COMPLAINT]
        return Unreadable(tool.name, f"{' '.join(command)} failed: {complaint or said.code}.", "refused")
    return said.output.decode(errors="backslashreplace")
