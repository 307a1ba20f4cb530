"""The command for production: it stops and refuses as planned, and trusts no header about the client."""

import asyncio
import sys
from collections.abc import AsyncIterator

import pytest
from httpx import AsyncClient
from httpx import ConnectError
from httpx import TransportError
from psutil import wait_procs

from app.settings import Settings
from tests.cast import BASE_URL
from tests.cast import PASSWORD
from tests.processes.mail_server import MailServer
from tests.processes.mail_server import Port
from tests.processes.mail_server import all_mails_leave
from tests.processes.test_mails import put
from tests.processes.workers import PATIENCE_SECONDS
from tests.processes.workers import ToWorker
from tests.processes.workers import Worker
from tests.processes.workers import environment
from tests.processes.workers import refused
from tests.processes.workers import until
from tests.tables import Tables
from tests.tables import make_users

IN_FLIGHT = 6
LOCK = 'LOCK TABLE "user" IN ACCESS EXCLUSIVE MODE'
SIGN_INS, MAILS = 50, 10
TWO = ("--port", "0", "--workers", "2")
# In a valid body, so that each request looks up a user.
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


async def waiting(tables: Tables) -> bool:
    """Whether as many requests as there are connections wait for the lock, so that the others wait for them."""
    return await tables.waiting() >= int(Settings.model_fields["database_pool_size"].default)


async def refuses_connections(url: str) -> bool:
    """Whether nothing listens any longer."""
    async with AsyncClient() as client:
        try:
            await client.get(f"{url}/health")
        except ConnectError:
            return True
        except TransportError:
            # It came while the process closed the door.
            return False
    return False


async def test_what_has_begun_is_finished_and_then_it_ends_as_planned(served: Worker, tables: Tables) -> None:
    family = served.family()
    async with AsyncClient(base_url=served.url, timeout=None) as client:  # noqa: S113  # the test has one of its own
        # One of the connections stays open and idle, as those of proxies do.
        assert (await client.get("/health", headers={"X-Forwarded-For": "198.51.100.7"})).is_success
        assert (await client.get("/verify", params={"token": "hidden-word"})).is_success
        async with tables.changing(LOCK):
            requests = [asyncio.create_task(client.post("/login", json=GUESS)) for _ in range(IN_FLIGHT)]
            await tables.somebody_waits(IN_FLIGHT)
            stopping = asyncio.create_task(served.stop())
            await until(lambda: refuses_connections(served.url))
            assert not stopping.done()
        answers = await asyncio.gather(*requests)
    assert [answer.status_code for answer in answers] == [401] * IN_FLIGHT
    assert await stopping == 0
    _, left = wait_procs(family, timeout=PATIENCE_SECONDS)
    assert left == []
    shown = "".join(served.console)
    assert "/verify" in shown
    for unwanted in ("Traceback", "hidden-word", "198.51.100.7"):
        assert unwanted not in shown


@pytest.mark.checklist("I07")
@pytest.mark.usefixtures("post_is_open")
async def test_sign_ins_that_have_begun_succeed_and_no_mail_is_lost_or_doubled(
    settings: Settings, tables: Tables, mail_port: Port, mails: MailServer
) -> None:
    people = [{"email": email, "password": PASSWORD} for email in await make_users(tables, settings, SIGN_INS)]
    mails.seconds_for_each = 2
    await put(tables, *(f"reader{number:02}@example.com" for number in range(MAILS)))
    changes = {"MAIL_URL": f"smtp://127.0.0.1:{mail_port.number}", "HASH_CONCURRENCY": "4"}
    worker = Worker(environment(settings) | changes)
    try:
        await worker.start()
        await until(worker.is_ready)
        async with AsyncClient(transport=ToWorker(worker.url), base_url=BASE_URL, timeout=PATIENCE_SECONDS) as client:
            async with tables.changing(LOCK):
                requests = [asyncio.create_task(client.post("/login", json=person)) for person in people]
                await until(lambda: waiting(tables))
                stopping = asyncio.create_task(worker.stop())
            answers = await asyncio.gather(*requests)
        assert await stopping == 0
        assert [answer.status_code for answer in answers] == [201] * SIGN_INS
        assert len(await tables.rows("user_session")) == SIGN_INS
        # It stopped between two mails; owners are told of a sign-in from a new network.
        assert len(mails.messages) + len(await tables.rows("outgoing_mail")) == MAILS + SIGN_INS
        assert 0 < len(mails.messages) < MAILS + SIGN_INS
        mails.seconds_for_each = 0
        await worker.start()
        await all_mails_leave(tables)
    finally:
        await worker.stop()
        sys.stdout.write("".join(worker.console))
    assert len(mails.messages) == len({mail["Message-ID"] for mail in mails.messages}) == MAILS + SIGN_INS


async def test_processes_end_when_their_parent_is_killed_and_the_port_is_free(settings: Settings) -> None:
    worker = Worker(environment(settings), 2)
    await worker.start()
    await until(worker.is_ready)
    parent, *others = worker.family()
    parent.kill()
    _, left = wait_procs(others, timeout=PATIENCE_SECONDS / 4)
    for process in left:
        process.kill()
    await worker.stop()
    assert left == []
    assert await refuses_connections(worker.url)


async def test_a_wrong_setting_is_one_line(settings: Settings) -> None:
    status, shown = await refused(environment(settings) | {"BASE_URL": "http://service.example"}, *TWO)
    assert (status, shown) == (1, "Error: BASE_URL must start with https:// in production\n")


@pytest.mark.checklist("I04")
async def test_it_does_not_debug_and_says_that_it_has_failed(settings: Settings) -> None:
    status, shown = await refused(environment(settings) | {"LITESTAR_DEBUG": "1"}, *TWO)
    assert status != 0
    assert "Debugging must be off in production" in shown
