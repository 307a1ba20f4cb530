"""Health: alive needs nothing; ready needs the database and all of its migrations."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from threading import Event

import pytest

from app.operations.health import migrations
from app.settings import Settings
from tests.cast import Person
from tests.other_services import DATABASE_AWAY
from tests.other_services import another_stage
from tests.tables import Tables


@asynccontextmanager
async def changed(tables: Tables, change: str, undo: str) -> AsyncIterator[None]:
    """Change something about the migrations for a moment."""
    await tables.execute(change)
    try:
        yield
    finally:
        await tables.execute(undo)


async def test_alive_and_ready(visitor: Person) -> None:
    for path in ("/health", "/health/ready"):
        answer = await visitor.get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_not_ready_but_alive_while_it_drains(visitor: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.operations.health.DRAINING", draining := Event())
    draining.set()
    answer = await visitor.get("/health/ready")
    assert (answer.status_code, answer.json()) == (503, {"status": "stopping"})
    assert (await visitor.get("/health")).status_code == 200


async def test_not_ready_while_migrations_are_pending(visitor: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    _, known = migrations()
    monkeypatch.setattr("app.operations.health.migrations", lambda: ({"newer"}, known | {"newer"}))
    answer = await visitor.get("/health/ready")
    assert (answer.status_code, answer.json()["missing"]) == (503, "migrations")


async def test_ready_while_the_next_version_has_migrated_already(visitor: Person, tables: Tables) -> None:
    async with changed(
        tables,
        "UPDATE alembic_version SET version_num = version_num || '-next'",
        "UPDATE alembic_version SET version_num = replace(version_num, '-next', '')",
    ):
        answer = await visitor.get("/health/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_not_ready_on_an_empty_database(visitor: Person, tables: Tables) -> None:
    async with changed(
        tables, "ALTER TABLE alembic_version RENAME TO elsewhere", "ALTER TABLE elsewhere RENAME TO alembic_version"
    ):
        answer = await visitor.get("/health/ready")
    assert (answer.status_code, answer.json()["missing"]) == (503, "migrations")


async def test_alive_but_not_ready_without_the_database(settings: Settings) -> None:
    async with another_stage(settings, **DATABASE_AWAY) as stage:
        visitor = stage.person("visitor")
        alive, ready = await visitor.get("/health"), await visitor.get("/health/ready")
    assert alive.status_code == 200
    assert (ready.status_code, ready.json()["missing"]) == (503, "database")
