"""What each process does beside its requests, from its start to its end."""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator
from collections.abc import Awaitable
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from contextlib import asynccontextmanager
from contextlib import suppress
from typing import TypeAlias

from litestar import Litestar
from sqlalchemy.exc import SQLAlchemyError

from app.settings import Environment

logger = logging.getLogger(__name__)

PAUSE_AFTER_ERROR_SECONDS = 5

# Returns after how many seconds it wants to be done again.
Step: TypeAlias = Callable[[Litestar], Awaitable[float]]


@asynccontextmanager
async def collecting_only_what_is_new(_: Litestar) -> AsyncIterator[None]:
    """Leave out of garbage collections what has been imported and built by now: it stays until the process ends.

    Python would look through all of it several times a minute, and all requests would wait for a tenth of a second.
    """
    gc.freeze()
    gc.enable()
    try:
        yield
    finally:
        gc.unfreeze()


def repeating(step: Step, *, before_requests: bool = False) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    """A lifespan in which this is done again and again, and never cut off; tests do it by hand.

    The first time is while the service runs, or `before_requests` are answered.
    """

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        if app.state.settings.environment is Environment.TEST:
            yield
            return
        is_over = asyncio.Event()
        pause = await _attempt(step, app) if before_requests else 0
        worker = asyncio.create_task(_repeat(step, app, is_over, pause))
        try:
            yield
        finally:
            is_over.set()
            await worker

    return lifespan


async def _repeat(step: Step, app: Litestar, is_over: asyncio.Event, pause: float) -> None:
    while True:
        with suppress(TimeoutError):
            await asyncio.wait_for(is_over.wait(), pause)
        if is_over.is_set():
            return
        pause = await _attempt(step, app)


async def _attempt(step: Step, app: Litestar) -> float:
    try:
        return await step(app)
    except (SQLAlchemyError, OSError) as error:
        logger.warning("%s waits, since the database does not answer: %s", step.__name__, type(error).__name__)
    except Exception:
        # Whatever it is, it must not be the last time.
        logger.exception("%s has failed and goes on", step.__name__)
    return PAUSE_AFTER_ERROR_SECONDS
