"""Background tasks of each process, from its start to its end."""

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
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.exc import SQLAlchemyError

from app.database.transactions import new_transaction
from app.http.outages import TABLES_MISSING
from app.http.outages import reason_of_outage
from app.http.outages import without_values
from app.operations.health import is_migrated
from app.settings import Environment

logger = logging.getLogger(__name__)

PAUSE_AFTER_ERROR_SECONDS = 5

# Returns the seconds until its next run.
Step: TypeAlias = Callable[[Litestar], Awaitable[float]]


@asynccontextmanager
async def collecting_only_what_is_new(_: Litestar) -> AsyncIterator[None]:
    """Exclude what has been imported and built by now from garbage collections.

    It stays until the process ends. A collection would look through all of it, several times a minute, and every
    request would wait for a tenth of a second.
    """
    gc.freeze()
    gc.enable()
    try:
        yield
    finally:
        gc.unfreeze()


def repeating(step: Step, *, before_requests: bool = False) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    """A lifespan that runs a task repeatedly and never interrupts it; tests call the task themselves.

    With `before_requests` the first run ends before requests are answered.
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
    # The reason for which each task waits. An outage is logged once, however many tasks wait for its end.
    waits: dict[str, str] = app.state.setdefault("background_waits", {})
    try:
        pause = await step(app)
    except Exception as error:
        reason = await _reason(error, app)
        if reason is None:
            # The next attempt may succeed.
            without_values(error)
            logger.exception("The background task %s has failed and will be tried again", step.__name__)
        elif reason not in waits.values():
            logger.warning("Background tasks wait: %s", reason)
        waits |= {step.__name__: reason} if reason else {}
        return PAUSE_AFTER_ERROR_SECONDS
    if waits.pop(step.__name__, None) and not waits:
        logger.info("Background tasks run again")
    return pause


async def _reason(error: Exception, app: Litestar) -> str | None:
    if isinstance(error, ProgrammingError):
        # A wrong statement, unless the tables are those of another version.
        try:
            async with new_transaction(app) as session:
                return None if await is_migrated(session) else TABLES_MISSING
        except (SQLAlchemyError, OSError) as other:
            return reason_of_outage(other)
    return reason_of_outage(error)
