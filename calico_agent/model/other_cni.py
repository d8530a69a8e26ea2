"""Daemons of other networks for pods than Calico's that run on this host."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OtherCni:
    """`programs` are those that run in the network of this host."""

    programs: tuple[str, ...] = ()
