"""The engine and the sessions of the application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from advanced_alchemy.extensions.litestar import AsyncSessionConfig
from advanced_alchemy.extensions.litestar import SQLAlchemyAsyncConfig
from advanced_alchemy.extensions.litestar import SQLAlchemyInitPlugin
from litestar import Litestar
from litestar.connection import ASGIConnection
from sqlalchemy import event
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from app import clock
from app.database.engine import DATABASE_TIME
from app.database.engine import engine_for
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
        from app.database import embedded_postgres  # noqa: PLC0415  # production does not install what it needs

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
