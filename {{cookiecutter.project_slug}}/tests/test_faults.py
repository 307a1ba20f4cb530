"""The database fails at the worst moment: no response reports a false success, and the service recovers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from time import monotonic
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # It carries no types.
import pytest
from httpx import Response
from litestar import Litestar
from litestar import Request
from litestar import get
from litestar import post
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.database import engine
from app.database.sessions import engine_of
from app.database.sessions import request_session
from app.http.error_responses import UNAVAILABLE
from app.models import User
from app.settings import Settings
from tests.cast import Person
from tests.cast import Stage
from tests.other_services import another_stage
from tests.tables import Tables
from tests.work import connections_in_use

KILL_OTHERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
# PostgreSQL says the same when a disk is full.
REFUSE_AT_COMMIT = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE 'hidden reason' USING ERRCODE = '{sqlstate}'; END $$;
    CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON "user"
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()
"""


@post("/adds-and-dies", exclude_from_auth=True)
async def add_and_die(request: Request[Any, Any, Any]) -> None:
    """Lose the connection between the last statement and the COMMIT."""
    session = request_session(request)
    session.add(User(email="lost@example.com", password_hash=""))
    await session.flush()
    pid = await session.scalar(text("SELECT pg_backend_pid()"))
    async with engine_of(request.app).connect() as other:
        await other.execute(text(f"SELECT pg_terminate_backend({pid})"))


@get("/sleeps", exclude_from_auth=True)
async def sleep(request: Request[Any, Any, Any]) -> None:
    """Ask something that takes an hour."""
    await request_session(request).execute(text("SELECT pg_sleep(3600)"))


@get("/waits", exclude_from_auth=True)
async def wait(request: Request[Any, Any, Any]) -> None:
    """Ask for a lock that another connection holds."""
    await request_session(request).execute(text('LOCK TABLE "user" IN ACCESS EXCLUSIVE MODE'))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that waits for the database gives up after a second."""
    monkeypatch.setattr(engine, "WAITS_SECONDS", 1)
    monkeypatch.setattr(engine, "STATEMENT_SECONDS", 1)


@pytest.fixture
async def failing(impatient: None, tables: Tables, settings: Settings) -> AsyncIterator[Stage]:  # noqa: ARG001  # empties them
    """A service with routes that meet each fault, and two connections."""
    async with another_stage(settings, add_and_die, sleep, wait, database_pool_size=2) as stage:
        yield stage


def is_unavailable(answer: Response) -> bool:
    """Whether the response is a 503 that says when to try again, and not what has failed."""
    assert answer.json() == {"type": "/problems/unavailable", "title": UNAVAILABLE[2], "status": 503}
    assert answer.headers["Content-Type"] == "application/problem+json"
    return int(answer.headers["Retry-After"]) > 0


@pytest.mark.checklist("I02")
async def test_a_connection_that_is_lost_before_the_commit_is_no_success(failing: Stage, tables: Tables) -> None:
    visitor = failing.person("visitor")
    assert is_unavailable(await visitor.client.post("/adds-and-dies"))
    assert await tables.rows("user") == []
    assert (await visitor.register()).status_code == 202, "the next request finds a connection"


@pytest.mark.checklist("I02")
@pytest.mark.parametrize("sqlstate", ["53100", "40001", "40P01"], ids=["disk full", "serialization", "deadlock"])
async def test_a_commit_that_postgresql_cannot_do_now_asks_to_come_again(
    visitor: Person, tables: Tables, sqlstate: str
) -> None:
    await tables.execute_all(REFUSE_AT_COMMIT.format(sqlstate=sqlstate))
    try:
        assert is_unavailable(await visitor.register())
    finally:
        await tables.execute("DROP FUNCTION refuse CASCADE")
    assert (await tables.rows("user"), await tables.rows("outgoing_mail")) == ([], [])


@pytest.mark.checklist("I03")
async def test_a_connection_is_not_used_again_after_a_commit_that_failed(settings: Settings, tables: Tables) -> None:
    async def commit() -> int:
        async with AsyncSession(one) as session:
            session.add(User(email="grace@example.com", password_hash=""))
            pid: int = (await session.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            with suppress(DBAPIError):
                await session.commit()
            return pid

    one = engine.engine_for(settings.model_copy(update={"database_pool_size": 1}))
    await tables.execute_all(REFUSE_AT_COMMIT.format(sqlstate="53100"))
    try:
        pids = [await commit(), await commit()]
    finally:
        await tables.execute("DROP FUNCTION refuse CASCADE")
        await engine.close_connections(one)
    assert pids[0] != pids[1]


@pytest.mark.checklist("I03")
async def test_connections_that_postgresql_has_closed_are_replaced_unnoticed(
    app: Litestar, grace: Person, tables: Tables
) -> None:
    await grace.sign_in()
    for _ in range(3):
        await asyncio.gather(*(grace.get("/users/me") for _ in range(5)))
        await tables.execute(KILL_OTHERS)
        answers = await asyncio.gather(*(grace.get("/users/me") for _ in range(5)))
        assert {answer.status_code for answer in answers} == {200}
    assert connections_in_use(app) == 0


@pytest.mark.checklist("I03")
async def test_a_connection_that_dies_when_it_is_asked_who_calls_is_replaced_unnoticed(
    app: Litestar, grace: Person, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    await grace.sign_in()
    fetch = asyncpg.Connection.fetch

    async def die(connection: Any, statement: str, *values: Any) -> Any:
        # The connection is used only now.
        await tables.execute(KILL_OTHERS)
        return await fetch(connection, statement, *values)

    monkeypatch.setattr(asyncpg.Connection, "fetch", die)
    assert (await grace.get("/users/me")).status_code == 200
    assert connections_in_use(app) == 0


@pytest.mark.checklist("I03")
async def test_what_takes_too_long_is_given_up(failing: Stage) -> None:
    assert is_unavailable(await failing.person("visitor").get("/sleeps"))


@pytest.mark.checklist("I03")
async def test_what_is_locked_for_too_long_is_given_up(failing: Stage, tables: Tables) -> None:
    async with tables.changing('LOCK TABLE "user" IN ACCESS SHARE MODE'):
        assert is_unavailable(await failing.person("visitor").get("/waits"))


@pytest.mark.checklist("I03")
async def test_who_calls_is_waited_for_no_longer_than_anything_else(failing: Stage, tables: Tables) -> None:
    grace = await failing.verified("grace")
    await grace.sign_in()
    async with tables.changing("LOCK TABLE user_session IN ACCESS EXCLUSIVE MODE"):
        assert is_unavailable(await grace.get("/users/me"))
    assert (await grace.get("/users/me")).status_code == 200


async def test_a_caller_who_leaves_before_it_is_known_who_calls_leaves_the_connection_to_others(
    failing: Stage, tables: Tables
) -> None:
    failing.delivers = False
    grace = await failing.verified("grace")
    await grace.sign_in()
    async with tables.changing("LOCK TABLE user_session IN ACCESS EXCLUSIVE MODE"):
        asking = asyncio.create_task(grace.get("/users/me"))
        await failing.until_connections_are_used(1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert connections_in_use(failing.app) == 0
    answers = await asyncio.gather(*(grace.get("/users/me") for _ in range(4)))
    assert {answer.status_code for answer in answers} == {200}


@pytest.mark.usefixtures("impatient", "tables")
@pytest.mark.checklist("I03")
async def test_a_request_without_a_connection_is_refused_soon_and_others_go_on(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "STATEMENT_SECONDS", 4)
    async with another_stage(settings, sleep, database_pool_size=2) as full:
        full.delivers = False
        visitor = full.person("visitor")
        sleeping = [asyncio.create_task(visitor.get("/sleeps")) for _ in range(2)]
        await full.until_connections_are_used(2)
        began = monotonic()
        assert is_unavailable(await visitor.register())
        assert monotonic() - began < 3
        assert (await visitor.get("/health")).status_code == 200
        ready = await visitor.get("/health/ready")
        assert (ready.status_code, ready.json()["missing"]) == (503, "database")
        for task in sleeping:
            assert is_unavailable(await task)
        assert (await visitor.register()).status_code == 202
