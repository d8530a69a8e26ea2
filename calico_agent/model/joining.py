"""By what findings are joined to problems, and in which order problems are told."""

from enum import Enum


class Area(Enum):
    """What a fault is about: the first part of its code.

    The order is the one in which problems of one severity are named: this host's own faults, then other hosts', then
    what BIRD and the kernel show.
    """

    NAME = "NAME"
    ADDRESS = "IP"
    NODE = "NODE"
    SUPERVISION = "SV"
    HOST = "HOST"
    KERNEL = "KERNEL"
    DOCKER = "DOCKER"
    DATASTORE = "DS"
    BIRD = "BIRD"
    BGP = "BGP"
    ROUTES = "RT"
    AGENT = "AGENT"
    CONFIGURATION = "CFG"


class Scope(Enum):
    """What a finding has in common with the one that explains it."""

    PREFIX = "the same prefix"
    NODE = "the same node"
    DEVICE = "the same tunnel device"
    HERE = "this host"


class Grouping(Enum):
    """Which problems with one fault as their cause are one problem: a single thing to do.

    Many nodes are more than three.
    """

    BY_SUBJECT = "each subject has its own"
    BY_SUBJECT_UNTIL_MANY = "each subject has its own; those of many nodes are one"
    BY_NODE = "each node has its own; those of many nodes are one"
    ALL = "all are one"
