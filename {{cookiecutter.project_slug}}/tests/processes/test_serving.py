"""Production's own command: it stops as planned, refuses as planned, and believes nobody about who calls."""

import asyncio
import sys
from collections.abc import AsyncIterator

import pytest
from httpx import AsyncClient
from httpx import ConnectError
from psutil import wait_procs

from app.settings import PROJECT_ROOT
from app.settings import Settings
from tests.processes.workers import PATIENCE_SECONDS
from tests.processes.workers import SERVE
from tests.processes.workers import Worker
from tests.processes.workers import environment
from tests.processes.workers import until
from tests.tables import Tables

IN_FLIGHT = 6
LOCK = 'LOCK TABLE "user" IN ACCESS EXCLUSIVE MODE'
# Asked for in a body that is right, so that each request looks somebody up.
GUESS = {"email": "grace@example.com", "password": "wrong donkey socket paperclip"}


@pytest.fixture(params=[1, 2])
async def served(request: pytest.FixtureRequest, settings: Settings, tables: Tables) -> AsyncIterator[Worker]:  # noqa: ARG001  # empties them
    """The service in so many processes."""
    worker = Worker(environment(settings), request.param)
    try:
        await worker.start()
        await until(worker.is_ready)
        yield worker
    finally:
        await worker.stop()
        sys.stdout.write("".join(worker.console))


async def refuses_connections(url: str) -> bool:
    """Whether nobody listens any longer."""
    async with AsyncClient() as client:
        try:
            await client.get(f"{url}/health")
        except ConnectError:
            return True
    return False


async def test_what_has_begun_is_finished_and_then_it_ends_as_planned(served: Worker, tables: Tables) -> None:
    family = served.family()
    async with AsyncClient(base_url=served.url, timeout=None) as client:  # noqa: S113  # the test has one of its own
        # One of the connections stays open and idle, as those of proxies do.
        assert (await client.get("/health")).is_success
        async with tables.changing(LOCK):
            requests = [asyncio.create_task(client.post("/login", json=GUESS)) for _ in range(IN_FLIGHT)]
            await tables.somebody_waits()
            stopping = asyncio.create_task(served.stop())
            await until(lambda: refuses_connections(served.url))
            assert not stopping.done()
        answers = await asyncio.gather(*requests)
    assert [answer.status_code for answer in answers] == [401] * IN_FLIGHT
    assert await stopping == 0
    _, left = wait_procs(family, timeout=PATIENCE_SECONDS)
    assert left == []
    assert not any("Traceback" in line for line in served.console)


async def test_no_link_shows_in_what_it_prints(served: Worker) -> None:
    async with AsyncClient(base_url=served.url) as client:
        assert (await client.get("/verify", params={"token": "hidden-word"})).is_success
        assert (await client.get("/health", headers={"X-Forwarded-For": "198.51.100.7"})).is_success
    assert await served.stop() == 0
    shown = "".join(served.console)
    assert "/verify" in shown
    assert "hidden-word" not in shown
    assert "198.51.100.7" not in shown


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_wrong_setting_is_one_line(settings: Settings, workers: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *SERVE,
        *("--port", "0", "--workers", workers),
        cwd=PROJECT_ROOT,
        env=environment(settings) | {"BASE_URL": "http://service.example"},
        stderr=asyncio.subprocess.PIPE,
    )
    _, shown = await process.communicate()
    assert process.returncode == 1
    assert shown.decode() == "Error: BASE_URL must start with https:// in production\n"


@pytest.mark.checklist("I04")
@pytest.mark.parametrize("workers", ["1", "2"])
async def test_it_does_not_debug_and_says_that_it_has_failed(settings: Settings, workers: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *SERVE,
        *("--port", "0", "--workers", workers),
        cwd=PROJECT_ROOT,
        env=environment(settings) | {"LITESTAR_DEBUG": "1"},
        stderr=asyncio.subprocess.PIPE,
    )
    _, shown = await process.communicate()
    assert process.returncode != 0
    assert b"Debugging must be off in production" in shown
