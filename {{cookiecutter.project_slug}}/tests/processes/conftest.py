"""Several processes, the people who call them, and the mail server that they send to."""

from collections.abc import AsyncIterator
from collections.abc import Iterator

import pytest

from app.settings import Settings
from tests.cast import PASSWORD
from tests.cast import Person
from tests.command_line import Operator
from tests.processes.mail_server import MailServer
from tests.processes.mail_server import Port
from tests.processes.workers import Worker
from tests.processes.workers import Workers
from tests.processes.workers import environment
from tests.tables import Tables

WORKERS = 3


@pytest.fixture(scope="package")
def mail_port() -> Iterator[Port]:
    """Where the workers look for the mail server."""
    port = Port()
    yield port
    port.close()


@pytest.fixture(scope="package")
async def started(settings: Settings, mail_port: Port) -> AsyncIterator[Workers]:
    """The workers of all tests here, which take seconds to start; they would send the mails of other tests, too."""
    mail_url = f"smtp://127.0.0.1:{mail_port.number}"
    changes = {"MAIL_URL": mail_url, "TRUSTED_PROXIES": "127.0.0.1"}
    workers = Workers(*(Worker(environment(settings) | changes) for _ in range(WORKERS)))
    try:
        await workers.start()
        yield workers
    finally:
        await workers.stop()
        workers.show_consoles()


@pytest.fixture
async def workers(started: Workers, tables: Tables) -> AsyncIterator[Workers]:  # noqa: ARG001  # empties them
    """Those workers, without any accounts."""
    yield started
    await started.say_goodbye()
    started.show_consoles()


@pytest.fixture
def mails(mail_port: Port) -> MailServer:
    """The mail server, turned off."""
    return MailServer(mail_port)


@pytest.fixture
async def post_is_open(mails: MailServer) -> AsyncIterator[None]:
    """The mail server is on."""
    async with mails.listening():
        yield


@pytest.fixture
async def grace(workers: Workers, mails: MailServer, settings: Settings) -> Person:
    """An ordinary user, made on the command line."""
    await create_grace(settings)
    return workers.person("grace", mails)


async def create_grace(settings: Settings) -> None:
    """Make an ordinary user on the command line."""
    made = await Operator(settings).types("create-user", "--email", "grace@example.com", stdin=f"{PASSWORD}\n")
    assert made.exit_code == 0, made.output
