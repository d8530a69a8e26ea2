"""What a command says, and what a shell learns of it."""

from dataclasses import dataclass

from calico_agent.errors import EXIT_GOOD


@dataclass(frozen=True, slots=True)
class Told:
    """`text` goes to standard output, `aside` to standard error."""

    text: str
    aside: str = ""
    exit_code: int = EXIT_GOOD
