"""What is asked of every rule: which of these addresses is the node's?"""

from dataclasses import dataclass

from calico_agent.identify.surroundings import Surroundings
from calico_agent.model.address import Family, IPAddress
from calico_agent.model.identity import Candidate, KeptAddress
from calico_agent.model.settings import AddressSettings


@dataclass(frozen=True, slots=True)
class Question:
    """Which of `candidates`, all of one family, is the node's address?"""

    family: Family
    settings: AddressSettings
    candidates: tuple[Candidate, ...]
    around: Surroundings
    kept: KeptAddress | None = None

    def candidate(self, address: IPAddress) -> Candidate | None:
        """The candidate with this address, preferably one that is not rejected."""
        held = [candidate for candidate in self.candidates if candidate.interface.ip == address]
        return next((candidate for candidate in held if candidate.accepted), held[0] if held else None)
