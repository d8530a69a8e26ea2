"""What is logged and kept in the history: a line each for an event, its fields with their meaning below it.

A field that ends in `?` is not always there. An event or a field that no line tells fails the test beside this module.
"""

from typing import NamedTuple


class LoggedEvent(NamedTuple):
    """An event, what it says, and its fields."""

    name: str
    levels: str
    meaning: str
    fields: tuple[str, ...]


FIELDS = {
    "name": "The node's name; of a container its own.",
    "name_source": "Where the node's name comes from.",
    "ipv4": "The address with the length of its prefix.",
    "ipv4_rule": "The rule that chose it.",
    "ipv6": "The same of IPv6.",
    "ipv6_rule": "The same of IPv6.",
    "refused": "Why no name or address was chosen.",
    "type": "The condition.",
    "status": "`True`, `False` or `Unknown`.",
    "was": "What it was before; `unset` at the start.",
    "reason": "Why, for programs where it is one word.",
    "message": "Why, for people.",
    "code": "The [code](codes.md) of the fault.",
    "subject": "What it is about: a node, an address, a prefix, a session.",
    "what": "What was found.",
    "why": "How that is known.",
    "cure": "What to do.",
    "times": "How often it came lately.",
    "lasted_seconds": "From the first suspicion to the end.",
    "by_code": "The code of the problem that explains it.",
    "by_subject": "What that one is about.",
    "id": "The first twelve digits of the container's id.",
    "state": "Docker's state of the container, `absent` or `unknown`; of a session BGP's.",
    "exit_code": "How the container ended.",
    "image": "The image.",
    "error": "What went wrong.",
    "failures": "How many in a row did.",
    "peer": "The peer's address.",
    "node": "The node that has it.",
    "session": "The name of BIRD's protocol.",
    "last_error": "What BIRD says of the last failure.",
    "doing": "What it does.",
    "version": "The agent's version.",
    "mode": "`observe` or `supervise`.",
    "pid": "The agent's process.",
    "changed": "The keys of the configuration that have other values now.",
    "faults": "What is wrong with the configuration, a sentence each.",
    "kept": "What is used instead.",
    "advice": "What to do about it.",
    "exception": "The traceback.",
    "count": "How many changes this line stands for.",
    "by": "Who did it.",
    "until": "When it ends by itself; null where somebody has to end it.",
    "was_paused_by": "Who paused it.",
    "of": "The first ten of them.",
}
"""What each field says."""

_TEXT = """
started           info                The agent started: version, mode, pid
stopped           info                The agent stopped. calico/node goes on running:
identity          info, error         Who this host is, or why that is not known: name, name_source, ipv4?, ipv4_rule?, ipv6?, ipv6_rule?, refused?
condition         info, warning       A condition turned: type, status, was, reason, message
problem_suspected info                A fault is seen for the first time: code, subject, what, why, cure, times?
problem_confirmed warning, error      It has lasted for the hold-down, or keeps coming back: code, subject, what, why, cure, times?
problem_explained info                It goes on, as a consequence of another problem: code, subject, by_code, by_subject
problem_cleared   info                It is over: code, subject, lasted_seconds
session_up        info                A BGP session is established: peer, node, session, state, last_error?
session_down      info                A BGP session is established no more: peer, node, session, state, last_error?
session_flapped   info                A BGP session was down between two looks: peer, node, session, state, last_error?
session_added     info                BIRD has a session that it did not have: peer, node, session, state, last_error?
session_removed   info                BIRD does not have a session any more: peer, node, session, state, last_error?
container         info, warning       The calico/node container changed: state, name?, id?, exit_code?
pull_started      info                The image is being fetched: image
pull_done         info                The image is there: image
pull_failed       warning             The image could not be fetched: image, error, failures
paused            info                Somebody paused the agent: by, why, until
resumed           info                The pause is over: was_paused_by
acting            info                The agent does something about the container: doing, reason
action_failed     error               That failed: doing, error
reloaded          info                A configuration was taken over: mode, changed
reload_refused    error               A configuration was refused: faults, kept
restart_needed    warning             A change counts from the next start on: reason
pass_failed       error               A bug of calico-agent: error, advice, exception
history_lost      warning             So many events could not be kept, in the history only: count
"""  # noqa: E501


def _events() -> tuple[LoggedEvent, ...]:
    found = []
    for line in _TEXT.strip().splitlines():
        name, rest = line.split(maxsplit=1)
        head, _, fields = rest.partition(":")
        levels, _, meaning = head.partition("  ")
        listed = tuple(field.strip() for field in fields.split(",") if field.strip())
        found.append(LoggedEvent(name, levels, meaning.strip(), listed))
    return tuple(found)


EVENTS = _events()
