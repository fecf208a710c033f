"""Every figure of a report equals what raw events give by other arithmetic.

The events go through the store as sources would bring them; the report is asked for over HTTP.
"""

import ast
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from local.desks import VirtualClock, furnish, memory_storage
from shared.catalog.metrics import CATALOG
from shared.catalog.rules import default_rules
from shared.domain.alerts import AlertState
from shared.domain.chunks import Merge, by_hour, touched_hours
from shared.domain.costs import Count, Usage
from shared.domain.deployments import Deployment
from shared.domain.histograms import histogram_of
from shared.domain.records import Insert, alert_key, deploy_key
from shared.domain.reports.reporting import Reporting
from shared.domain.rules import Severity
from shared.domain.samples import MinuteHistogram, Reading, Sample
from shared.domain.times import DAY, HOUR, Span, second_key
from shared.ports import House
from shared.services.count_usage import count_usage
from shared.services.summarize import roll_up_days
from shared.services.targets import activate
from shared.web.report import REPORT
from tests.builders import T0, TARGET, Desk, an_alert
from tests.reports.raw import DAYS, DEPLOYS, END, MINUTE, START, Raw, Story, at, draw
from tests.reports.recomputed import Recomputed, bill, quietest, reaches, spelled, weekly
from tests.web.builders import Counter

pytestmark = pytest.mark.slow

ZONE = "Europe/Berlin"
OBJECTIVE = 99.9
OPERATE = Path(__file__).parents[2] / "docs" / "operate.md"
SOURCE = {metric.name: metric.sources[0] for metric in CATALOG.metrics}


def test_the_recomputation_knows_nothing_of_the_monitor() -> None:
    for name in ("raw.py", "recomputed.py"):
        tree = ast.parse(Path(__file__).with_name(name).read_text(encoding="utf-8"))
        assert not [one for one in _imported(tree) if one.startswith(("shared", "local"))]


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@cache
def raw() -> Raw:
    return draw(seed=7)


@cache
def house() -> House:
    """A house over a store in memory, in which everything is stored and the nights were done."""
    made = furnish(
        memory_storage(),
        catalog=CATALOG,
        rules=[],
        sources=[],
        channels={},
        clock=VirtualClock(END),
    )
    made = replace(
        made,
        reader_zone=ZoneInfo(ZONE),
        reporting=Reporting(objective=OBJECTIVE),
        meter=Bill(),
        rules=default_rules(),
    )
    for day in range(DAYS):
        _store(made, day * 1440, (day + 1) * 1440)
    _tell(made)
    _meter(made)
    roll_up_days(TARGET, house=made, now=END)
    return made


def _store(home: House, first: int, end: int) -> None:
    """A day of samples and requests, hour by hour, as readings of their sources."""
    for begin in range(first, end, 720):
        merge = Merge(CATALOG, home.samples.latest(TARGET), {})
        readings = list(_readings(begin, min(begin + 720, end)))
        hours = {hour for one in readings for hour in touched_hours(one)}
        assert not by_hour(home.samples.hours(TARGET, min(hours), max(hours)))
        for reading in readings:
            merge.add(reading)
        home.samples.save(TARGET, merge.chunks(), merge.latest)


def _readings(first: int, end: int) -> Iterator[Reading]:
    by_source: dict[str, list[Sample]] = {}
    for name, minutes in raw().samples.items():
        for minute in range(first, end):
            for value in minutes.get(minute, ()):
                sample = Sample(name, at(minute), value)
                by_source.setdefault(SOURCE[name], []).append(sample)
    requests = {m: raw().requests[m] for m in range(first, end) if m in raw().requests}
    logs = by_source.setdefault("logs", [])
    for minute, found in requests.items():
        logs.append(Sample("throughput", at(minute), float(len(found))))
        logs.append(Sample("errorRate", at(minute), float(sum(r.status >= 500 for r in found))))
    histograms = tuple(
        MinuteHistogram(at(minute), histogram_of(one.duration for one in found))
        for minute, found in requests.items()
        if found
    )
    for source, samples in by_source.items():
        yield Reading(
            source=source,
            asked_at=at(end),
            covered_until=at(end),
            since=at(first),
            samples=tuple(samples),
            histograms=histograms if source == "logs" else (),
        )


def _tell(home: House) -> None:
    alerts = [_alert(one) for one in raw().stories]
    home.alerts.commit(TARGET, [Insert(alert_key(one.id), one) for one in alerts])
    markers = [
        Deployment(
            id=f"{second_key(END - minutes * MINUTE)}-1a2b3c4d",
            target=TARGET,
            at=END - minutes * MINUTE,
            version=version,
            by="pipeline",
        )
        for version, minutes in DEPLOYS.items()
    ]
    home.alerts.commit(TARGET, [Insert(deploy_key(one.id), one) for one in markers])


KINDS = {
    "tables": "table_operations",
    "queues": "queue_operations",
    "blob writes": "blob_writes",
    "blobs": "blob_operations",
    "executions": "executions",
    "GB-seconds": "gb_seconds",
    "log bytes": "log_bytes",
}
MIDNIGHT = END.replace(hour=0)
NO_ANSWER = "Azure answered 500"


class Bill:
    """Answers as Azure would for the monitor's own days."""

    def count(self, span: Span) -> Count:
        used = raw().used.get((MIDNIGHT - span.start) // DAY, {})
        problems = () if len(used) == len(KINDS) else (NO_ANSWER,)
        usage = Usage(**{KINDS[kind]: value for kind, value in used.items()})
        return Count(usage=usage, problems=problems)


def _meter(home: House) -> None:
    """Every night counts, as nights do; the last one saw yesterday's as the first thing."""
    activate(TARGET, config=home.config, now=START)
    for back in range(DAYS, 0, -1):
        count_usage(house=home, now=MIDNIGHT - (back - 1) * DAY + 2 * HOUR)


def _alert(story: Story) -> Any:
    over = story.resolved is not None
    return an_alert(
        f"{at(story.active):%Y%m%dT%H%MZ}-1a2b3c4d",
        rule_name=story.rule,
        severity=Severity(story.severity),
        active_at=at(story.active),
        fired_at=at(story.fired),
        count=story.bad,
        state=AlertState.RESOLVED if over else AlertState.FIRING,
        resolved_at=at(story.resolved) if story.resolved is not None else None,
        acknowledged_at=at(story.acknowledged) if story.acknowledged is not None else None,
    )


@cache
def report(label: str) -> dict[str, Any]:
    """As it is answered over HTTP."""
    clock = VirtualClock(END)
    counter = Counter(Desk(house(), memory_storage(), clock, {}))
    found: dict[str, Any] = counter.get(REPORT, (END - T0) / MINUTE, range=label)["data"]
    return found


@cache
def recomputed(label: str) -> Recomputed:
    return Recomputed(raw(), {"7d": 7, "14d": 14}[label])


LABELS = pytest.mark.parametrize("label", ["7d", "14d"])


@LABELS
def test_every_figure_and_the_one_before_it(label: str) -> None:
    other, found = recomputed(label), report(label)["figures"]
    span = other.days * 1440
    now = other.figures(other.first, other.end)
    then = other.figures(other.first - span, other.first)

    told = {one["name"]: one for one in found}
    assert told.keys() == {*now, "p95ResponseTime"}
    for name, value in now.items():
        assert told[name]["value"] == pytest.approx(value, rel=1e-9), name
        assert told[name]["before"] == pytest.approx(then[name], rel=1e-9), name
        change = (value or 0) / (then[name] or 1) - 1
        shares = [told[name][one]["share"] for one in ("coverage", "beforeCoverage")]
        if name.startswith("total") and abs(shares[0] - shares[1]) > 0.05:
            assert told[name]["change"] is None, name
        else:
            assert told[name]["change"] == pytest.approx(change, abs=1e-9), name
    p95 = told["p95ResponseTime"]
    assert p95["value"] == pytest.approx(other.p95(other.first, other.end), rel=0.02)
    assert p95["before"] == pytest.approx(other.p95(other.first - span, other.first), rel=0.02)


@LABELS
def test_the_coverage_of_every_figure(label: str) -> None:
    other, span = recomputed(label), recomputed(label).days * 1440

    for one in report(label)["figures"]:
        counted = "throughput" if one["metric"].startswith("responseTime") else one["metric"]
        for name, first in (("coverage", other.first), ("beforeCoverage", other.first - span)):
            known = other.known_minutes(counted, first, first + span)
            assert one[name] == {
                "minutes": span,
                "knownMinutes": known,
                "share": known / span,
            }, (one["name"], name)
    shares = [one["coverage"]["share"] for one in report(label)["figures"]]
    assert 0.8 < min(shares) < 1, "silences are seen"


@LABELS
def test_the_clients_summary_is_of_the_same_figures(label: str) -> None:
    now = recomputed(label).figures(recomputed(label).first, recomputed(label).end)
    names = {
        "avgResponseTime",
        "maxDTU",
        "avgMemoryUsage",
        "totalInteractions",
        "uptime",
        "errorRate",
    }

    assert report(label)["summary"] == pytest.approx({name: now[name] for name in names})


@LABELS
def test_availability_and_its_budget(label: str) -> None:
    other, found = recomputed(label), report(label)["availability"]
    probed = other.known_minutes("availability", other.first, other.end)
    budget = probed * (100 - OBJECTIVE) / 100

    assert found["minutesDown"] == other.down() > 0
    assert found["uptime"] == pytest.approx(100 * (1 - other.down() / probed))
    assert found["budgetMinutes"] == pytest.approx(budget, abs=0.05)
    assert found["leftMinutes"] == pytest.approx(budget - other.down(), abs=0.051)


@LABELS
def test_trends_and_how_sure_they_are(label: str) -> None:
    other, trends = recomputed(label), report(label)["trends"]

    for name, metric in (
        ("performance", "responseTime.avg"),
        ("resource", "dtuUtilization"),
        ("usage", "activeUsers"),
    ):
        slope, sure = other.trend(metric, 14)
        assert trends[name]["perDay"] == pytest.approx(slope, rel=1e-9), name
        assert trends[name]["confidence"] == pytest.approx(sure, abs=1e-9), name
        assert trends[name]["coverage"] == len(other.daily(metric, 14)) / 14
    told = {one["metric"]: one for one in report(label)["metricTrends"]}
    assert {"memoryUsage", "storagePercent", "throughput", "errorRate"} < told.keys()
    for metric, one in told.items():
        slope, sure = other.trend(metric, 14)
        assert one["perDay"] == pytest.approx(slope, rel=1e-9, abs=1e-12), metric
        assert one["confidence"] == pytest.approx(sure, abs=1e-9), metric


def test_forecasts() -> None:
    other, found = recomputed("7d"), {one["metric"]: one for one in report("7d")["forecasts"]}
    made = {
        "storagePercent": (other.daily("storagePercent", 28), 100.0),
        "memoryUsage": (other.busiest("memoryUsage", 28), 1750.0),
        "sessionsPercent": (other.busiest("sessionsPercent", 28), 100.0),
    }

    assert found.keys() == made.keys()
    for metric, (days, limit) in made.items():
        slope, sure = weekly(days)
        told = found[metric]
        assert told["perDay"] == pytest.approx(slope, rel=1e-9), metric
        assert told["coverage"] == len(days) / 28
        ahead = reaches(days, limit)
        assert sure > 0.95, metric
        if ahead > 730:
            assert told["reachesAt"] is None
        else:
            assert told["reachesAt"] == spelled(END + round(24 * ahead) * HOUR), metric
            assert told["earliest"] <= told["reachesAt"]
            assert told["latest"] is None or told["reachesAt"] <= told["latest"]


def test_the_hours_of_the_week_by_berlins_clock() -> None:
    found = report("7d")["heatMaps"]

    for metric in ("throughput", "activeUsers"):
        week = recomputed("7d").week(metric, ZONE)
        for told, line in zip(found[metric]["values"], week, strict=True):
            assert told == pytest.approx(line, rel=1e-9)
    day, hour = quietest(recomputed("7d").week("throughput", ZONE))
    window = report("7d")["quietHours"]["recurring"]
    days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    assert (window["weekdays"], window["start"]) == ([days[day]], f"{hour:02d}:00")


def test_charts_hour_by_hour() -> None:
    other, charts = recomputed("7d"), report("7d")["charts"]
    series = {name: one for chart in charts.values() for name, one in chart["series"].items()}
    hours = range(other.first, other.end, 60)

    assert {
        "responseTime.avg",
        "errorRate",
        "dtuUtilization",
        "memoryUsage",
        "activeUsers",
        "throughput",
        "interactionsLogged",
    } == series.keys()
    for name, one in series.items():
        assert one["value"] == pytest.approx([other.hour(name, first) for first in hours]), name
        if name != "responseTime.avg":
            lows = [min(other.values(name, h, h + 60), default=None) for h in hours]
            highs = [max(other.values(name, h, h + 60), default=None) for h in hours]
            assert (one["min"], one["max"]) == (lows, highs), name


def test_a_fortnight_is_drawn_in_steps_of_three_hours() -> None:
    other = recomputed("14d")
    line = report("14d")["charts"]["resourceUtilization"]["series"]["dtuUtilization"]["value"]

    steps = range(other.first, other.end, 180)
    assert line == pytest.approx(
        [other.over("dtuUtilization", range(s, s + 180, 60)) for s in steps]
    )


@LABELS
def test_the_worst_episodes_and_how_long_people_took(label: str) -> None:
    stories, found = recomputed(label).stories(), report(label)["episodes"]
    over = [one.resolved - one.fired for one in stories if one.resolved is not None]
    cared = [one.acknowledged - one.fired for one in stories if one.acknowledged is not None]

    assert found["count"] == len(stories)
    assert [one["ruleName"] for one in found["worst"]] == [one.rule for one in stories[:5]]
    assert [one["badMinutes"] for one in found["worst"]] == [one.bad for one in stories[:5]]
    for told, took in ((found["toResolve"], over), (found["toAcknowledge"], cared)):
        assert told == {
            "count": len(took),
            "median": median(took) if took else None,
            "longest": max(took, default=None),
            "never": len(stories) - len(took),
        }


@pytest.mark.parametrize(
    "metric", ["responseTime.avg", "errorRate", "dtuUtilization", "memoryUsage"]
)
def test_what_a_deploy_changed(metric: str) -> None:
    found = {one["version"]: one for one in report("7d")["deployments"]}

    assert found.keys() == DEPLOYS.keys()
    assert found["2.0.0"]["effects"] == [], "an hour is too little"
    (told,) = [one for one in found["2.1.0"]["effects"] if one["metric"] == metric]
    after, before = recomputed("7d").effect(metric, "2.1.0")
    assert (told["after"], told["before"]) == (
        pytest.approx(after, rel=1e-9),
        pytest.approx(before, rel=1e-9),
    )


@LABELS
def test_the_clients_dtu_spikes(label: str) -> None:
    spikes, found = recomputed(label).spikes(), report(label)
    told = {one["timestamp"]: one for one in found["anomalies"] if one["type"] == "dtu_spike"}

    assert found["unusual"]["counts"]["dtu_spike"] == len(spikes) > 50
    assert len(told) == 50
    known = {spelled(moment): value for moment, value in spikes.items()}
    for moment, one in told.items():
        assert one["value"] == known[moment]
        assert one["severity"] == ("high" if known[moment] > 90 else "medium")


@LABELS
def test_what_the_monitor_itself_took(label: str) -> None:
    other, cost = recomputed(label), report(label)["monitor"]["cost"]
    took = other.values("monitor.cpuMs", other.first, other.end)

    assert cost["cpuSeconds"] == pytest.approx(sum(took) / 1000, abs=0.001)
    assert cost["cpuShare"] == pytest.approx(sum(took) / (len(took) * 60_000))
    assert cost["logicalReads"] == sum(other.values("monitor.logicalReads", other.first, other.end))


@LABELS
def test_what_the_monitor_cost(label: str) -> None:
    """A day without an answer is no day for nothing, one without its logs counts for the rest."""
    days, found = recomputed(label).days, report(label)["monitor"]["bill"]
    whole = {back for back in range(1, days + 1) if len(raw().used.get(back, {})) == len(KINDS)}

    assert (found["from"], found["to"]) == (spelled(MIDNIGHT - days * DAY), spelled(MIDNIGHT))
    assert (found["days"], found["daysCounted"], found["daysInPart"]) == (days, len(whole), 1)
    assert len(whole) < days - 1
    told = {one["name"]: one for one in found["lines"]}
    sums = {"dollars": 0.0, "dollarsAMonth": 0.0, "withoutGrants": 0.0}
    for kind, (known, mean, paid, month, nothing_free) in bill(raw().used, days).items():
        line = told.pop(KINDS[kind])
        assert (line["days"], line["aDay"]) == (known, pytest.approx(mean)), kind
        for name, dollars in zip(sums, (paid, month, nothing_free), strict=True):
            assert line[name] == pytest.approx(dollars), (kind, name)
            sums[name] += dollars
    assert told == {}
    assert {name: found[name] for name in sums} == pytest.approx(sums)
    assert 0 < sums["dollarsAMonth"] < sums["withoutGrants"]
    assert NO_ANSWER in found["notCounted"]


def test_what_equal_rules_would_cost_is_told_as_the_documents_tell_it() -> None:
    same = report("7d")["monitor"]["bill"]["equalRules"]

    assert same["dollars"] == pytest.approx(0.10 * same["metricAlerts"] + 1.50 * same["logAlerts"])
    assert (
        f"{same['metricAlerts']} metric alerts and {same['logAlerts']} log alerts, would be "
        f"$ {same['dollars']:.2f} a month"
    ) in OPERATE.read_text(encoding="utf-8")


def test_the_range_is_the_one_that_was_asked_for() -> None:
    found = report("14d")

    assert (found["from"], found["to"]) == (spelled(END - 14 * DAY), spelled(END))
    assert (found["beforeFrom"], found["beforeTo"]) == (spelled(START), spelled(END - 14 * DAY))
