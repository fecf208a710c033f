"""GET metrics: the client's shapes, even steps, and a sentence for every wrong question."""

from itertools import pairwise

import pytest

from shared.catalog.metrics import CATALOG
from shared.domain.ranges import RANGES
from shared.services.collect import store
from shared.web.metrics import METRICS
from tests.builders import BAD, OK, TARGET, Desk, ScriptedSource, a_desk, a_reading, a_rule, at
from tests.web.builders import Counter, a_request, bearer, check_answer, crm_token, moment

BRIEF = {
    "timestamp",
    "dtuUtilization",
    "memoryUsage",
    "cpuUtilization",
    "storageUsage",
    "connectionCount",
    "responseTime",
    "errorRate",
    "throughput",
    "activeUsers",
    "interactionsLogged",
    "reportsGenerated",
    "offlineSync",
}
BEYOND = {
    "dtuPeak",
    "dtuCpu",
    "dtuDataIo",
    "dtuLogWrite",
    "workersPercent",
    "sessionsPercent",
    "storagePercent",
    "blockedSessions",
    "http5xx",
    "http4xx",
    "monitor",
    "memoryProcess",
    "memoryHeap",
    "httpQueueLength",
    "outboundSockets",
    "bytesIn",
    "bytesOut",
    "appDiskUsage",
    "availability",
    "probeLatency",
    "certificateDaysLeft",
    "clientErrorRate",
    "reportDuration",
    "pageViews",
    *(metric.name for metric in CATALOG.metrics if metric.group == "security"),
    *(metric.name for metric in CATALOG.metrics if metric.sources == ("deals",)),
}


@pytest.fixture
def desk() -> Desk:
    """A storm of DTU from minute 5 on, told; ten minutes are there."""
    desk = a_desk([OK] * 5 + [BAD] * 600)
    desk.ticks(0, 11)
    return desk


@pytest.fixture
def counter(desk: Desk) -> Counter:
    return Counter(desk)


def test_the_answer_has_the_clients_shape(counter: Counter) -> None:
    told = counter.get(METRICS, 10.5)

    assert list(told["data"]) == [
        "current",
        "historical",
        "alerts",
        "insights",
        "systemStatus",
        "lastUpdated",
        "currentMeta",
    ]
    for sample in (told["data"]["current"], *told["data"]["historical"]):
        assert sample.keys() == BRIEF | BEYOND
        assert sample["responseTime"].keys() == {"avg", "p50", "p95", "p99"}
        assert sample["offlineSync"].keys() == {"pending", "failed"}
        assert sample["monitor"].keys() == {"cpuMs", "logicalReads"}


def test_current_is_the_newest_figure_and_what_is_missing_is_null(counter: Counter) -> None:
    data = counter.get(METRICS, 10.5)["data"]

    assert data["current"]["timestamp"] == "2026-01-01T00:09:00Z"
    assert data["current"]["dtuUtilization"] == BAD
    assert data["current"]["memoryUsage"] is None
    assert data["current"]["responseTime"]["p99"] is None
    assert data["lastUpdated"] == "2026-01-01T00:10:20Z"


def test_beside_current_stands_how_old_it_is(counter: Counter) -> None:
    meta = counter.get(METRICS, 10.5)["data"]["currentMeta"]

    assert meta["metrics"]["dtuUtilization"] == {
        "minute": "2026-01-01T00:09:00Z",
        "ageSeconds": 90,
        "stale": False,
        "provisional": False,
    }
    assert meta["metrics"]["memoryUsage"] == {
        "minute": None,
        "ageSeconds": None,
        "stale": True,
        "provisional": False,
    }
    assert meta["sources"]["dmv"] == {
        "coveredUntil": "2026-01-01T00:10:00Z",
        "askedAt": "2026-01-01T00:10:20Z",
        "stale": False,
    }
    assert meta["sources"]["logs"] == {"coveredUntil": None, "askedAt": None, "stale": True}
    assert meta["systemStatusReasons"] == [
        "DTU high is firing (critical)",
        "DTU 99 % (critical from 95 %)",
    ]


def test_status_alerts_and_insights_tell_the_same_story(counter: Counter) -> None:
    data = counter.get(METRICS, 10.5)["data"]

    assert data["systemStatus"] == "critical"
    assert [alert["ruleId"] for alert in data["alerts"]] == ["dtu-high"]
    assert data["alerts"][0]["alertId"] == f"{TARGET}.{data['alerts'][0]['id']}"
    assert data["insights"] == ["DTU 99 % for 5 min; critical from 95 %."]


@pytest.mark.parametrize(
    ("label", "count", "step"),
    [
        ("15m", 15, 1),
        ("30m", 30, 1),
        ("1h", 60, 1),
        ("3h", 180, 1),
        ("6h", 360, 1),
        ("12h", 144, 5),
        ("24h", 288, 5),
        ("3d", 864, 5),
        ("7d", 168, 60),
        ("14d", 336, 60),
        ("30d", 720, 60),
        ("90d", 360, 360),
        ("1y", 365, 1440),
    ],
)
def test_a_range_is_answered_in_even_steps(
    counter: Counter, label: str, count: int, step: int
) -> None:
    told = counter.get(METRICS, 10.5, range=label)
    starts = [moment(sample["timestamp"]) for sample in told["data"]["historical"]]

    assert len(starts) == count
    assert {b - a for a, b in pairwise(starts)} == {at(step) - at(0)}
    assert starts[-1] <= at(9) < starts[-1] + (at(step) - at(0))
    assert (moment(told["meta"]["from"]), told["meta"]["stepMinutes"]) == (starts[0], step)
    assert moment(told["meta"]["to"]) == starts[-1] + (at(step) - at(0))
    assert told["meta"]["percentileError"] == 0.02


def test_every_range_is_tried_here() -> None:
    ranges = "15m 30m 1h 3h 6h 12h 24h 3d 7d 14d 30d 90d 1y"

    assert list(RANGES) == ranges.split()


def test_an_hour_is_the_default_and_gaps_are_null(counter: Counter) -> None:
    told = counter.get(METRICS, 10.5)
    values = [sample["dtuUtilization"] for sample in told["data"]["historical"]]

    assert told["meta"]["range"] == "1h"
    assert values == [None] * 50 + [OK] * 5 + [BAD] * 5


def test_chosen_metrics_alone_are_answered(counter: Counter) -> None:
    data = counter.get(METRICS, 10.5, metrics="dtuUtilization, responseTime.p95")["data"]

    for sample in (data["current"], *data["historical"]):
        assert sample.keys() == {"timestamp", "dtuUtilization", "responseTime"}
        assert sample["responseTime"].keys() == {"p95"}
    assert data["currentMeta"]["metrics"].keys() == {"dtuUtilization", "responseTime.p95"}
    assert data["systemStatus"] == "critical"


@pytest.mark.parametrize("none", ["", ",", " , "])
def test_no_name_at_all_means_every_metric(counter: Counter, none: str) -> None:
    every = counter.get(METRICS, 10.5)["data"]

    assert counter.get(METRICS, 10.5, metrics=none)["data"] == every


def test_before_the_first_tick_nothing_is_known() -> None:
    data = Counter(a_desk()).get(METRICS, 0)["data"]

    assert (data["systemStatus"], data["lastUpdated"]) == ("unknown", None)
    assert (data["alerts"], data["insights"], data["current"]["timestamp"]) == ([], [], None)
    assert len(data["historical"]) == 60


def test_an_answer_is_never_kept(counter: Counter) -> None:
    answer = counter.ask(METRICS, 10.5, a_request(headers=bearer(crm_token())))

    assert check_answer(answer)["success"] is True


@pytest.fixture
def strangers(counter: Counter) -> Counter:
    counter.targets = (TARGET, "other-app")
    return counter


@pytest.mark.parametrize(
    ("params", "code", "sentence"),
    [
        ({"range": "2h"}, "invalid_range", "range is one of 15m, 30m, 1h"),
        ({"range": "1h,1h"}, "invalid_range", "not '1h,1h'"),
        ({"range": "1h", "from": "2026-01-01T00:00:00Z"}, "invalid_range", "give a range, or"),
        ({"to": "2026-01-01T00:00:00Z"}, "invalid_range", "give a range, or from and perhaps to"),
        ({"from": "2026-01-02T00:00:00Z"}, "invalid_range", "before now"),
        ({"from": "2026-01-01T00:00:00"}, "invalid_from", "with its zone"),
        ({"from": "0001-01-01T00:00:00Z"}, "invalid_from", "with its zone"),
        ({"from": "2025-12-31T00:00:00Z", "to": "noon"}, "invalid_to", "with its zone"),
        ({"range": "3d", "step": "1m"}, "invalid_range", "at most 2,000 points"),
        ({"range": "30d", "step": "30m"}, "invalid_range", "reads too much at once"),
        ({"from": "2019-01-01T00:00:00Z"}, "invalid_range", "at most 2,000 days long"),
        ({"from": "2025-09-01T00:00:00Z", "step": "5m"}, "invalid_range", "at most 2,000 points"),
        (
            {"from": "2025-09-01T00:00:00Z", "to": "2025-09-02T00:00:00Z", "step": "5m"},
            "invalid_range",
            "minutes are kept for 90 days; ask for steps of whole hours",
        ),
        ({"step": "90s"}, "invalid_step", "5m, 1h or 1d"),
        ({"step": "0m"}, "invalid_step", "5m, 1h or 1d"),
        ({"format": "csv"}, "invalid_format", "one of rows, columns"),
        ({"metrics": "dtuUtilisation"}, "unknown_metric", "did you mean dtuUtilization"),
        ({"metrics": "x" * 5000}, "unknown_metric", "there is no metric"),
        ({"target": "other-ap"}, "unknown_target", "did you mean other-app?"),
        ({"target": "x"}, "unknown_target", "known are pantry-crm, other-app"),
        ({"rnage": "1h"}, "unknown_parameter", "did you mean range?"),
        ({"q": "1"}, "unknown_parameter", "known are range, from, to, step"),
    ],
)
def test_a_wrong_question_is_answered_with_what_would_be_right(
    strangers: Counter, params: dict[str, str], code: str, sentence: str
) -> None:
    status, said, message = strangers.refused(METRICS, 10.5, **params)

    assert (status, said) == (400, code)
    assert sentence in message
    assert len(message) <= 1000


def test_another_target_has_figures_of_its_own(strangers: Counter) -> None:
    told = strangers.get(METRICS, 10.5, target="other-app")

    assert told["meta"]["target"] == "other-app"
    assert told["data"]["current"]["dtuUtilization"] is None


def test_a_reader_may_look(counter: Counter) -> None:
    headers = bearer(crm_token(roles="reader"))

    assert counter.ask(METRICS, 10.5, a_request(headers=headers)).status_code == 200


def test_the_whole_of_three_days_is_answered_in_one_piece() -> None:
    source = ScriptedSource([OK] * 4400)
    desk = a_desk(rules=[a_rule()], sources=[source])
    desk.tick(4400)

    told = Counter(desk).get(METRICS, 4400.5, range="3d")

    assert {sample["dtuUtilization"] for sample in told["data"]["historical"]} == {OK}
    assert told["data"]["systemStatus"] == "healthy"
    assert len(CATALOG.metrics) == len(told["data"]["currentMeta"]["metrics"])


def test_columns_hold_the_same_past_with_its_spikes(counter: Counter) -> None:
    asked = {"range": "12h", "metrics": "dtuUtilization,responseTime.p95"}
    rows = counter.get(METRICS, 10.5, **asked)["data"]["historical"]
    told = counter.get(METRICS, 10.5, **asked, format="columns")
    past = told["data"]["historical"]

    assert past["stepMinutes"] == told["meta"]["stepMinutes"] == 5
    assert past["points"] == len(rows) == 144
    assert past["from"] == rows[0]["timestamp"] == told["meta"]["from"]
    assert moment(past["to"]) == at(10)
    assert past["provisionalFrom"] is None
    assert past["series"].keys() == {"dtuUtilization", "responseTime.p95"}
    dtu = past["series"]["dtuUtilization"]
    assert dtu["value"] == [row["dtuUtilization"] for row in rows]
    assert [dtu[name][-2:] for name in ("min", "max")] == [[OK, BAD], [OK, BAD]]
    assert set(past["series"]["responseTime.p95"]["value"]) == {None}


def test_the_provisional_tail_is_marked_in_either_format() -> None:
    plan = ScriptedSource([900.0] * 60, metric="memoryUsage", name="plan")
    desk = a_desk(rules=[], sources=[plan])
    desk.tick(9)
    reading = a_reading({9: 901.0}, covered=7, metric="memoryUsage", source="plan")
    store([reading], TARGET, catalog=CATALOG, samples=desk.house.samples, now=at(10))
    counter = Counter(desk)

    columns = counter.get(METRICS, 10.5, metrics="memoryUsage", format="columns")
    rows = counter.get(METRICS, 10.5, metrics="memoryUsage")

    assert columns["data"]["historical"]["provisionalFrom"] == "2026-01-01T00:09:00Z"
    assert rows["meta"]["provisionalFrom"] == "2026-01-01T00:09:00Z"


def test_a_past_from_one_moment_to_another(counter: Counter) -> None:
    asked = {"from": "2026-01-01T00:03:00Z", "to": "2026-01-01T01:06:30+01:00"}
    told = counter.get(METRICS, 10.5, **asked)
    starts = [moment(sample["timestamp"]) for sample in told["data"]["historical"]]

    assert starts == [at(3), at(4), at(5), at(6)]
    assert told["meta"]["range"] is None
    assert told["meta"]["damaged"] == []


def test_a_step_of_ones_own(counter: Counter) -> None:
    past = counter.get(METRICS, 10.5, range="1h", step="10m")["data"]["historical"]

    assert [row["dtuUtilization"] for row in past] == [None] * 5 + [(OK + BAD) / 2]


def test_how_usual_it_was_is_told_in_columns_of_what_is_judged(counter: Counter) -> None:
    names = "dtuUtilization,dtuCpu"
    told = counter.get(METRICS, 10.5, format="columns", usual="1", metrics=names, range="15m")
    series = told["data"]["historical"]["series"]

    assert [len(series["dtuUtilization"]["usual"][name]) for name in ("score", "low", "high")] == (
        [15] * 3
    )
    assert "usual" not in series["dtuCpu"]
    assert counter.refused(METRICS, 10.5, usual="1")[:2] == (400, "invalid_usual")
    assert counter.refused(METRICS, 10.5, usual="2", format="columns")[:2] == (400, "invalid_usual")
