"""Fixtures for every test: real storage, started once per worker and empty for each test."""

import gc
import os
from collections.abc import Generator, Iterator

import pytest
from hypothesis import settings

from local.azurite import Account, Azurite, AzuriteMissingError, running_azurite
from local.proxies import around_proxies

# By default one example of a property may take 200 ms: a machine that stands still for so long
# would refute it.
settings.register_profile("patient", settings.default, deadline=None)
settings.load_profile("patient")

pytest_plugins = ["pytester", "tests.listed_skips"]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is collected lives to the end: to look for garbage among it is a waste."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session", autouse=True)
def no_proxy_between_us_and_ourselves() -> Iterator[None]:
    """Whatever proxy this machine has, the tests' own servers are not behind it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in around_proxies(os.environ).items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """A running Azurite, in memory; a test that wants empty storage asks for `storage`."""
    try:
        with running_azurite() as running:
            yield running
    except AzuriteMissingError as missing:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(missing))


@pytest.fixture
def storage(azurite: Azurite) -> Account:
    """An empty storage account of the running Azurite, this test's own."""
    return azurite.fresh_account()
