"""A database for tests: made from nothing, and restored after each test to what the migrations left."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import asyncpg  # type: ignore[import-untyped]  # It carries no types.
from advanced_alchemy.base import orm_registry
from alembic import command
from alembic.config import Config
from sqlalchemy import Executable
from sqlalchemy import delete
from sqlalchemy import insert
from sqlalchemy import make_url
from sqlalchemy import select
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from app.accounts.passwords.hasher import hasher_for
from app.database.engine import engine_for
from app.models import User
from app.settings import PROJECT_ROOT
from app.settings import Settings
from tests.cast import PASSWORD

PATIENCE_SECONDS = 30


async def make_database(server_url: str, name: str, *, keeps_all: bool = False) -> None:
    """An empty database of this name on the embedded server; one that an earlier run left is dropped."""
    engine = create_async_engine(make_url(server_url), isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
        await connection.execute(text(f'CREATE DATABASE "{name}"'))
        # These data may be lost in a crash, unless the test is about a crash.
        commit = "on" if keeps_all else "off"
        await connection.execute(text(f'ALTER DATABASE "{name}" SET synchronous_commit = {commit}'))
    await engine.dispose()


def migrate(settings: Settings) -> None:
    """Create the tables."""
    config = Config(toml_file=PROJECT_ROOT / "pyproject.toml")
    config.attributes["settings"] = settings
    command.upgrade(config, "head")


async def read_all(settings: Settings) -> dict[str, list[dict[str, Any]]]:
    """What every table holds."""
    tables = Tables(settings, {})
    rows = {table.name: await tables.rows(table.name) for table in orm_registry.metadata.sorted_tables}
    await tables.close()
    return rows


class Tables:
    """The tables of the test database, and what the migrations left in them."""

    def __init__(self, settings: Settings, initial: dict[str, list[dict[str, Any]]]) -> None:
        self._engine = engine_for(settings)
        self._initial = initial
        emptying = [str(delete(table)) for table in reversed(orm_registry.metadata.sorted_tables)]
        # Even the trail, of which the service can remove nothing; the embedded server lets its superuser do that.
        self._emptying = ";".join(["BEGIN", "SET LOCAL session_replication_role = replica", *emptying, "COMMIT"])

    @property
    def names(self) -> list[str]:
        """What the tables are called."""
        return [*orm_registry.metadata.tables]

    async def rows(self, name: str) -> list[dict[str, Any]]:
        """What a table holds."""
        async with self._engine.connect() as connection:
            found = await connection.execute(select(orm_registry.metadata.tables[name]))
            return [dict(row) for row in found.mappings()]

    async def trail(self, *kinds: str) -> list[dict[str, Any]]:
        """The entries of these kinds in the audit trail, or all, oldest first."""
        rows = sorted(await self.rows("audit_event"), key=lambda row: row["created_at"])
        return [row for row in rows if not kinds or row["kind"] in kinds]

    async def kinds(self) -> list[str]:
        """What the audit trail says has happened, in order."""
        return [row["kind"] for row in await self.trail()]

    async def execute(self, statement: str) -> None:
        """Change something behind the back of the service."""
        async with self._engine.begin() as connection:
            await connection.execute(text(statement))

    async def run(self, statement: Executable) -> None:
        """The same for a statement of SQLAlchemy."""
        async with self._engine.begin() as connection:
            await connection.execute(statement)

    async def execute_all(self, statements: str) -> None:
        """The same for several, separated by semicolons at line ends."""
        for statement in statements.split(";\n"):
            await self.execute(statement)

    @asynccontextmanager
    async def changing(self, statement: str) -> AsyncIterator[None]:
        """Change something, and commit only after the block."""
        async with self._engine.begin() as connection:
            await connection.execute(text(statement))
            yield

    @asynccontextmanager
    async def holding(self, statement: str) -> AsyncIterator[None]:
        """The same, once a request waits for it."""
        async with self.changing(statement):
            yield
            await self.somebody_waits()

    async def somebody_waits(self, requests: int = 1) -> None:
        """Returns once so many requests wait for what another transaction holds."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await self.waiting() < requests:  # noqa: ASYNC110  # PostgreSQL sets no event
                await asyncio.sleep(0.01)

    async def waiting(self) -> int:
        """How many wait for what another transaction holds."""
        statement = text(
            "SELECT count(*) FROM pg_locks WHERE NOT granted "
            "AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database())"
        )
        async with self._engine.connect() as connection:
            return int((await connection.execute(statement)).scalar_one())

    async def restore(self) -> None:
        """Go back to what the migrations left."""
        async with self._engine.begin() as connection:
            # Before each test, so all at once.
            driver = (await connection.get_raw_connection()).driver_connection
            assert driver is not None
            await self._empty(driver)
            for table in orm_registry.metadata.sorted_tables:
                if rows := self._initial[table.name]:
                    await connection.execute(insert(table), rows)

    async def _empty(self, driver: Any) -> None:
        try:
            await driver.execute(self._emptying)
        except asyncpg.DeadlockDetectedError:
            # With a background task of a process that a test has started.
            await driver.execute("ROLLBACK")
            await self._empty(driver)

    async def close(self) -> None:
        """Give the connections back."""
        await self._engine.dispose()


async def make_users(tables: Tables, settings: Settings, count: int) -> list[str]:
    """Insert verified users with one password and return their addresses."""
    password_hash = await hasher_for(settings).digest(PASSWORD, "grace@example.com")
    emails = [f"user{number}@example.com" for number in range(count)]
    shared = {"password_hash": password_hash, "is_verified": True, "is_active": True}
    await tables.run(insert(User).values([{"id": uuid4(), "email": email} | shared for email in emails]))
    return emails
