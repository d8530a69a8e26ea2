"""What other networks for pods than Calico's have on this host."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OtherCni:
    """`programs` are daemons that run in the network of this host. `files` are CNI configurations that the runtime does
    not take, because one of Calico's comes first.
    """

    programs: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
