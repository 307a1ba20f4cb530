"""Sessions, and the one place that commits.

| what | is stored |
| --- | --- |
| what handlers and services do, with its mails and its entries in the trail | if and only if a success is answered |
| attempts that are counted, refusals in the trail, the end of a sign-in by a copy | `aside`, whatever is answered |
| that a sign-in was seen | at once, before the handler begins |
| mails that have left, rows that have expired | `own_transaction`, in the background |
| what a command does | `only_transaction`, if it ends without an error |
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

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
from sqlalchemy import inspect
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from app import clock
from app.engine import DATABASE_TIME
from app.engine import engine_for
from app.errors import problem
from app.problems import ERROR
from app.settings import Settings

# In the `info` of a session: models that were read outside of it, and join it as soon as it is used for anything.
WAITING = "waiting"
# Connections may live for long, and clocks of machines drift by milliseconds meanwhile.
CLOCK_FOLLOWED_EVERY = timedelta(minutes=1)
# What advanced-alchemy looks after at each commit, unless told that it is not there.
UNUSED = {"enable_cache_listener": False, "enable_file_object_listener": False}


@event.listens_for(Session, "after_transaction_create")
def _take_in(session: Session, *_: Any) -> None:
    session.add_all(session.info.pop(WAITING, ()))


class RequestSession(AsyncSession):
    """A session that models may wait for."""

    async def refresh(self, *arguments: Any, **options: Any) -> None:
        """As ever, but SQLAlchemy looks whether the model is here before it begins anything."""
        _take_in(self.sync_session)
        await super().refresh(*arguments, **options)


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


def database_plugin(settings: Settings) -> SQLAlchemyInitPlugin:
    """The engine and the sessions of one application."""
    config = SQLAlchemyAsyncConfig(
        engine_instance=engine_for(settings),
        # Rows stay readable after the commit: the response is rendered from them. Services find the settings in `info`.
        session_config=AsyncSessionConfig(
            class_=RequestSession, expire_on_commit=False, info={"settings": settings, **UNUSED}
        ),
        # Problems are answered by errors.py.
        set_default_exception_handler=False,
    )
    return SQLAlchemyInitPlugin(config)


def request_session(connection: ASGIConnection[Any, Any, Any, Any]) -> AsyncSession:
    """The session of this request, the same one for everybody who asks; it is committed before the answer leaves."""
    return _config(connection.app).provide_session(connection.app.state, connection.scope)


@asynccontextmanager
async def own_transaction(app: Litestar) -> AsyncIterator[AsyncSession]:
    """A transaction that stands whatever the answer is: for what must survive a refusal."""
    async with _config(app).get_session() as session, session.begin():
        yield session


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


async def follow_clock(app: Litestar) -> float:
    """Have `app.clock` follow the clock of the database; returns the seconds until the next time."""
    async with engine_of(app).connect() as connection:
        asked_at = clock.elapsed()
        moment = (await connection.execute(text(DATABASE_TIME))).scalar_one()
        clock.follow(moment, asked_at, clock.elapsed())
    return CLOCK_FOLLOWED_EVERY.total_seconds()


def engine_of(app: Litestar) -> AsyncEngine:
    """Where the connections of an application come from."""
    return _config(app).get_engine()


def _config(app: Litestar) -> SQLAlchemyAsyncConfig:
    config = app.plugins.get(SQLAlchemyInitPlugin).config[0]
    assert isinstance(config, SQLAlchemyAsyncConfig)
    return config


def _is_waiting_changed(session: AsyncSession) -> bool:
    return any(inspect(model).modified for model in session.info.get(WAITING, ()))


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
            if message["type"] == "http.response.start" and _is_success(message["status"], connection):
                session = request_session(connection)
                try:
                    if session.in_transaction() or _is_waiting_changed(session):
                        await session.commit()
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


def _is_success(status: int, request: Request[Any, Any, Any]) -> bool:
    # A person who is refused may be led to another page, with the status of a success.
    return status < 400 and request.state.get(ERROR) is None
