"""The logs source over the SDK's real client, against services that refuse, dawdle or hang."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from azure.core.credentials import AccessToken

from shared.adapters.logs.log_analytics import (
    LogAnalytics,
)
from shared.adapters.logs.workspaces import SERVER_TIMEOUT
from shared.adapters.windows import PATIENCE
from shared.domain.errors import SourceError
from shared.services.collect import PATIENCE as ABANDONED_AFTER
from tests.adapters.conftest import Answerer
from tests.adapters.logs_answers import (
    COLUMNS,
    NOW,
    SHORT,
    T0,
    AnyToken,
    Open,
    a_row,
    an_answer,
    made_well,
    opening,
    read,
    refusal,
)
from tests.stopwatch import seconds_at_most


@pytest.fixture
def well(answerer: Answerer) -> Answerer:
    return made_well(answerer)


@pytest.fixture
def opened() -> Iterator[Open]:
    with opening() as open_:
        yield open_


@pytest.fixture
def source(well: Answerer, opened: Open) -> LogAnalytics:
    return opened(well.url)


class TestRefusals:
    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"Requests": "NaN"}, "Requests"),
            ({"ServerErrors": "many"}, "ServerErrors"),
            ({"Minute": "yesterday"}, "Minute"),
            ({"Minute": None}, "Minute"),
            ({"Histogram": "[[401,1]]"}, "Histogram"),
            ({"Histogram": "[[1,-1]]"}, "Histogram"),
            ({"Histogram": "no JSON"}, "Histogram"),
            ({"Histogram": None}, "Histogram"),
        ],
    )
    def test_a_cell_that_is_not_as_agreed_is_named(
        self, change: dict[str, Any], said: str, well: Answerer, source: LogAnalytics
    ) -> None:
        well.body = an_answer(a_row(**change))

        assert said in refusal(source)

    @pytest.mark.parametrize("column", COLUMNS)
    def test_a_missing_column_is_named(
        self, column: str, well: Answerer, source: LogAnalytics
    ) -> None:
        well.body = an_answer(a_row()).replace(f'"{column}"'.encode(), b'"Other"')

        assert f"no column {column}" in refusal(source)

    def test_a_partial_answer_is_no_data(self, well: Answerer, source: LogAnalytics) -> None:
        error = {"code": "PartialError", "message": "Not all shards answered."}
        well.body = an_answer(a_row(), error=error)

        assert "in part only" in refusal(source)

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"[]",
            b"{}",
            b"null",
            b'"text"',
            b"<html>Sign in</html>",
            b"\x00\xff<<not json",
            b'{"tables": []}',
            b'{"tables": 7}',
            b'{"tables": [{"name": "PrimaryResult"}]}',
            b'{"tables": [{"columns": [{"name": "Minute"}], "rows": []}]}',
            b'{"tables": [{"columns": [], "rows": [[1]]}]}',
        ],
    )
    def test_an_answer_of_another_shape_is_refused(
        self, body: bytes, well: Answerer, source: LogAnalytics
    ) -> None:
        well.body = body

        refusal(source)

    @pytest.mark.parametrize(
        ("status", "hint"),
        [
            (400, "400"),
            (401, "audience"),
            (403, "Log Analytics Reader"),
            (404, "GUID"),
            (429, "patience"),
            (500, "500"),
            (503, "not available"),
        ],
    )
    def test_a_refusal_says_the_status_and_what_may_help(
        self, status: int, hint: str, well: Answerer, source: LogAnalytics
    ) -> None:
        well.status = status
        well.body = json.dumps({"error": {"code": "Sick", "message": "So it is."}}).encode()

        said = refusal(source)

        assert str(status) in said
        assert "Sick: So it is." in said
        assert hint in said
        assert "any" not in said.split(), "the token"

    def test_what_is_wrong_with_a_query_is_told_from_the_innermost_error(
        self, well: Answerer, source: LogAnalytics
    ) -> None:
        innermost = {"code": "SEM0100", "message": "Failed to resolve column named 'Url'"}
        semantic = {"code": "SemanticError", "message": "Semantic.", "innererror": innermost}
        error = {"code": "BadArgumentError", "message": "Invalid.", "innererror": semantic}
        well.status, well.body = 400, json.dumps({"error": error}).encode()

        assert "SEM0100: Failed to resolve column named 'Url'" in refusal(source)

    def test_retry_after_is_told_and_not_slept_through(
        self, well: Answerer, source: LogAnalytics
    ) -> None:
        well.status, well.headers = 429, {"Retry-After": "60"}

        with seconds_at_most(20):
            assert "60 s" in refusal(source)
        assert len(well.asked) == 1

    def test_a_target_without_a_workspace_is_said(self, source: LogAnalytics) -> None:
        for target in ("bare", "unknown"):
            with pytest.raises(SourceError, match=f"no workspace is set for {target}"):
                source.read(target, since=T0, now=NOW)


class TestPatience:
    def test_all_of_it_fits_before_the_source_is_abandoned(self) -> None:
        assert PATIENCE.connect + PATIENCE.read <= PATIENCE.deadline
        assert PATIENCE.deadline < ABANDONED_AFTER.total_seconds()
        assert PATIENCE.read > SERVER_TIMEOUT

    def test_a_service_that_hangs_is_given_up(self, well: Answerer, opened: Open) -> None:
        well.delay = 60

        with seconds_at_most(20):
            refusal(opened(well.url, patience=SHORT))

    def test_a_credential_that_hangs_is_given_up(self, well: Answerer, opened: Open) -> None:
        class Slow(AnyToken):
            def get_token(self, *scopes: str, **more: Any) -> AccessToken:
                well.over.wait(60)
                return super().get_token(*scopes, **more)

        said = refusal(opened(well.url, credential=Slow(), patience=SHORT))

        assert "no answer within" in said

    def test_a_port_where_nobody_listens_is_said(self, nobody: str, opened: Open) -> None:
        url = nobody.partition("TableEndpoint=")[2].partition(";")[0]

        assert "ServiceRequestError" in refusal(opened(url))

    def test_a_token_that_is_not_given_is_said(self, well: Answerer, opened: Open) -> None:
        class Nobody(AnyToken):
            def get_token(self, *_: str, **__: Any) -> AccessToken:
                raise ValueError("no identity here")

        assert "no identity here" in refusal(opened(well.url, credential=Nobody()))
        assert well.asked == []


def test_the_sdk_is_imported_only_when_a_source_is_opened() -> None:
    code = "import sys, shared.adapters.logs.log_analytics; print('azure.monitor' in sys.modules)"

    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ran.stdout == "False\n"


class TestTokens:
    @pytest.mark.parametrize(
        ("endpoint", "scope"),
        [
            ("", "https://api.loganalytics.io/.default"),
            ("https://api.loganalytics.us", "https://api.loganalytics.us/.default"),
        ],
    )
    def test_they_are_asked_for_the_clouds_own_audience(
        self, endpoint: str, scope: str, well: Answerer, opened: Open
    ) -> None:
        credential = AnyToken()
        audience = {"audience": endpoint} if endpoint else {}

        read(opened(well.url, credential=credential, **audience))

        assert credential.scopes == [scope]

    def test_they_never_go_over_plain_http_to_another_machine(self, opened: Open) -> None:
        credential = AnyToken()

        said = refusal(opened("http://logs.example.com", credential=credential))

        assert "not permitted for non-TLS" in said
        assert credential.scopes == []
