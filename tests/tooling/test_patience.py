"""What holds for every test: a machine that is slow, or stands still, refutes nothing."""

import pytest
from hypothesis import settings


def test_no_example_of_a_property_is_too_slow() -> None:
    assert settings.default is not None
    assert settings.default.deadline is None


def test_a_test_that_hangs_is_ended_late(pytestconfig: pytest.Config) -> None:
    assert float(pytestconfig.getini("timeout")) >= 300
