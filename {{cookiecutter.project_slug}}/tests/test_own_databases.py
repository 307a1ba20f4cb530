"""Handlers may use other databases: their errors are bugs, and the same errors of the service's own are an outage."""

import logging
from collections.abc import AsyncIterator
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # It carries no types.
import pytest
from litestar import Request
from litestar import get
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from app.database.sessions import request_session
from app.settings import Settings
from app.settings import database_url
from tests.cast import Person
from tests.other_services import another_stage


class OwnError(Exception):
    """An error of another driver, which numbers its errors in the same way."""

    sqlstate = "57014"


@get("/number", exclude_from_auth=True, sync_to_thread=False)
def raise_numbered() -> None:
    """Raise an error that has a number of its own."""
    raise OwnError


@get("/driver", exclude_from_auth=True, sync_to_thread=False)
def raise_of_driver() -> None:
    """Raise what asyncpg raises on a connection of its own."""
    raise asyncpg.QueryCanceledError("canceling statement due to statement timeout")


@get("/driver-timeout", exclude_from_auth=True)
async def wait_for_driver(request: Request[Any, Any, Any]) -> None:
    """Wait too briefly for a statement, on a connection of its own."""
    connection = await asyncpg.connect(dsn_of(request))
    try:
        await connection.execute("SELECT pg_sleep(1)", timeout=0.01)
    finally:
        connection.terminate()


@get("/engine", exclude_from_auth=True)
async def use_own_engine(request: Request[Any, Any, Any]) -> None:
    """Lose a connection of an engine of its own."""
    engine = create_async_engine(dsn_of(request).replace("postgresql://", "postgresql+asyncpg://"))
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    finally:
        await engine.dispose()


def dsn_of(request: Request[Any, Any, Any]) -> str:
    """The database of the tests, as asyncpg reads it."""
    return database_url.parse(request.app.state.settings.database_url.get_secret_value()).dsn


@get("/cut-off", exclude_from_auth=True)
async def lose_connection(request: Request[Any, Any, Any]) -> None:
    """Lose the connection of the request."""
    await request_session(request).execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


@get("/cancelled", exclude_from_auth=True)
async def be_cancelled(request: Request[Any, Any, Any]) -> None:
    """Send a statement that PostgreSQL cancels."""
    await request_session(request).execute(text("DO $$ BEGIN RAISE SQLSTATE '57014'; END $$"))


@get("/slow", exclude_from_auth=True)
async def outlast_driver(request: Request[Any, Any, Any]) -> None:
    """Send a statement that takes longer than asyncpg waits."""
    connection = await request_session(request).connection()
    driver: Any = (await connection.get_raw_connection()).driver_connection
    driver._config = driver._config._replace(command_timeout=0.01)  # noqa: SLF001  # it has no other way
    await connection.execute(text("SELECT pg_sleep(1)"))


BUGS = [raise_numbered, raise_of_driver, wait_for_driver, use_own_engine]
OUTAGES = [lose_connection, be_cancelled, outlast_driver]


@pytest.fixture
async def caller(settings: Settings, tables: object) -> AsyncIterator[Person]:  # noqa: ARG001  # empties them
    """A caller of a service with the routes above."""
    async with another_stage(settings, *BUGS, *OUTAGES) as stage:
        yield stage.person("caller")


@pytest.mark.checklist("I09")
@pytest.mark.parametrize("bug", BUGS)
async def test_an_error_of_another_database_is_a_bug(
    caller: Person, caplog: pytest.LogCaptureFixture, bug: Any
) -> None:
    [path] = bug.paths
    answer = await caller.get(path)
    assert (answer.status_code, answer.json()["type"]) == (500, "/problems/internal-error")
    [record] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert (record.getMessage(), record.exc_info is None) == (f"GET {path} failed", False)


@pytest.mark.checklist("I09")
@pytest.mark.parametrize("outage", OUTAGES)
async def test_the_same_errors_of_the_services_own_database_are_an_outage(caller: Person, outage: Any) -> None:
    [path] = outage.paths
    answer = await caller.get(path)
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
