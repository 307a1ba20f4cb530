"""Statements that asyncpg runs itself: one round trip, without BEGIN and COMMIT and without the work of SQLAlchemy."""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import TypeAlias

import asyncpg  # type: ignore[import-untyped]  # It carries no types.
from litestar.connection import ASGIConnection
from sqlalchemy import Select
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import InternalError
from sqlalchemy.exc import OperationalError

from app.database.sessions import engine_of
from app.database.sessions import request_session
from app.database.transactions import release_connection
from app.http.outages import of_service_database
from app.settings.types import Pooler

Connection: TypeAlias = ASGIConnection[Any, Any, Any, Any]


class DirectRead:
    """A statement that only reads, and is compiled once. Its values are as asyncpg returns them."""

    def __init__(self, statement: Select[Any]) -> None:
        self._statement = statement
        compiled = statement.compile(dialect=dialect())  # type: ignore[no-untyped-call]  # It carries no types.
        self.text, self._names = str(compiled), compiled.positiontup or []

    async def rows(self, connection: Connection, values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """The rows for these parameters.

        Raises:
            DBAPIError: if the database fails.
        """
        settings = connection.app.state.settings
        # A pooler gives each transaction another connection, and traces only show the statements of SQLAlchemy.
        is_direct = settings.database_pooler is Pooler.NONE and settings.otel_exporter_otlp_endpoint is None
        for ask in (self._ask_the_driver if is_direct else self._ask_sqlalchemy, self._ask_sqlalchemy):
            try:
                return await ask(connection, values)
            except DBAPIError as error:
                # An idle connection died. The caller need not notice: the next attempt uses another one.
                if not (error.connection_invalidated or isinstance(error, InternalError)):
                    raise
                await request_session(connection).rollback()
        # A second one was dead, so SQLAlchemy has closed all idle connections, and opens a new one.
        return await self._ask_sqlalchemy(connection, values)

    async def _ask_sqlalchemy(self, connection: Connection, values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        session = request_session(connection)
        rows = (await session.execute(self._statement, dict(values))).all()
        await release_connection(session)
        return rows

    async def _ask_the_driver(self, connection: Connection, values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        engine = engine_of(connection.app)
        pooled = await engine.raw_connection()
        driver: Any = pooled.driver_connection
        try:
            rows: Sequence[Sequence[Any]] = await driver.fetch(self.text, *(values[name] for name in self._names))
        except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
            is_dead = driver.is_closed() or isinstance(error, asyncpg.InternalClientError)
            if isinstance(error, TimeoutError):
                # As in app/database/engine.py: the other idle connections do not answer either.
                engine.sync_engine.pool._invalidate(pooled, error)  # noqa: SLF001  # it has no other name
            failure = OperationalError(self.text, None, error, connection_invalidated=is_dead)
            raise of_service_database(failure) from error
        finally:
            pooled.close()
        return rows
