"""The engine, and the one place that commits."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from advanced_alchemy.extensions.litestar import AsyncSessionConfig
from advanced_alchemy.extensions.litestar import SQLAlchemyAsyncConfig
from advanced_alchemy.extensions.litestar import SQLAlchemyInitPlugin
from litestar import Litestar
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.exceptions import LitestarException
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp
from litestar.types import Message
from litestar.types import Receive
from litestar.types import Scope
from litestar.types import Send
from sqlalchemy import event
from sqlalchemy import make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.ext.asyncio import create_async_engine

from app.errors import problem
from app.setting_types import Pooler
from app.settings import Settings

# For a connection, and for what another transaction has locked.
WAITS_SECONDS = 5
STATEMENT_SECONDS = 10
# Longer than a mail server may take for a mail, during which its row stays locked.
IDLE_SECONDS = 120
RECYCLED_AFTER_SECONDS = 1800


def address(settings: Settings) -> str:
    """Where the data is: `DATABASE_URL`, or without it (never in production) the embedded PostgreSQL."""
    if settings.database_url is None:
        from app import embedded_postgres  # noqa: PLC0415  # production does not install what it needs

        return embedded_postgres.url()
    url = make_url(settings.database_url.get_secret_value()).set(drivername="postgresql+asyncpg")
    # libpq's name for it, which hosting companies put into the addresses that they give out.
    if sslmode := url.query.get("sslmode"):
        url = url.difference_update_query(["sslmode"]).update_query_dict({"ssl": sslmode})
    return url.render_as_string(hide_password=False)


@asynccontextmanager
async def using_the_database(app: Litestar) -> AsyncIterator[None]:
    """While the service runs; afterwards the embedded PostgreSQL, if that is what it used, may stop."""
    try:
        yield
    finally:
        await engine_of(app).dispose()
    if app.state.settings.database_url is None:
        from app import embedded_postgres  # noqa: PLC0415  # production does not install what it needs

        embedded_postgres.leave()


def engine_for(settings: Settings) -> AsyncEngine:
    """Connections to the database: few enough for it, and given up when they take too long."""
    engine = create_async_engine(
        address(settings),
        connect_args=connect_args(settings),
        pool_size=settings.database_pool_size,
        max_overflow=0,
        pool_timeout=WAITS_SECONDS,
        # Firewalls forget connections that nobody uses, and tell nobody.
        pool_recycle=RECYCLED_AFTER_SECONDS,
        # Errors name their statement; its values, which are addresses and hashes, stay out of the log.
        hide_parameters=True,
    )
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    return engine


def connect_args(settings: Settings) -> dict[str, Any]:
    """What asyncpg is told about each connection."""
    bounded: dict[str, Any] = {"timeout": WAITS_SECONDS, "command_timeout": STATEMENT_SECONDS + 1}
    if settings.database_pooler is Pooler.TRANSACTION:
        # Each transaction may reach another connection of PgBouncer, where statements that were prepared earlier are
        # unknown, and PgBouncer refuses settings that it would have to keep.
        names = {"prepared_statement_name_func": lambda: f"statement-{uuid4()}"}
        return bounded | names | {"statement_cache_size": 0, "prepared_statement_cache_size": 0}
    limits = {
        "statement_timeout": STATEMENT_SECONDS,
        "lock_timeout": WAITS_SECONDS,
        "idle_in_transaction_session_timeout": IDLE_SECONDS,
    }
    return bounded | {"server_settings": {name: f"{seconds}s" for name, seconds in limits.items()}}


def _refuse_closed(dbapi_connection: Any, *_: Any) -> None:
    # When PostgreSQL restarts, it closes its end of all connections: another is opened then, and nothing fails. Asking
    # it before each use, as `pool_pre_ping` does, would cost three round trips.
    if dbapi_connection.driver_connection.is_closed():
        raise DisconnectionError


def sqlalchemy_config(settings: Settings) -> SQLAlchemyAsyncConfig:
    """The engine and the sessions of one application."""
    return SQLAlchemyAsyncConfig(
        engine_instance=engine_for(settings),
        # Rows stay readable after the commit: the response is rendered from them. Services find the settings in `info`.
        session_config=AsyncSessionConfig(expire_on_commit=False, info={"settings": settings}),
        # Problems are answered by errors.py.
        set_default_exception_handler=False,
    )


def request_session(connection: ASGIConnection[Any, Any, Any, Any]) -> AsyncSession:
    """The session of this request, the same one for everybody who asks; it is committed before the answer leaves."""
    return _config(connection.app).provide_session(connection.app.state, connection.scope)


@asynccontextmanager
async def own_transaction(app: Litestar) -> AsyncIterator[AsyncSession]:
    """A transaction that stands whatever the answer is: for what must survive a refusal."""
    async with _config(app).get_session() as session, session.begin():
        yield session


@asynccontextmanager
async def reading(session: AsyncSession) -> AsyncIterator[None]:
    """One look at the data, at the beginning of a request: a single round trip, after which no connection is held."""
    if session.info["settings"].database_pooler is Pooler.NONE:
        # Without BEGIN and COMMIT around it.
        await session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
    yield
    await session.commit()


@asynccontextmanager
async def aside(session: AsyncSession) -> AsyncIterator[AsyncSession]:
    """Likewise, from within a request that has written nothing yet; nobody waits for a second connection or a lock."""
    await session.commit()
    async with AsyncSession(session.bind, info=session.info) as other, other.begin():
        yield other


@asynccontextmanager
async def only_transaction(app: Litestar) -> AsyncIterator[AsyncSession]:
    """The one transaction of a command; the connections are closed after it."""
    try:
        async with own_transaction(app) as session:
            yield session
    finally:
        await engine_of(app).dispose()


def engine_of(app: Litestar) -> AsyncEngine:
    """Where the connections of an application come from."""
    return _config(app).get_engine()


def _config(app: Litestar) -> SQLAlchemyAsyncConfig:
    config = app.plugins.get(SQLAlchemyInitPlugin).config[0]
    assert isinstance(config, SQLAlchemyAsyncConfig)
    return config


class CommitBeforeSuccess(ASGIMiddleware):
    """Commits before the first byte of a success leaves; whatever else happens, closing the session rolls back.

    A commit that fails is answered with an error and nothing of the success is sent, no mail either: mails are rows
    that the same commit would have stored.
    """

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Send what `next_app` answers, once it is stored."""
        connection: Request[Any, Any, Any] = Request(scope, receive, send)
        is_lost = False

        async def commit_then_send(message: Message) -> None:
            nonlocal is_lost
            if message["type"] == "http.response.start" and message["status"] < 400:
                try:
                    await request_session(connection).commit()
                except Exception as error:
                    is_lost = True
                    answer = problem(connection, error).to_asgi_response(app=None, request=connection)
                    await answer(scope, receive, send)
                    raise
            await send(message)

        try:
            await next_app(scope, receive, commit_then_send)
        except LitestarException:
            if not is_lost:
                raise
