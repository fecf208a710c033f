"""The previews: everything that people would read, written to files."""

import json
from pathlib import Path

from local.previews import write


def test_every_message_and_every_page_is_written(tmp_path: Path) -> None:
    said: list[str] = []

    write(tmp_path / "previews", said.append)

    found = {file.name for file in (tmp_path / "previews").iterdir()}
    for name in ("firing", "reminder", "resolved", "several"):
        assert {f"{name}.html", f"{name}.png", f"{name}.txt", f"{name}.slack.json"} <= found
        html = (tmp_path / "previews" / f"{name}.html").read_text(encoding="utf-8")
        assert f'src="{name}.png"' in html
        blocks = (tmp_path / "previews" / f"{name}.slack.json").read_text(encoding="utf-8")
        assert json.loads(blocks)["blocks"]
    pages = [(tmp_path / "previews" / f"link_{one}.html").read_text() for one in PAGES]
    assert ["<form" in page for page in pages] == [True, False, False, False]
    assert "Already done" in pages[2]
    assert "does not work" in pages[3]
    assert len(said) == 1


PAGES = ("question", "done", "used", "broken")
