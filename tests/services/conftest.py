"""Every desk of these tests must be at rest when its test ends."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.builders import Desk, a_desk, assert_at_rest

MakeDesk = Callable[..., Desk]


@pytest.fixture
def make_desk() -> Iterator[MakeDesk]:
    """Builds desks and looks at them again at the end; `left_open` excuses one."""
    desks: list[Desk] = []

    def make(*args: Any, **kwargs: Any) -> Desk:
        desks.append(a_desk(*args, **kwargs))
        return desks[-1]

    yield make
    for desk in desks:
        if not desk.left_open:
            assert_at_rest(desk)
