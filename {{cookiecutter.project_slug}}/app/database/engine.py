"""How the database is reached: at which address, through how many connections, and for how long."""

from typing import Any
from uuid import uuid4

import asyncpg  # type: ignore[import-untyped]  # It carries no types.
from sqlalchemy import ExceptionContext
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.ext.asyncio import create_async_engine

from app import clock
from app.http.outages import READ_ONLY
from app.http.outages import CannotConnect
from app.http.outages import sqlstate_of
from app.settings import Settings
from app.settings import database_url
from app.settings.types import Pooler

# For a connection, and for what another transaction has locked.
WAITS_SECONDS = 5
STATEMENT_SECONDS = 10
# Longer than a mail server may take for a mail, during which its row stays locked.
IDLE_SECONDS = 120
RECYCLED_AFTER_SECONDS = 1800
DATABASE_TIME = "SELECT clock_timestamp()"
# The address itself is an argument of asyncpg.
ASYNCPG = "postgresql+asyncpg://"


def connect_arguments(settings: Settings) -> dict[str, Any]:
    """What asyncpg connects with: `DATABASE_URL`, or without it (never in production) the embedded PostgreSQL."""
    url = settings.database_url.get_secret_value() if settings.database_url else _embedded()
    parsed = database_url.parse(url)
    return {"dsn": parsed.dsn, **parsed.arguments, **through_pooler(settings)}


def _embedded() -> str:
    from app.database import embedded_postgres  # noqa: PLC0415  # production does not install what it needs

    return embedded_postgres.url()


def engine_for(settings: Settings) -> AsyncEngine:
    """Connections to the database: few enough for it, and given up when they take too long."""
    engine = create_async_engine(
        ASYNCPG,
        connect_args={"async_creator_fn": _connect, **_limited(connect_arguments(settings), settings)},
        pool_size=settings.database_pool_size,
        max_overflow=0,
        pool_timeout=WAITS_SECONDS,
        # Firewalls forget connections that nobody uses, and tell nobody.
        pool_recycle=RECYCLED_AFTER_SECONDS,
        # Errors name their statement; its values, which are addresses and hashes, stay out of the log.
        hide_parameters=True,
    )
    event.listen(engine.sync_engine, "connect", _follow_clock)
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    event.listen(engine.sync_engine, "handle_error", _leave_read_only)
    return engine


def _limited(arguments: dict[str, Any], settings: Settings) -> dict[str, Any]:
    limits = {
        "statement_timeout": STATEMENT_SECONDS,
        "lock_timeout": WAITS_SECONDS,
        "idle_in_transaction_session_timeout": IDLE_SECONDS,
    }
    # A pooler refuses settings that it would have to keep; docs/scaling.md says where to put them then.
    is_direct = settings.database_pooler is Pooler.NONE
    server_settings = {name: f"{seconds}s" for name, seconds in limits.items() if is_direct}
    given = {"timeout": WAITS_SECONDS, "command_timeout": STATEMENT_SECONDS + 1} | arguments
    return given | {"server_settings": server_settings | arguments["server_settings"]}


def through_pooler(settings: Settings) -> dict[str, Any]:
    """What asyncpg has to know of a pooler that gives each transaction another connection."""
    if settings.database_pooler is Pooler.NONE:
        return {}
    # Statements that were prepared on one are unknown on the next.
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
        # The connection is new, and has to begin without a transaction.
        dbapi_connection.rollback()
    except dbapi_connection.dbapi.Error as error:
        # SQLAlchemy translates what the driver says of statements, but not what it says here.
        raise OperationalError(DATABASE_TIME, None, error, connection_invalidated=True) from error


def _refuse_closed(dbapi_connection: Any, *_: Any) -> None:
    # When PostgreSQL restarts, it closes its end of all connections: another is opened then, and nothing fails. Asking
    # it before each use, as `pool_pre_ping` does, would cost three round trips.
    if dbapi_connection.driver_connection.is_closed():
        raise DisconnectionError


def _leave_read_only(context: ExceptionContext) -> None:
    # After a failover the pool may hold connections to the former primary: SQLAlchemy drops all of them.
    if sqlstate_of(context.original_exception) == READ_ONLY:
        context.is_disconnect = True
