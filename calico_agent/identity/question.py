"""What is asked of every rule: which of these addresses is the node's?"""

from dataclasses import dataclass

from calico_agent.identity.evidence import Evidence
from calico_agent.model.identity import Candidate, KeptAddress
from calico_agent.model.network.address import Family, IPAddress
from calico_agent.model.settings import AddressSettings


@dataclass(frozen=True, slots=True)
class AddressQuestion:
    """Which of `candidates`, all of one family, is the node's address?"""

    family: Family
    settings: AddressSettings
    candidates: tuple[Candidate, ...]
    around: Evidence
    kept: KeptAddress | None = None

    def candidate(self, address: IPAddress) -> Candidate | None:
        """Return the candidate with this address, preferably one that is not rejected."""
        held = [candidate for candidate in self.candidates if candidate.interface.ip == address]
        return min(held, key=lambda one: (bool(one.reason), not one.accepted), default=None)

    @property
    def own(self) -> frozenset[IPAddress]:
        """Return addresses that are this host's own already: registered, given to calico/node, claimed, or chosen
        before.
        """
        kept = {self.kept.interface.ip} if self.kept is not None else set()
        return self.around.own_registered | self.around.given | self.around.claimed | kept
