"""A small Calico cluster on one machine, for tests, for the demonstration and for trying things by hand.

`python -m tests.lab --help`; from Python: `Lab`, `Options`, `Pool`, `LabError`.
"""

from tests.lab.errors import LabError
from tests.lab.lab import Lab
from tests.lab.options import Options, Pool

__all__ = ["Lab", "LabError", "Options", "Pool"]
