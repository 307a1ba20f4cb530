"""The engine and the sessions of the application."""

from collections.abc import AsyncGenerator
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from advanced_alchemy.extensions.litestar import AsyncSessionConfig
from advanced_alchemy.extensions.litestar import SQLAlchemyAsyncConfig
from advanced_alchemy.extensions.litestar import SQLAlchemyInitPlugin
from advanced_alchemy.extensions.litestar._utils import get_aa_scope_state
from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.types import Scope
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.database.engine import DATABASE_TIME
from app.database.engine import close_connections
from app.database.engine import engine_for
from app.settings import Settings

# Connections are kept for long, and the clocks of machines drift meanwhile.
CLOCK_FOLLOWED_EVERY = timedelta(minutes=1)
# Features of advanced-alchemy that cost time at each commit; this service has no use for them.
UNUSED = {"enable_cache_listener": False, "enable_file_object_listener": False}


class DatabaseConfig(SQLAlchemyAsyncConfig):
    """The configuration of advanced-alchemy, which closes no connections: background tasks end after its lifespan."""

    @asynccontextmanager
    async def lifespan(self, app: Litestar) -> AsyncGenerator[None, None]:
        """Make the engine available. `using_the_database` closes it."""
        app.state.update(self.create_app_state_items())
        yield


@asynccontextmanager
async def using_the_database(app: Litestar) -> AsyncIterator[None]:
    """Close all connections when the service stops, and release the embedded PostgreSQL if it was used."""
    try:
        yield
    finally:
        await close_connections(engine_of(app))
    if app.state.settings.database_url is None:
        from app.database import embedded_postgres  # noqa: PLC0415  # production does not install it

        embedded_postgres.leave()


def database_plugin(settings: Settings) -> SQLAlchemyInitPlugin:
    """The engine and the sessions of one application."""
    config = DatabaseConfig(
        engine_instance=engine_for(settings),
        # Rows stay readable after the commit, since the response is rendered from them. `info` carries the settings.
        session_config=AsyncSessionConfig(expire_on_commit=False, info={"settings": settings, **UNUSED}),
        # app/http/error_responses.py answers errors.
        set_default_exception_handler=False,
    )
    return SQLAlchemyInitPlugin(config)


def request_session(connection: ASGIConnection[Any, Any, Any, Any]) -> AsyncSession:
    """The session of this request, the same one at each call; `CommitBeforeSuccess` commits it."""
    return config_of(connection.app).provide_session(connection.app.state, connection.scope)


def used_session(scope: Scope) -> AsyncSession | None:
    """The session of this request; None if nothing has asked for one."""
    # It has no public name.
    session: AsyncSession | None = get_aa_scope_state(scope, config_of(scope["litestar_app"]).session_scope_key)
    return session


async def follow_clock(app: Litestar) -> float:
    """Set `app.clock` by the clock of the database; returns the seconds until the next call."""
    async with engine_of(app).connect() as connection:
        asked_at = clock.elapsed()
        moment = (await connection.execute(text(DATABASE_TIME))).scalar_one()
        clock.follow(moment, asked_at, clock.elapsed())
    return CLOCK_FOLLOWED_EVERY.total_seconds()


def engine_of(app: Litestar) -> AsyncEngine:
    """The engine of an application."""
    return config_of(app).get_engine()


def config_of(app: Litestar) -> SQLAlchemyAsyncConfig:
    """The configuration of advanced-alchemy for an application."""
    config = app.plugins.get(SQLAlchemyInitPlugin).config[0]
    assert isinstance(config, SQLAlchemyAsyncConfig)
    return config
