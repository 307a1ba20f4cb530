"""Background tasks go on after every error, and end with the service."""

import asyncio
import gc
import logging
from types import SimpleNamespace
from typing import cast

import pytest
from litestar import Litestar
from litestar.datastructures import State
from sqlalchemy.ext.asyncio import AsyncEngine

from app.accounts.mail import delivery
from app.asgi import create_app
from app.http.outages import CannotConnect
from app.operations import background
from app.operations.background import repeating
from app.settings import Environment
from app.settings import Settings
from tests.other_services import another_stage


def away() -> Exception:
    """What an attempt meets while the database is away."""
    return CannotConnect("SELECT secret", {}, OSError())


class Work:
    """Fails in each way, and then has nothing to do for an hour."""

    def __init__(self) -> None:
        self.times = 0
        self.is_done = asyncio.Event()
        self._errors: list[Exception] = [away(), away(), OSError(), ValueError("odd"), away()]

    async def step(self, _app: Litestar) -> float:
        """Do some of it."""
        self.times += 1
        if self._errors:
            raise self._errors.pop(0)
        self.is_done.set()
        return 3600


def an_app(settings: Settings, environment: Environment) -> Litestar:
    """What a lifespan gets."""
    state = State({"settings": settings.model_copy(update={"environment": environment})})
    # A whole one would set up the logging anew, which a test reads.
    return cast("Litestar", SimpleNamespace(state=state))


async def test_it_goes_on_after_every_error_and_ends_at_once_with_the_service(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(background, "PAUSE_AFTER_ERROR_SECONDS", 0)
    caplog.set_level(logging.INFO, "app")
    work = Work()
    async with asyncio.timeout(10), repeating(work.step)(an_app(settings, Environment.DEVELOPMENT)):
        await work.is_done.wait()
    assert work.times == 6
    assert [(record.levelname, record.exc_info is not None, record.getMessage()) for record in caplog.records] == [
        ("WARNING", False, "Background tasks wait: cannot connect to the database: OSError"),
        *[("ERROR", True, "The background task step has failed and will be tried again")] * 2,
        ("INFO", False, "Background tasks run again"),
    ]
    assert "secret" not in caplog.text


@pytest.mark.parametrize("before_requests", [False, True])
async def test_the_first_time_is_before_requests_if_they_depend_on_it(
    settings: Settings, *, before_requests: bool
) -> None:
    work = Work()
    async with repeating(work.step, before_requests=before_requests)(an_app(settings, Environment.DEVELOPMENT)):
        assert work.times == before_requests


async def test_tests_do_it_by_hand(settings: Settings) -> None:
    work = Work()
    async with repeating(work.step)(an_app(settings, Environment.TEST)):
        await asyncio.sleep(0)
    assert work.times == 0


async def test_what_stays_is_left_out_of_garbage_collections_while_the_service_runs(settings: Settings) -> None:
    async with create_app(settings).lifespan():
        assert gc.get_freeze_count() > 100_000
    assert gc.get_freeze_count() == 0


async def test_connections_are_closed_after_the_tasks_have_ended(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    began = asyncio.Event()
    dispose = AsyncEngine.dispose

    async def work(_app: Litestar) -> bool:
        began.set()
        await asyncio.sleep(0.05)
        seen.append("the task has ended")
        return False

    async def close(engine: AsyncEngine) -> None:
        seen.append("closed")
        await dispose(engine)

    monkeypatch.setattr(delivery, "deliver_next", work)
    monkeypatch.setattr(AsyncEngine, "dispose", close)
    async with another_stage(settings, environment=Environment.DEVELOPMENT):
        await began.wait()
    assert seen == ["the task has ended", "closed"]
