"""A report as a mail: its pictures are attached, shown and told in words."""

import re
import struct
import threading
from functools import cache
from html import unescape

import pytest
from msgspec.structs import replace

from shared.adapters.channels import email
from shared.adapters.report_mail import report_html
from shared.adapters.report_pictures import Picture, Sketch, sketches
from shared.domain.notifications import Notification, compose
from shared.domain.reports.weekly import weekly_event
from tests.a_report import a_deploy, a_report
from tests.builders import MAIL
from tests.domain.lines import END

EVIL = '"><script>alert(1)</script>'


@cache
def pictures() -> tuple[Picture, ...]:
    return tuple(one.drawn() for one in sketches(a_report()))


def a_mail() -> Notification:
    event = weekly_event(a_report(), MAIL, due_at=END, now=END)
    return replace(compose("m1", MAIL, [event]), report=a_report())


def test_its_pictures_are_pngs_of_what_matters() -> None:
    assert [one.title for one in pictures()] == [
        "Response time (ms)",
        "DTU (%)",
        "Memory (MB)",
        "Active users",
        "Throughput by weekday and hour (requests/min)",
    ]
    for one in pictures():
        assert one.png.startswith(b"\x89PNG")
        width, height = struct.unpack(">II", one.png[16:24])
        assert (width, 300 < height < 400) == (1080, True)


def test_every_picture_is_told_in_words() -> None:
    assert pictures()[1].alt == (
        "DTU from 2026-03-09 06:00 to 2026-03-16 06:00 UTC: 2 % to 56 % on average, highest sample "
        "56 %, 100 % of minutes known."
    )
    assert "most on" in pictures()[-1].alt


def test_the_same_figures_are_the_same_bytes() -> None:
    first = sketches(a_report())[0]

    assert first.drawn().png == pictures()[0].png


def test_what_is_shown_is_attached_and_what_is_attached_is_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(email, "DRAWING_REPORT", 60)
    html, attached = email._shown(a_mail())

    shown = re.findall(r'src="cid:([^"]+)" alt="([^"]+)"', html)
    assert [name for name, _ in shown] == [one["contentId"] for one in attached]
    assert len(attached) == 5
    assert {one["contentType"] for one in attached} == {"image/png"}
    assert "<script" not in html


def test_a_mail_whose_pictures_are_not_ready_goes_without_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn = threading.Event()

    def draw(_: Sketch) -> None:
        drawn.wait(60)

    monkeypatch.setattr(Sketch, "drawn", draw)
    monkeypatch.setattr(email, "DRAWING_REPORT", 0.05)

    html, attached = email._shown(a_mail())
    drawn.set()

    assert attached == []
    assert "cid:" not in html
    assert "Response time, mean" in html


def test_what_comes_from_outside_is_only_text() -> None:
    told = report_html(a_report(target=EVIL, deployments=(a_deploy(EVIL),)), pictures())

    assert "<script" not in told


def test_a_long_name_in_a_sentence_makes_no_mail_wider_than_a_phone() -> None:
    assert '<p style="margin:0 0 8px;overflow-wrap:anywhere">The monitor\'s cost' in unescape(
        report_html(a_report(), [])
    )


def test_an_empty_week_is_a_short_mail() -> None:
    empty = a_report({}, alerts=(), deployments=())

    assert sketches(empty) == []
    assert "Nothing was measured" in report_html(empty, [])
