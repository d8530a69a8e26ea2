"""What a fault and its cause have in common: the words in which `explained_by` is written."""

from calico_agent.model.finding import Causes, Fault, Writer
from calico_agent.model.joining import Scope


def same_prefix(*faults: Fault, writer: Writer | None = None) -> Causes:
    """Name these as what explains a finding, found of the same prefix."""
    return Causes(faults, Scope.PREFIX, writer)


def same_node(*faults: Fault, writer: Writer | None = None) -> Causes:
    """Name these as what explains a finding, found of the same node."""
    return Causes(faults, Scope.NODE, writer)


def same_tunnel_device(*faults: Fault, writer: Writer | None = None) -> Causes:
    """Name these as what explains a finding, found of the tunnel device into which the route leads."""
    return Causes(faults, Scope.DEVICE, writer)


def this_host(*faults: Fault, writer: Writer | None = None) -> Causes:
    """Name these as what explains a finding, found of this host, whatever node the finding is about."""
    return Causes(faults, Scope.HERE, writer)
