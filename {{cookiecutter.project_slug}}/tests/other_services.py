"""Services beside the one of the whole run: with other settings, or with routes that go wrong on purpose."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from pydantic import SecretStr

from app.asgi import create_app
from app.settings import Settings
from tests.cast import Outbox
from tests.cast import Stage

# The least that a hash may cost, for settings that are checked; those of the run are below it.
ALLOWED = {"hash_memory_kib": 19_456, "hash_iterations": 2}
# Nothing listens on port 1, so the connection is refused at once.
DATABASE_AWAY = {"database_url": SecretStr("postgresql://nobody@127.0.0.1:1/nothing")}


@cache
def service_with(settings: Settings, routes: tuple[HTTPRouteHandler, ...] = ()) -> Litestar:
    """A service that is not started; to make one takes longer than most of what is done to it."""
    app = create_app(settings)
    for route in routes:
        app.register(route)
    return app


@asynccontextmanager
async def another_stage(settings: Settings, *routes: HTTPRouteHandler, **changes: Any) -> AsyncIterator[Stage]:
    """A started service with these changes to its settings, and with these routes as well."""
    app = service_with(settings.model_copy(update=changes), routes)
    app.state.mailer = Outbox()
    stage = Stage(app, app.state.mailer, delivers=not DATABASE_AWAY.items() <= changes.items())
    async with app.lifespan():
        yield stage
        await stage.close()
