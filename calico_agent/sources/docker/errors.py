"""Why the Docker Engine cannot be read, in a sentence."""

from collections.abc import Iterator

from docker.errors import APIError, DockerException, InvalidVersion
from requests.exceptions import RequestException, Timeout

from calico_agent.descriptors import SHORT
from calico_agent.model.observation import Unreadable
from calico_agent.sources.decode_error import Malformed

# An answer that is JSON, but not of the Engine's form.
_OTHER_FORM = (AttributeError, KeyError, TypeError, ValueError)
DOCKER_ERRORS = (DockerException, RequestException, OSError, Malformed, *_OTHER_FORM)
"""What a question to the Engine may raise."""


def why_unreadable(url: str, timeout: float, error: Exception) -> Unreadable:
    """The failure in a sentence. Docker's errors wrap requests', which wrap urllib3's, which wrap the socket's."""
    causes = list(_causes(error))
    socket_path = url.removeprefix("unix://")

    def caused_by(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    if any(isinstance(cause, OSError) and cause.errno in SHORT for cause in causes):
        return Unreadable("Docker", "calico-agent is out of file descriptors", "short")
    if caused_by(Timeout, TimeoutError, BlockingIOError):
        return Unreadable("Docker", f"dockerd does not answer within {timeout:g} s: it hangs", "timeout")
    if caused_by(FileNotFoundError, NotADirectoryError):
        return Unreadable("Docker", f"there is no socket {socket_path}: dockerd does not run here", "absent")
    if caused_by(PermissionError):
        return Unreadable("Docker", f"no permission to use {socket_path}; calico-agent runs as root", "denied")
    if caused_by(ConnectionError):
        return Unreadable("Docker", f"nobody answers on {socket_path}: dockerd does not run", "refused")
    for refusal in causes:
        if isinstance(refusal, APIError) and "API version" not in str(refusal.explanation):
            return Unreadable("Docker", f"dockerd refuses: {refusal.explanation}", "error")
        if isinstance(refusal, APIError | InvalidVersion):
            return Unreadable("Docker", f"dockerd and calico-agent have no API version in common: {error}", "version")
    return Unreadable("Docker", f"what answers on {socket_path} is not a Docker Engine: {causes[-1]!r}", "malformed")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and everything that it wraps, whether as cause, as context or as an argument."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        cause = waiting.pop()
        if isinstance(cause, BaseException) and id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            waiting += [cause.__cause__, cause.__context__, *cause.args]
