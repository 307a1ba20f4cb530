"""Each way in which the database is not there for now: 503, readiness says so, and service goes on by itself."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # It carries no types.
import pytest
from httpx import Response
from pydantic import SecretStr
from sqlalchemy import make_url

from app.accounts.mail.delivery import deliver
from app.database import embedded_postgres
from app.database.sessions import engine_of
from app.operations import background
from app.settings import Settings
from tests.cast import Stage
from tests.other_services import another_stage
from tests.tables import Tables

NAME = "grace_period"
# What PostgreSQL, asyncpg and the operating system say while connecting.
REFUSALS = {
    "too many connections": asyncpg.TooManyConnectionsError("sorry, too many clients already"),
    "starting": asyncpg.CannotConnectNowError("the database system is starting up"),
    "crashed": asyncpg.CrashShutdownError("terminating connection because of crash"),
    "password rotated": asyncpg.InvalidPasswordError("password authentication failed"),
    "user locked": asyncpg.InvalidAuthorizationSpecificationError("this user may not log in"),
    "database renamed": asyncpg.InvalidCatalogNameError("database does not exist"),
    "not accepting": asyncpg.ObjectNotInPrerequisiteStateError("database is not currently accepting connections"),
    "no right to connect": asyncpg.InsufficientPrivilegeError("this user may not connect"),
    "pooler is full": asyncpg.ProtocolViolationError("query_wait_timeout"),
    "no primary": asyncpg.TargetServerAttributeNotMatched("none of the hosts match the target attribute"),
    "cut off": asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
    "unknown host": OSError("Name or service not known"),
    "no answer": TimeoutError(),
}


async def administer(*statements: str) -> None:
    """Do something as the superuser of the server, from another database."""
    connection = await asyncpg.connect(embedded_postgres.url().replace("+asyncpg", ""))
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


@asynccontextmanager
async def changed(change: list[str], undo: list[str]) -> AsyncIterator[None]:
    """The server is different for a moment."""
    await administer(*change)
    try:
        yield
    finally:
        await administer(*undo)


@asynccontextmanager
async def read_only(name: str) -> AsyncIterator[None]:
    """New connections to this database can only read, and there are no others."""
    change = [f"ALTER DATABASE {name} SET default_transaction_read_only = on", cut_off(name)]
    async with changed(change, [f"ALTER DATABASE {name} RESET default_transaction_read_only"]):
        yield


def cut_off(name: str) -> str:
    """What ends all connections to this database."""
    return f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"  # noqa: S608  # a name of ours


def name_of(settings: Settings) -> str:
    """The database of the tests."""
    assert settings.database_url is not None
    return str(make_url(settings.database_url.get_secret_value()).database)


def unavailable(answer: Response, missing: str | None = None) -> bool:
    """Whether the caller is asked to come again, and readiness names what is missing."""
    is_right = answer.json().get("missing") == missing and int(answer.headers["Retry-After"]) > 0
    return answer.status_code == 503 and is_right


@pytest.mark.usefixtures("tables")
@pytest.mark.checklist("I10", "I09")
@pytest.mark.parametrize("error", REFUSALS.values(), ids=REFUSALS)
async def test_a_database_that_refuses_connections_is_unavailable_until_it_takes_them(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    async def refuse(*_: Any, **__: Any) -> None:
        raise error

    async with another_stage(settings) as stage:
        visitor, stage.delivers = stage.person("visitor"), False
        # It may have connections from a test before.
        await engine_of(stage.app).dispose()
        with monkeypatch.context() as patch:
            patch.setattr(asyncpg, "connect", refuse)
            assert unavailable(await visitor.get("/health/ready"), "database")
            assert unavailable(await visitor.register())
        reason = f"cannot connect to the database: {type(error).__name__}"
        assert [line.partition(" (")[0] for line in caplog.messages if "answered 503" in line] == [
            f"GET /health/ready answered 503: {reason}",
            f"POST /register answered 503: {reason}",
        ]
        assert not any(record.exc_info for record in caplog.records)
        assert (await visitor.get("/health/ready")).status_code == 200
        assert (await visitor.register()).status_code == 202


@pytest.fixture
async def by_user(settings: Settings, tables: Tables) -> AsyncIterator[Stage]:
    """A service that connects as a user of its own."""
    name = name_of(settings)
    await administer(f"DROP USER IF EXISTS {NAME}", f"CREATE USER {NAME} PASSWORD 'first'")
    await tables.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {NAME}")
    assert settings.database_url is not None
    url = make_url(settings.database_url.get_secret_value()).set(username=NAME, password="first")
    changes = {"database_url": SecretStr(url.render_as_string(hide_password=False))}
    try:
        async with another_stage(settings, **changes) as stage:
            yield stage
    finally:
        await tables.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {NAME}")
        await administer(f"REVOKE ALL ON DATABASE {name} FROM {NAME}", f"DROP USER {NAME}")


@pytest.mark.checklist("I10")
@pytest.mark.parametrize(
    "case",
    [
        (f"USER {NAME}", "CONNECTION LIMIT 0", "CONNECTION LIMIT -1", "53300"),
        (f"USER {NAME}", "NOLOGIN", "LOGIN", "28000"),
        ("DATABASE {}", "ALLOW_CONNECTIONS off", "ALLOW_CONNECTIONS on", "55000"),
    ],
)
async def test_what_postgresql_itself_says_to_a_user(
    by_user: Stage, caplog: pytest.LogCaptureFixture, settings: Settings, case: tuple[str, str, str, str]
) -> None:
    subject, change, undo, sqlstate = case
    altered, visitor = f"ALTER {subject.format(name_of(settings))}", by_user.person("visitor")
    assert (await visitor.get("/health/ready")).status_code == 200
    await engine_of(by_user.app).dispose()
    async with changed([f"{altered} {change}"], [f"{altered} {undo}"]):
        assert unavailable(await visitor.get("/health/ready"), "database")
        assert f"({sqlstate})" in caplog.text
    assert (await visitor.get("/health/ready")).status_code == 200


@pytest.mark.checklist("I10")
async def test_a_renamed_database_is_away_until_it_has_its_name_again(stage: Stage, settings: Settings) -> None:
    name, visitor = name_of(settings), stage.person("visitor")
    renamed, back = (f"ALTER DATABASE {name} RENAME TO elsewhere", f"ALTER DATABASE elsewhere RENAME TO {name}")
    async with changed([cut_off(name), renamed], [cut_off("elsewhere"), back]):
        await engine_of(stage.app).dispose()
        assert unavailable(await visitor.get("/health/ready"), "database")
        assert unavailable(await visitor.register())
    assert (await visitor.get("/health/ready")).status_code == 200
    assert (await visitor.register()).status_code == 202


@pytest.mark.checklist("I10")
async def test_a_read_only_server_is_left_as_soon_as_another_one_is_there(
    stage: Stage, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    visitor = stage.person("visitor")
    async with read_only(name_of(settings)):
        await engine_of(stage.app).dispose()
        assert unavailable(await visitor.get("/health/ready"), "writable database")
        assert unavailable(await visitor.register())
        assert "POST /register answered 503: the database is read-only (25006)" in caplog.messages
    # The connections that are open still lead to the former primary, as those through a proxy do.
    assert (await visitor.register()).status_code == 202
    assert (await visitor.get("/health/ready")).status_code == 200


@pytest.mark.checklist("I10")
async def test_readiness_alone_leaves_a_read_only_server(stage: Stage, settings: Settings, tables: Tables) -> None:
    visitor = stage.person("visitor")
    async with read_only(name_of(settings)):
        await engine_of(stage.app).dispose()
        assert unavailable(await visitor.get("/health/ready"), "writable database")
    assert (await visitor.get("/health/ready")).status_code == 200
    assert (await tables.rows("user")) == []


@pytest.mark.checklist("I10")
async def test_missing_tables_are_an_outage_that_one_line_explains(
    stage: Stage, tables: Tables, caplog: pytest.LogCaptureFixture
) -> None:
    visitor = stage.person("visitor")
    await tables.execute_all('ALTER TABLE "user" RENAME TO a;\nALTER TABLE outgoing_mail RENAME TO b')
    stage.delivers = False
    try:
        assert unavailable(await visitor.get("/health/ready"), "migrations")
        assert unavailable(await visitor.register())
        for _ in range(2):
            await background._attempt(deliver, stage.app)  # noqa: SLF001  # what it does again and again
    finally:
        await tables.execute_all('ALTER TABLE a RENAME TO "user";\nALTER TABLE b RENAME TO outgoing_mail')
    explained = "The tables are missing or old. Run: alembic upgrade head"
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == [
        f"POST /register answered 503: {explained} (42P01)",
        f"Background tasks wait: {explained}",
    ]
    assert (await visitor.get("/health/ready")).status_code == 200
    await background._attempt(deliver, stage.app)  # noqa: SLF001  # likewise


@pytest.mark.checklist("I10")
async def test_tables_of_an_older_version_are_explained_in_the_background(
    stage: Stage, tables: Tables, caplog: pytest.LogCaptureFixture
) -> None:
    await tables.execute_all(
        "ALTER TABLE outgoing_mail RENAME COLUMN next_attempt_at TO later;\nALTER TABLE alembic_version RENAME TO a"
    )
    try:
        await background._attempt(deliver, stage.app)  # noqa: SLF001  # what it does again and again
    finally:
        await tables.execute_all(
            "ALTER TABLE outgoing_mail RENAME COLUMN later TO next_attempt_at;\nALTER TABLE a RENAME TO alembic_version"
        )
    assert caplog.messages == ["Background tasks wait: The tables are missing or old. Run: alembic upgrade head"]
    await background._attempt(deliver, stage.app)  # noqa: SLF001  # likewise


@pytest.mark.checklist("I10")
async def test_the_version_table_of_another_application_is_not_ours(stage: Stage, tables: Tables) -> None:
    visitor = stage.person("visitor")
    await tables.execute_all(
        "UPDATE alembic_version SET version_num = 'theirs-' || version_num;\nALTER TABLE attempts RENAME TO a"
    )
    try:
        assert unavailable(await visitor.get("/health/ready"), "migrations")
    finally:
        await tables.execute_all(
            "UPDATE alembic_version SET version_num = replace(version_num, 'theirs-', '');\n"
            "ALTER TABLE a RENAME TO attempts"
        )
    assert (await visitor.get("/health/ready")).status_code == 200
