"""The cost that Azure counted: asked over the wire, and told when it can't be had."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError

from shared import cost
from shared.adapters import usage
from shared.adapters.usage import AzureUsage, Places
from shared.domain.costs import Count, Usage
from shared.domain.times import DAY, Span
from shared.settings import load
from tests.adapters.providers import Asked, Provider, running_provider
from tests.builders import T0
from tests.test_settings import GOOD

APP = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/pantry-monitor"
STORAGE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/pantry"
ALL = Places(APP, STORAGE, "9a1f6f3c")
LAST_DAY = Span(T0 - DAY, T0)


IN_PART = json.dumps(
    {
        "value": [{"name": {"value": "x"}, "timeseries": [], "errorCode": "Throttled"}],
        "error": {"code": "PartialError"},
        "tables": [{"rows": [[3.0]]}],
    }
).encode()


def a_metric(*series: tuple[str, list[float | None]]) -> bytes:
    """As Azure answers: a point without a total is an hour without anything."""
    told: list[dict[str, Any]] = [
        {
            "metadatavalues": [{"name": {"value": "apiname"}, "value": name}] if name else [],
            "data": [
                {"timeStamp": "2026-01-01T00:00:00Z", **({} if n is None else {"total": n})}
                for n in points
            ],
        }
        for name, points in series
    ]
    return json.dumps({"value": [{"name": {"value": "x"}, "timeseries": told}]}).encode()


def answering(provider: Provider) -> Callable[[Asked], None]:
    """What a day used, by what is asked."""
    answers = {
        "tableServices": a_metric(("QueryEntities", [40, None]), ("EntityGroupTransaction", [2])),
        "queueServices": a_metric(("GetMessages", [5760])),
        "blobServices": a_metric(
            ("PutBlob", [2990]),
            ("ListContainers", [10]),
            ("RenewBlobLease", [23000, 40]),
            ("DeleteBlob", [500]),
        ),
        "OnDemandFunctionExecutionCount": a_metric(("", [1440, 1537])),
        "OnDemandFunctionExecutionUnits": a_metric(("", [512_000 * 2977])),
        "/query": json.dumps({"tables": [{"rows": [[13.5]]}]}).encode(),
    }

    def answer(asked: Asked) -> None:
        body = next(body for part, body in answers.items() if part in asked.path)
        provider.answers(200, body)

    return answer


def used(provider: Provider) -> Count:
    counter = AzureUsage(
        lambda scope: f"token for {scope}", ALL, endpoint=provider.url, logs_endpoint=provider.url
    )
    return counter.count(LAST_DAY)


def test_who_is_not_signed_in_is_told_so() -> None:
    def refused(scope: str) -> str:
        raise ClientAuthenticationError(f"no credential for {scope}")

    counter = AzureUsage(
        refused, ALL, endpoint="https://management.azure.com", logs_endpoint="https://x"
    )
    found = counter.count(LAST_DAY)

    assert found.is_empty
    assert len(found.problems) == 6
    assert all("az login" in problem for problem in found.problems)


def test_a_day_is_read_as_azure_counted_it() -> None:
    with running_provider() as provider:
        provider.took = answering(provider)
        found = used(provider)

    assert found.problems == found.unasked == ()
    assert found.usage == Usage(
        table_operations=42,
        queue_operations=5760,
        blob_writes=3000,
        blob_operations=23_040,
        executions=2977,
        gb_seconds=1488.5,
        log_bytes=13_500_000,
    )
    [first, *_] = provider.asked
    assert first.headers["authorization"].startswith("Bearer token for https://management.azure")
    assert "%24filter=ApiName+eq+%27%2A%27" in first.path
    assert "timespan=2025-12-31T00%3A00%3A00Z%2F2026-01-01T00%3A00%3A00Z" in first.path


def test_rows_of_the_log_count_by_their_own_hour_however_late_they_were_written() -> None:
    with running_provider() as provider:
        provider.took = answering(provider)
        used(provider)

    asked = json.loads(provider.asked[-1].body)
    assert "StartTime >= datetime(2025-12-31T00:00:00Z)" in asked["query"]
    assert "StartTime < datetime(2026-01-01T00:00:00Z)" in asked["query"]
    assert asked["timespan"] == "2025-12-31T00:00:00Z/2026-01-02T00:00:00Z"


def test_when_answers_are_slow_no_more_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "PATIENCE", timedelta(seconds=-1))
    with running_provider() as provider:
        found = used(provider)

    assert provider.asked == []
    assert len(found.problems) == 6
    assert all("no time left" in one for one in found.problems)


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (403, b"{}", "Azure answered 403"),
        (200, b"[]", "not an answer"),
        (200, b"<", "JSON"),
        # A metric, or a query, may fail in an answer that is well.
        (200, IN_PART, "Azure answered "),
    ],
)
def test_what_cannot_be_had_is_said_and_counts_for_nothing(
    status: int, body: bytes, said: str
) -> None:
    with running_provider() as provider:
        provider.answers(status, body)
        found = used(provider)

    assert found.is_empty
    assert len(found.problems) == 6
    assert all(said in one for one in found.problems)


def test_without_ids_nothing_is_asked() -> None:
    with running_provider() as provider:
        places = Places(storage=STORAGE)
        counter = AzureUsage(str, places, endpoint=provider.url, logs_endpoint=provider.url)
        provider.took = answering(provider)
        found = counter.count(LAST_DAY)

    assert len(provider.asked) == 3, "the transactions of tables, queues and blobs"
    assert [one.partition(":")[0] for one in found.unasked] == ["executions", "logs"]
    assert found.problems == ()
    assert (found.usage.executions, found.usage.table_operations) == (None, 42)


def test_the_bill_is_told_with_its_total_and_what_equal_rules_would_cost() -> None:
    given = load({**GOOD, "PRICES": '{"queue_operations": 0.04}'})
    found = cost.account_of(Usage(queue_operations=5760, executions=2977), given, ["logs: no"])

    text = cost.as_text(found)
    assert "queue operations           5,760      0.7004           0.7004" in text
    assert "table operations     not counted\n" in text
    assert re.search(r"^what was counted +0\.70 +\d\.\d\d$", text, re.MULTILINE)
    assert "sms" not in text.partition("\nnot in it")[0]
    assert "equal rules of Azure Monitor: " in text
    assert "alerts on the monitor where they are deployed ($2.00 a month)\n" in text
    assert text.endswith("not counted: logs: no")
    assert round(found.dollars, 2) == 0.70


def test_of_a_day_that_nobody_counted_no_total_is_told() -> None:
    text = cost.as_text(cost.account_of(Usage(), load(GOOD), ["logs: no"]))

    assert "0.00" not in text.partition("equal rules")[0]


def test_the_storage_is_looked_for_beside_the_app() -> None:
    assert cost.storage_id(APP, "pantry") == STORAGE
    assert cost.storage_id("<resource id of the function app>", "pantry") == ""


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--app", "a resource id /subscriptions/<id>/resourceGroups/<group>/providers/"),
        ("--storage", "/providers/Microsoft.Storage/storageAccounts/<name>, not 'pantry'"),
        ("--workspace", "it must be the workspace's id (a GUID), not its resource id"),
    ],
)
def test_an_id_of_another_kind_is_refused_before_anything_is_asked(
    option: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cost.main([option, "pantry"], {})

    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_unusable_settings_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    for unusable in ('{"gold": 1}', '{"sms": Infinity}', '{"sms": -1}'):
        assert cost.main([], {**GOOD, "PRICES": unusable}) == 2
    assert "PRICES must be a JSON object of numbers from 0" in capsys.readouterr().err
