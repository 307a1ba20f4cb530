"""The statement that finds the signed-in user; every request with credentials starts with it.

It goes to the driver directly, and the rows become models here, which takes a third of the time that the ORM takes. The
models join the session of the request, as if the session had read them.
"""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # It carries no types.
from sqlalchemy import ColumnElement
from sqlalchemy import Row
from sqlalchemy import inspect
from sqlalchemy import orm
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import asyncpg as postgresql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import InternalError
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from app.database.transactions import release_connection
from app.http.outages import of_service_database
from app.models import AccessToken
from app.models import User
from app.models import UserSession
from app.repositories import CURRENT_USER
from app.repositories import eager_relationships
from app.settings.types import Pooler


class CurrentUserQuery:
    """Reads the one sign-in that meets a condition, its user, and the relationships that are loaded with each user.

    With `presented` it reads the rows of another table of credentials.
    """

    def __init__(
        self, condition: ColumnElement[bool], presented: type[UserSession] | type[AccessToken] = UserSession
    ) -> None:
        self._along = eager_relationships()
        related = [orm.aliased(relation.mapper.class_) for relation in self._along]
        rows = orm.join(presented, User, User.id == presented.user_id)
        for relation, alias in zip(self._along, related, strict=True):
            rows = orm.outerjoin(rows, alias, relation.class_attribute.of_type(alias))
        self._parts: list[_Part] = []
        for entity in (presented, User, *related):
            self._parts.append(_Part(entity, self._parts[-1].end if self._parts else 0))
        columns = [column for part in self._parts for column in part.columns]
        self._statement = select(*columns).select_from(rows).where(condition)
        dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # It carries no types.
        compiled = self._statement.compile(dialect=dialect)
        self._text, self._names = str(compiled), compiled.positiontup or []
        self._types = [(column.type.dialect_impl(dialect), dialect) for column in columns]
        self._readers: list[tuple[int, Callable[[Any], Any]]] | None = None

    async def one(self, session: AsyncSession, values: Mapping[str, Any]) -> tuple[Any, User] | None:
        """The sign-in for these values and its user; `UserRepository.get` returns this user without another read."""
        rows = await self._rows(session, values)
        if not rows:
            return None
        signed_in, user, *related = self._parts
        found = session.info[CURRENT_USER] = user.model(rows[0])
        session.add(found)
        for relation, part in zip(self._along, related, strict=True):
            members = part.members(session, rows)
            value = members if relation.uselist else next(iter(members), None)
            orm.attributes.set_committed_value(found, relation.key, value)
        return signed_in.model(rows[0]), found

    async def _rows(self, session: AsyncSession, values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        settings = session.info["settings"]
        # A pooler gives each transaction another connection, and traces only show the statements of SQLAlchemy.
        is_direct = settings.database_pooler is Pooler.NONE and settings.otel_exporter_otlp_endpoint is None
        for ask in (self._ask_the_driver if is_direct else self._ask_sqlalchemy, self._ask_sqlalchemy):
            try:
                return await ask(session, values)
            except DBAPIError as error:
                # An idle connection died. The caller need not notice: the next attempt uses another one.
                if not (error.connection_invalidated or isinstance(error, InternalError)):
                    raise
                await session.rollback()
        # A second one was dead, so SQLAlchemy has closed all idle connections, and opens a new one.
        return await self._ask_sqlalchemy(session, values)

    async def _ask_sqlalchemy(self, session: AsyncSession, values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        rows: Sequence[Row[Any]] = (await session.execute(self._statement, dict(values))).all()
        await release_connection(session)
        return rows

    async def _ask_the_driver(self, session: AsyncSession, values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        return await session.run_sync(self._fetch, values)

    def _fetch(self, session: orm.Session, values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        # One round trip, without BEGIN and COMMIT around it.
        connection = session.get_bind().engine.raw_connection()
        driver: Any = connection.driver_connection
        try:
            arguments = [values[name] for name in self._names]
            if self._readers is None:
                self._readers = self._readers_of(connection.run_async(lambda _: driver.prepare(self._text)))
            return [self._read(row) for row in connection.run_async(lambda _: driver.fetch(self._text, *arguments))]
        except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
            is_dead = driver.is_closed() or isinstance(error, asyncpg.InternalClientError)
            if isinstance(error, TimeoutError):
                # As in app/database/engine.py: the other idle connections do not answer either.
                session.get_bind().engine.pool._invalidate(connection, error)  # noqa: SLF001  # it has no other name
            failure = OperationalError(self._text, None, error, connection_invalidated=is_dead)
            raise of_service_database(failure) from error
        finally:
            connection.close()

    def _readers_of(self, prepared: Any) -> list[tuple[int, Callable[[Any], Any]]]:
        # Some types, such as Numeric, read a value as the type that PostgreSQL says it has.
        sent = (attribute.type.oid for attribute in prepared.get_attributes())
        readers = (kind.result_processor(dialect, oid) for (kind, dialect), oid in zip(self._types, sent, strict=True))
        return [(index, reader) for index, reader in enumerate(readers) if reader]

    def _read(self, record: Sequence[Any]) -> list[Any]:
        values = list(record)
        for index, reader in self._readers or ():
            values[index] = reader(values[index])
        return values


class _Part:
    """The columns of one model within a row."""

    def __init__(self, entity: Any, start: int) -> None:
        mapper: orm.Mapper[Any] = inspect(entity).mapper
        self._mapper = mapper
        # SQLAlchemy has columns for its own use that no statement selects.
        unread = set(mapper.local_table.c) - set(select(mapper.local_table).selected_columns)
        read = [
            attribute
            for attribute in mapper.column_attrs
            if attribute.columns[0] not in unread and not attribute.deferred
        ]
        self._keys = [attribute.key for attribute in read]
        columns: list[ColumnElement[Any]] = [attribute.columns[0] for attribute in read]
        self.columns = [getattr(entity, key) for key in self._keys]
        self._start, self.end = start, start + len(read)
        self._primary_key = [start + columns.index(column) for column in mapper.primary_key]
        self._manager = mapper.class_manager

    def members(self, session: AsyncSession, rows: Sequence[Sequence[Any]]) -> list[Any]:
        """The models in these rows, each once, in the session. Several relationships may lead to the same row."""
        # An outer join without a match has NULL in the primary key.
        found = {tuple(row[index] for index in self._primary_key): row for row in rows}
        return [self._member(session, key, row) for key, row in found.items() if None not in key]

    def _member(self, session: AsyncSession, primary_key: tuple[Any, ...], row: Sequence[Any]) -> Any:
        member = session.identity_map.get(self._mapper.identity_key_from_primary_key(primary_key))
        if member is None:
            member = self.model(row)
            session.add(member)
        return member

    def model(self, row: Sequence[Any]) -> Any:
        """The model in this row, as if the ORM had read it; it is not in a session yet."""
        made = self._manager.new_instance()
        vars(made).update(zip(self._keys, row[self._start : self.end], strict=True))
        orm.make_transient_to_detached(made)
        # Listeners for "load" are called, as after a read by the ORM; mutable column types rely on it.
        self._manager.dispatch.load(orm.attributes.instance_state(made), None)
        return made
