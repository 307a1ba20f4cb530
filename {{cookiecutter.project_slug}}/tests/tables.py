"""A database for tests: made from nothing, and restored after each test to what the migrations left."""

from typing import Any
from typing import Self

from advanced_alchemy.base import orm_registry
from sqlalchemy import delete
from sqlalchemy import insert
from sqlalchemy import make_url
from sqlalchemy import select
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.ext.asyncio import create_async_engine

from app.settings import Settings


async def make_database(server_url: str, name: str) -> None:
    """An empty database of this name on the embedded server; one that an earlier run left is dropped."""
    engine = create_async_engine(make_url(server_url), isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
        await connection.execute(text(f'CREATE DATABASE "{name}"'))
        # Nobody misses these data after a power cut.
        await connection.execute(text(f'ALTER DATABASE "{name}" SET synchronous_commit = off'))
    await engine.dispose()


class Tables:
    """The tables of the test database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._initial: dict[str, list[dict[str, Any]]] = {}

    @classmethod
    async def at(cls, settings: Settings) -> Self:
        """Those that the settings name, with the rows that they hold now as what `restore` goes back to."""
        assert settings.database_url is not None
        tables = cls(create_async_engine(settings.database_url.get_secret_value()))
        for table in orm_registry.metadata.sorted_tables:
            tables._initial[table.name] = await tables.rows(table.name)
        return tables

    async def rows(self, name: str) -> list[dict[str, Any]]:
        """What a table holds."""
        async with self._engine.connect() as connection:
            found = await connection.execute(select(orm_registry.metadata.tables[name]))
            return [dict(row) for row in found.mappings()]

    async def execute(self, statement: str) -> None:
        """Change something behind the back of the service."""
        async with self._engine.begin() as connection:
            await connection.execute(text(statement))

    async def restore(self) -> None:
        """Go back to what the migrations left."""
        async with self._engine.begin() as connection:
            for table in reversed(orm_registry.metadata.sorted_tables):
                await connection.execute(delete(table))
            for table in orm_registry.metadata.sorted_tables:
                if rows := self._initial[table.name]:
                    await connection.execute(insert(table), rows)

    async def close(self) -> None:
        """Give the connections back."""
        await self._engine.dispose()
