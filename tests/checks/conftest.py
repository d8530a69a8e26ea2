"""Make failures of the shared check readable."""

import pytest

pytest.register_assert_rewrite("tests.checks.case")
