"""What is written about the code is what the code says."""

import pytest

from local.make_docs import DOCS, PAGES


@pytest.mark.parametrize("name", PAGES)
def test_a_made_document_is_up_to_date(name: str) -> None:
    made = PAGES[name]()
    assert (DOCS / name).read_text(encoding="utf-8") == made, "run python -m local.make_docs"
