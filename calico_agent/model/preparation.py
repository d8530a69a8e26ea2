"""What was read for the preflight (`verify.host`), beside what every pass reads."""

from dataclasses import dataclass

from calico_agent.model.sysctl import Sysctls
from calico_agent.model.unreadable import Unreadable


@dataclass(frozen=True, slots=True)
class Preparation:
    """A field for each subject, None where it was not read. Fields are named as the readers of
    `observe.preparation`."""

    sysctls: Sysctls | Unreadable | None = None
