"""T-SQL, construct by construct: translated so that it means the same, or refused."""

import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from local.cloud.sql.dialect import translate
from local.cloud.sql.engine import SqlError
from tests.local.cloud.handmade import T0, PlainWorld
from tests.local.cloud.sql.asking import Database

NOW = T0.replace(tzinfo=None)


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    made = Database(PlainWorld(), T0)
    yield made
    made.session.close()


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("5 / 2", 2),
        ("-5 / 2", -2),
        ("5 / 2.0", 2.5),
        ("DATEDIFF(minute, '2026-03-02T08:59:59', SYSUTCDATETIME()) / 5", 0),
        ("DATEDIFF(mi, '2026-03-02T08:59:59', GETUTCDATE())", 1),
        ("DATEDIFF(ss, '2026-03-02', '2026-03-03')", 86_400),
        ("DATEDIFF_BIG(ms, '2026-03-02', '2026-03-03')", 86_400_000),
        ("DATEADD(mi, -5, SYSUTCDATETIME())", datetime(2026, 3, 2, 8, 55)),  # noqa: DTZ001
        ("DATEADD(hh, 1.9, '2026-03-02')", datetime(2026, 3, 2, 1)),  # noqa: DTZ001
        ("DATEADD(day, DATEDIFF(day, 0, SYSUTCDATETIME()), 0)", datetime(2026, 3, 2)),  # noqa: DTZ001
        ("GETDATE()", NOW),
        ("SYSDATETIME()", NOW),
        ("CURRENT_TIMESTAMP", NOW),
        ("SYSDATETIMEOFFSET()", T0),
        ("SYSUTCDATETIME() AT TIME ZONE 'UTC'", T0),
        ("CAST('2026-03-02T11:00:00+02:00' AS datetimeoffset)", T0),
        ("CONVERT(date, SYSUTCDATETIME())", date(2026, 3, 2)),
        ("CONVERT(varchar(10), 0x0A1B2C3D4E, 1)", "0x0A1B2C3D"),
        ("CONVERT(varchar(10), 0x0A1B, 2)", "0A1B"),
        ("CAST('abcdef' AS nvarchar(4))", "abcd"),
        ("CAST('abcdef' AS nvarchar(max))", "abcdef"),
        ("CONVERT(varchar(3), 12345)", "123"),
        ("TRY_CAST('x' AS int)", None),
        ("TRY_CONVERT(int, '12')", 12),
        ("TRY_CAST('abcdef' AS varchar(3))", "abc"),
        ("CAST(1 AS bit)", True),
        ("CAST(0.1 AS float)", 0.1),
        ("CAST(2.5 AS decimal(5,2))", Decimal("2.50")),
        ("CAST(2 AS money)", Decimal("2.0000")),
        ("N'a' + 'b' + N'c'", "abc"),
        ("IIF(2 > 1, N'yes', N'no')", "yes"),
        ("ISNULL(NULL, 5)", 5),
        ("NULLIF(5, 5)", None),
        ("COALESCE(NULL, N'x')", "x"),
        ("CASE WHEN N'Pantry' LIKE N'%PANT%' THEN 1 ELSE 0 END", 1),
        ("CASE WHEN N'Pantry' = 'pantry' COLLATE Latin1_General_CI_AS THEN 1 ELSE 0 END", 1),
        ("SUBSTRING(N'abcdef', 2, 3)", "bcd"),
        ("DB_NAME()", "pantry"),
        ("@@SPID", 401),
        ("HOST_NAME()", "desk"),
        ("APP_NAME()", "pantry-monitor"),
        ("SUSER_SNAME()", "pantry-monitor"),
        ("SERVERPROPERTY('EngineEdition')", "5"),
        ("DATABASEPROPERTYEX(DB_NAME(), 'ServiceObjective')", "Basic"),
        ("DATABASEPROPERTYEX(N'other', 'ServiceObjective')", None),
        ("FILEPROPERTY('nothing', 'SpaceUsed')", None),
        ("IS_SRVROLEMEMBER('##MS_ServerStateReader##')", 1),
    ],
)
def test_an_expression_means_what_it_means_to_sql_server(
    database: Database, expression: str, value: Any
) -> None:
    found = database.value(f"SELECT {expression} AS answer")
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("COUNT(*)", "int"),
        ("COUNT_BIG(*)", "bigint"),
        ("SUM(CAST(size AS bigint))", "bigint"),
        ("MAX(name)", "nvarchar"),
        ("DATEDIFF(day, 0, SYSUTCDATETIME())", "int"),
        ("DATEPART(hour, SYSUTCDATETIME())", "int"),
        ("LEN(N'abc')", "int"),
        ("CHARINDEX(N'c', N'abc')", "int"),
        ("CAST(1 AS bit)", "bit"),
        ("CAST(1 AS tinyint)", "tinyint"),
        ("CAST(1 AS smallint)", "smallint"),
        ("CAST(1 AS decimal(9,3))", "decimal(9,3)"),
        ("CAST(1 AS float)", "float"),
        ("SYSUTCDATETIME()", "datetime2"),
        ("SYSDATETIMEOFFSET()", "datetimeoffset"),
        ("CAST(SYSUTCDATETIME() AS date)", "date"),
        ("CAST(SYSUTCDATETIME() AS time)", "time"),
        ("NULL", "int"),
        ("0x01", "varbinary"),
        ("NEWID()", "uniqueidentifier"),
    ],
)
def test_a_column_has_sql_servers_type(database: Database, expression: str, kind: str) -> None:
    (result,) = database.results(f"SELECT {expression} FROM sys.database_files")  # noqa: S608 - ours
    assert [(column.name, column.type) for column in result.columns or ()] == [("", kind)]


def test_columns_of_views_have_their_documented_types_also_under_another_name(
    database: Database,
) -> None:
    text = """
        SELECT s.session_id, s.login_time, s.is_user_process, c.connection_id, r.sql_handle
        FROM sys.dm_exec_sessions AS s
        JOIN sys.dm_exec_connections AS c ON c.session_id = s.session_id
        JOIN sys.dm_exec_requests AS r ON r.session_id = s.session_id
    """
    (result,) = database.results(text)
    assert [column.type for column in result.columns or ()] == [
        *("smallint", "datetime", "bit", "uniqueidentifier", "varbinary")
    ]


def test_a_text_that_is_too_long_for_nvarchar_is_nvarchar_max(database: Database) -> None:
    (result,) = database.results("SELECT @long AS a, N'b' AS b", long="x" * 4001)
    assert [column.type for column in result.columns or ()] == ["nvarchar(max)", "nvarchar"]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("SELECT TOP (1) name FROM sys.database_files ORDER BY name DESC", [("log",)]),
        ("SELECT name FROM sys.database_files WITH (NOLOCK) WHERE name = N'LOG'", [("log",)]),
        (
            "SELECT TOP 1 WITH TIES state_desc, name FROM sys.database_files ORDER BY state_desc",
            [("ONLINE", "data_0"), ("ONLINE", "log")],
        ),
        (
            (
                "SELECT f.name, x.twice FROM sys.database_files AS f "
                "CROSS APPLY (SELECT f.file_id * 2 AS twice WHERE f.type = 1) AS x"
            ),
            [("log", 4)],
        ),
        (
            (
                "SELECT f.name, x.twice FROM sys.database_files AS f "
                "OUTER APPLY (SELECT f.file_id * 2 AS twice WHERE f.type = 1) AS x ORDER BY f.name"
            ),
            [("data_0", None), ("log", 4)],
        ),
        (
            (
                "SELECT STRING_AGG(name, N', ') WITHIN GROUP (ORDER BY name DESC) "
                "FROM sys.database_files OPTION (MAXDOP 1, RECOMPILE)"
            ),
            [("log, data_0",)],
        ),
        (
            (
                "SELECT name, ROW_NUMBER() OVER (ORDER BY name DESC), COUNT(*) OVER () "
                "FROM sys.database_files ORDER BY name"
            ),
            [("data_0", 2, 2), ("log", 1, 2)],
        ),
        (
            (
                "WITH files AS (SELECT name FROM sys.database_files) "
                "SELECT name FROM files UNION ALL SELECT N'end' ORDER BY name"
            ),
            [("data_0",), ("end",), ("log",)],
        ),
        (
            (
                "SELECT name FROM sys.database_files ORDER BY name "
                "OFFSET 1 ROWS FETCH NEXT 1 ROWS ONLY"
            ),
            [("log",)],
        ),
        ("SELECT sys.database_files.name FROM sys.database_files WHERE type = 0", [("data_0",)]),
        ("SELECT [n] = name FROM [sys].[database_files] WHERE type_desc = 'LOG'", [("log",)]),
        ("SELECT TOP (1) [order].name AS [select] FROM sys.database_files [order]", [("data_0",)]),
    ],
)
def test_a_query_answers_what_sql_server_would(
    database: Database, text: str, rows: list[tuple[Any, ...]]
) -> None:
    assert database.ask(text) == rows


@pytest.mark.parametrize(
    "given",
    [
        *(5, 5_000_000_000, -3, "é\N{GRINNING FACE}", "", None, True, 1.5, b"\x00\xff"),
        *(Decimal("12.345"), NOW, date(2026, 3, 2), datetime(2026, 3, 2, 9, tzinfo=UTC)),
    ],
    ids=repr,
)
def test_a_parameter_comes_back_as_it_was_given(database: Database, given: Any) -> None:
    assert database.value("SELECT @P1 AS a", P1=given, unused=1) == given


def test_parameters_go_by_name_in_any_case(database: Database) -> None:
    assert database.ask("SELECT @p1 AS a, @P2 AS b, @P1 AS c", P1=1, p2=2) == [(1, 2, 1)]


def test_a_time_with_a_zone_meets_one_without(database: Database) -> None:
    text = "SELECT COUNT(*) FROM sys.dm_exec_sessions WHERE login_time >= @P1"
    own = text + " AND session_id = @@SPID"
    assert database.value(own, P1=T0) == database.value(own, P1=NOW) == 1


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("IF 1 = 1 SELECT 1", 102),
        ("EXEC sp_who", 102),
        ("EXECUTE sp_executesql N'SELECT 1'", 102),
        ("DECLARE @x int = 1", 102),
        ("SET @x = 1", 102),
        ("WAITFOR DELAY '00:00:01'", 102),
        ("WHILE 1 = 1 SELECT 1", 102),
        ("PRINT 'x'", 102),
        ("BEGIN TRAN", 102),
        ("RAISERROR('x', 16, 1)", 102),
        ("SELECT 1 SELECT 2", 102),
        ("SELECT FROM WHERE", 102),
        ("GRANT SELECT ON x TO y", 102),
        ("DROP TABLE dbo.Report", 102),
        ("SELECT TOP 50 PERCENT name FROM sys.database_files", 102),
        ("SELECT DATEDIFF(week, 0, SYSUTCDATETIME())", 102),
        ("SELECT DATEPART(weekday, SYSUTCDATETIME())", 102),
        ("SELECT CONVERT(varbinary(8), '0x0A', 1)", 102),
        ("SELECT HASHBYTES('SHA2_256', N'x')", 102),
        ("SELECT name FROM sys.database_files WHERE name LIKE N'[ab]%'", 102),
        ("INSERT INTO dbo.Report (id) VALUES (1)", 229),
        ("UPDATE dbo.Report SET id = 1", 229),
        ("DELETE FROM dbo.Report", 229),
        ("SELECT 1 AS a INTO #kept", 262),
        ("SELECT * FROM sys.nothing", 208),
        ("SELECT * FROM dbo.Nothing", 208),
        ("SELECT * FROM other.Report", 208),
        ("SELECT * FROM kept.reports", 208),
        ("SELECT * FROM sys.fn_nothing(1) AS f", 208),
        ("SELECT * FROM sys.database_files CROSS APPLY sys.fn_nothing(1) AS f", 208),
        ("SELECT nothing FROM sys.database_files", 207),
        ("SELECT f.nothing FROM sys.database_files AS f", 207),
        ("SELECT g.name FROM sys.database_files AS f", 4104),
        ("SELECT CAST(N'x' AS int)", 245),
        ("SELECT CONVERT(int, N'x')", 245),
        ("SELECT CAST(300 AS tinyint)", 8115),
        ("SELECT 1 / (1 - 1)", 8134),
        ("SELECT NO_SUCH_FUNCTION(1)", 195),
        ("SELECT @nobody", 137),
        ("SELECT @@NOTHING", 137),
    ],
)
def test_what_fails_has_its_number(database: Database, text: str, number: int) -> None:
    with pytest.raises(SqlError) as failed:
        database.results(text)
    assert failed.value.number == number
    assert database.value("SELECT 1 AS a") == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT * FROM sys.nothing", "Invalid object name 'sys.nothing'."),
        ("SELECT * FROM Nothing", "Invalid object name 'Nothing'."),
        ("SELECT nothing FROM sys.database_files", "Invalid column name 'nothing'."),
    ],
)
def test_unknown_names_are_spelt_as_the_server_spells_them(
    database: Database, text: str, message: str
) -> None:
    with pytest.raises(SqlError) as failed:
        database.results(text)
    assert failed.value.message == message


def test_hints_are_left_out_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="sqlglot"):
        logging.getLogger("sqlglot").setLevel(logging.ERROR)
        translate("SELECT 1 AS warned OPTION (MAXDOP 1, RECOMPILE)")
    assert not caplog.records
