"""The names that a printed world is made of: `from tests.worlds.again import *; print(wrong(Case(...)))`."""

from dataclasses import is_dataclass
from importlib import import_module
from ipaddress import *  # noqa: F403
from pkgutil import iter_modules

from tests.worlds import model
from tests.worlds.faults import FAULTS
from tests.worlds.model.releases import RELEASES
from tests.worlds.properties import wrong  # noqa: F401
from tests.worlds.strategies import Case  # noqa: F401

FAULT = {one.name: one for one in FAULTS}
RELEASE = {one.version: one for one in RELEASES}

for _module in iter_modules(model.__path__, f"{model.__name__}."):
    globals().update({name: one for name, one in vars(import_module(_module.name)).items() if is_dataclass(one)})
