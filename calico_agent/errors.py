"""Errors that end a command. Each is one line for a person: what was wanted, what was found, a hint at the cure.

Faults of the world outside (no Docker, no etcd) are not errors but values: see `model.observation.Unreadable`.
"""

EXIT_GOOD = 0
EXIT_WRONG = 1
EXIT_USAGE = 2
EXIT_NOT_RUNNING = 3


class CalicoAgentError(Exception):
    """Base of all. `exit_code` is what the command that it ends returns to the shell."""

    exit_code = EXIT_WRONG

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class ConfigError(CalicoAgentError):
    """The configuration cannot be used. `faults` are all that is wrong with it, a line each."""

    exit_code = EXIT_USAGE

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class UsageError(CalicoAgentError):
    """The command line asks for something that does not exist."""

    exit_code = EXIT_USAGE


class NotRunningError(CalicoAgentError):
    """The running agent was asked and none answered."""

    exit_code = EXIT_NOT_RUNNING


class ServeError(CalicoAgentError):
    """The agent cannot open the sockets it serves on."""


class AnotherAgentError(ServeError):
    """Another agent runs on this host."""
