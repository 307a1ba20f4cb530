"""Connections to the database: their URL, number and time limits."""

import asyncio
from typing import Any
from uuid import uuid4
from weakref import WeakSet

import asyncpg  # type: ignore[import-untyped]  # It carries no types.
from litestar.exceptions import PermissionDeniedException
from sqlalchemy import Connection
from sqlalchemy import ExceptionContext
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app import clock
from app.http.outages import READ_ONLY
from app.http.outages import CannotConnect
from app.http.outages import of_service_database
from app.http.outages import sqlstate_of
from app.http.program_tokens import ONLY_READS
from app.settings import Settings
from app.settings import database_url
from app.settings.types import Pooler

# For a connection from the pool, and for a lock of another transaction.
WAITS_SECONDS = 5
STATEMENT_SECONDS = 10
# For any answer. PostgreSQL ends a statement before this, so the connection is taken for lost.
ANSWER_SECONDS = 11
# For PostgreSQL to close its end of a connection.
CLOSING_SECONDS = 2
# Longer than a mail server may take for a mail, since the row of the mail stays locked meanwhile.
IDLE_SECONDS = 120
RECYCLED_AFTER_SECONDS = 1800
DATABASE_TIME = "SELECT clock_timestamp()"
# Held by the transaction that migrates. The number means nothing; other locks of this kind must have another one.
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(4711815)"
# The execution option of an engine that has its connections, as asyncpg's objects.
DRIVERS = "drivers"
# The URL itself is an argument of asyncpg.
ASYNCPG = "postgresql+asyncpg://"
# The option of an engine whose transactions PostgreSQL lets read only.
READS_ONLY = "postgresql_readonly"
# In the `info` of a connection, once PostgreSQL has given its transaction up because of an error.
GIVEN_UP = "given up"


def connect_arguments(settings: Settings) -> dict[str, Any]:
    """The arguments of asyncpg, from `DATABASE_URL`; without it (never in production), the embedded PostgreSQL."""
    url = settings.database_url.get_secret_value() if settings.database_url else _embedded()
    parsed = database_url.parse(url)
    return {"dsn": parsed.dsn, **parsed.arguments, **through_pooler(settings)}


def _embedded() -> str:
    from app.database import embedded_postgres  # noqa: PLC0415  # production does not install it

    return embedded_postgres.url()


def engine_for(settings: Settings) -> AsyncEngine:
    """An engine with a limited pool and time limits; `close_connections` ends it."""
    drivers: WeakSet[asyncpg.Connection] = WeakSet()
    engine = create_async_engine(
        ASYNCPG,
        connect_args={"async_creator_fn": _connect, **_limited(connect_arguments(settings), settings)},
        pool_size=settings.database_pool_size,
        max_overflow=0,
        pool_timeout=WAITS_SECONDS,
        # Firewalls silently drop connections that are idle for long.
        pool_recycle=RECYCLED_AFTER_SECONDS,
        # Errors show their statement without its values, which include addresses and hashes.
        hide_parameters=True,
        execution_options={DRIVERS: drivers},
    )
    event.listen(engine.sync_engine, "connect", lambda connection, _: drivers.add(connection.driver_connection))
    event.listen(engine.sync_engine, "connect", _follow_clock)
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    event.listen(engine.sync_engine, "handle_error", _note_error)
    event.listen(engine.sync_engine, "handle_error", _note_given_up)
    for end in ("begin", "rollback_savepoint"):
        event.listen(engine.sync_engine, end, _forget_given_up)
    event.listen(engine.sync_engine, "commit", _require_kept)
    return engine


async def close_connections(engine: AsyncEngine) -> None:
    """Close all connections, at the same time: SQLAlchemy would wait for one after the other until it answers."""
    closing = [driver.close(timeout=CLOSING_SECONDS) for driver in engine.get_execution_options()[DRIVERS]]
    await asyncio.gather(*closing, return_exceptions=True)
    await engine.dispose()


def engine_for_migrations(settings: Settings) -> AsyncEngine:
    """An engine without a pool, and without limits for statements: a revision may take long."""
    arguments = {"timeout": WAITS_SECONDS} | connect_arguments(settings)
    engine = create_async_engine(
        ASYNCPG,
        poolclass=NullPool,
        connect_args={"async_creator_fn": _connect, **arguments},
        hide_parameters=True,
    )
    event.listen(engine.sync_engine, "handle_error", _note_error)
    return engine


def _limited(arguments: dict[str, Any], settings: Settings) -> dict[str, Any]:
    limits = {
        "statement_timeout": STATEMENT_SECONDS,
        "lock_timeout": WAITS_SECONDS,
        "idle_in_transaction_session_timeout": IDLE_SECONDS,
    }
    # A pooler refuses settings of a session; docs/scaling.md says where to put them instead.
    is_direct = settings.database_pooler is Pooler.NONE
    server_settings = {name: f"{seconds}s" for name, seconds in limits.items() if is_direct}
    given = {"timeout": WAITS_SECONDS, "command_timeout": ANSWER_SECONDS} | arguments
    return given | {"server_settings": server_settings | arguments["server_settings"]}


def through_pooler(settings: Settings) -> dict[str, Any]:
    """The arguments of asyncpg for a pooler that gives each transaction another connection."""
    if settings.database_pooler is Pooler.NONE:
        return {}
    # A statement prepared on one connection is unknown on the next.
    no_cache = {"statement_cache_size": 0, "prepared_statement_cache_size": 0}
    return no_cache | {"prepared_statement_name_func": lambda: f"statement-{uuid4()}"}


async def _connect(*arguments: Any, **options: Any) -> asyncpg.Connection:
    try:
        return await asyncpg.connect(*arguments, **options)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
        # SQLAlchemy would let these through as they are.
        raise CannotConnect(None, None, error) from error


def _follow_clock(dbapi_connection: Any, *_: Any) -> None:
    cursor = dbapi_connection.cursor()
    try:
        asked_at = clock.elapsed()
        cursor.execute(DATABASE_TIME)
        clock.follow(cursor.fetchone()[0], asked_at, clock.elapsed())
        # A new connection must start without a transaction.
        dbapi_connection.rollback()
    except dbapi_connection.dbapi.Error as error:
        # SQLAlchemy translates the errors of statements, but not those in this event.
        raise CannotConnect(DATABASE_TIME, None, error, connection_invalidated=True) from error


def _refuse_closed(dbapi_connection: Any, *_: Any) -> None:
    # A restart of PostgreSQL closes its end of all connections. The pool then opens another one, and nothing fails.
    # `pool_pre_ping` would cost three round trips for each use.
    if dbapi_connection.driver_connection.is_closed():
        raise DisconnectionError


def _note_error(context: ExceptionContext) -> None:
    of_service_database(context.original_exception)
    if context.sqlalchemy_exception is not None:
        of_service_database(context.sqlalchemy_exception)
    # The change may have been forbidden to this request. After a failover, the pool may hold connections to the former
    # primary: SQLAlchemy drops all of them.
    if sqlstate_of(context.original_exception) == READ_ONLY:
        if context.connection is not None and READS_ONLY in context.connection.get_execution_options():
            raise PermissionDeniedException(ONLY_READS) from context.original_exception
        context.is_disconnect = True
    # Pgpool-II refuses all that follows on a connection whose COMMIT has failed. An error without a statement is one of
    # COMMIT or ROLLBACK.
    if context.statement is None and context.connection is not None and not context.is_disconnect:
        context.connection.invalidate()
    # One that does not answer is rarely alone. SQLAlchemy by itself drops it, and keeps the others.
    if isinstance(context.original_exception, TimeoutError):
        context.invalidate_pool_on_disconnect = True


def _note_given_up(context: ExceptionContext) -> None:
    # Values that asyncpg itself refuses never reach PostgreSQL, and their errors have no severity.
    said, connection = getattr(context.original_exception.__cause__, "severity", None), context.connection
    if said is not None and connection is not None and not connection.invalidated:
        connection.info[GIVEN_UP] = True


def _forget_given_up(connection: Connection, *_: Any) -> None:
    connection.info.pop(GIVEN_UP, None)


def _require_kept(connection: Connection) -> None:
    # PostgreSQL answers this COMMIT with ROLLBACK, which no driver reports, so lost changes would look stored.
    if GIVEN_UP in connection.info:
        raise RuntimeError(
            "A statement failed and its error was caught, so PostgreSQL stores nothing of this transaction. If the "
            "transaction can go on without the statement, run it in `async with session.begin_nested():`"
        )
