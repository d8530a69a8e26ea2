"""Which address is chosen on links of every kind: guest_links.py runs in a guest, where such links can be made."""

import sys

import pytest

from tests.lab.namespaces import REPOSITORY
from tests.uml.guest import Guest

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


def test_each_address_on_links_of_every_kind_has_its_verdict(guest: Guest) -> None:
    tests = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/uml/guest_links.py")
    done = guest.run(sys.executable, *tests, cwd=str(REPOSITORY), timeout=280)
    assert done.returncode == 0, done.stdout.decode(errors="replace")
