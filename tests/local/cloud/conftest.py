"""A desk with a hand-made world, and a cloud over it."""

from collections.abc import Iterator

import pytest

from local.cloud.answerers import Desk
from local.cloud.clouds import Cloud, running_cloud
from local.cloud.tokens import Keys
from tests.local.cloud.handmade import PlainWorld, StillClock


@pytest.fixture
def world() -> PlainWorld:
    return PlainWorld()


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture(scope="session")
def keys() -> Keys:
    """One RSA key for all tests: making one takes longer than most of them."""
    return Keys()


@pytest.fixture
def desk(world: PlainWorld, clock: StillClock, keys: Keys) -> Desk:
    return Desk(world=world, clock=clock, keys=keys)


@pytest.fixture
def cloud(desk: Desk) -> Iterator[Cloud]:
    with running_cloud(desk) as running:
        yield running
