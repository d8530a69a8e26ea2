"""Which datastore it is, one place decides: all else goes by what a `Backend` offers."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import calico_agent
from calico_agent.model.settings import DatastoreSettings, EtcdApi
from calico_agent.sources.datastore.backends import backend_of
from calico_agent.sources.datastore.etcd2.backend import Etcd2
from calico_agent.sources.datastore.etcd3.backend import Etcd3

PACKAGE = Path(calico_agent.__file__).parent
AWARE = re.compile(r"sources/datastore/(backends|etcd2/.*|etcd3/.*|kubernetes/.*)\.py")
KIND = re.compile(r"datastore\.((?:etcd[23]|kubernetes).*)")
# The file that a reading is kept in has the form of v3's records; each member of etcd tells the time by HTTP.
ALLOWED = {
    "sources/datastore/cache.py": {"etcd3.decode", "etcd3.encode"},
    "sources/datastore/member_clocks.py": {"etcd2.reader"},
}


def kinds_in(source: str) -> Iterator[str]:
    """Each place in a module that names one kind of datastore."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(value=ast.Name(id="EtcdApi"), attr=api):
                yield f"EtcdApi.{api}"
            case ast.ImportFrom(module=str(module)) if found := KIND.search(module):
                yield found[1]


@pytest.mark.parametrize("package", ["sources/datastore", "runtime", "act", "checks", "expected", "identity", "report"])
def test_nobody_else_asks_which_datastore_it_is(package: str) -> None:
    paths = {str(path.relative_to(PACKAGE)): path for path in (PACKAGE / package).rglob("*.py")}
    found = {name: set(kinds_in(path.read_text())) for name, path in paths.items() if not AWARE.fullmatch(name)}
    assert found
    assert {name: kinds for name, kinds in found.items() if kinds - ALLOWED.get(name, set())} == {}


@pytest.mark.parametrize("source", ["a.api is EtcdApi.V2", "from calico_agent.sources.datastore.etcd2.reader import X"])
def test_one_that_does_is_found(source: str) -> None:
    assert list(kinds_in(source))


@pytest.mark.parametrize(("api", "backend"), [(EtcdApi.V2, Etcd2), (EtcdApi.V3, Etcd3)])
def test_each_api_has_its_backend(api: EtcdApi, backend: type) -> None:
    assert isinstance(backend_of(DatastoreSettings((), api=api)), backend)
