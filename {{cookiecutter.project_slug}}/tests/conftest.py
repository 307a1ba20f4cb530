"""One application on a real PostgreSQL for the whole run, and fresh tables for each test."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from pydantic import SecretStr

from app import clock as service_clock
from app.accounts.passwords import hasher
from app.asgi import create_app
from app.database import embedded_postgres
from app.settings import Environment
from app.settings import Settings
from tests.cast import Clock
from tests.cast import Outbox
from tests.cast import Person
from tests.cast import Stage
from tests.command_line import Operator
from tests.key_steps import PAIRS
from tests.key_steps import STEPS
from tests.key_steps import Pair
from tests.key_steps import running_at
from tests.library_hooks import Recorder
from tests.tables import Tables
from tests.tables import make_database
from tests.tables import migrate
from tests.tables import read_all
from tests.work import Work
from tests.work import counting


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """The event loop of the service, shared by all tests, since connections belong to the loop that opened them."""
    return "asyncio", {"use_uvloop": sys.platform != "win32"}


@pytest.fixture(scope="session", autouse=True)
def hashes_do_not_wait() -> Iterator[None]:
    """Hashes have the priority of the tests: on a busy machine they would wait for all other processes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hasher, "NICE", 0)
        yield


@pytest.fixture(scope="session")
def migrated() -> tuple[Settings, dict[str, list[dict[str, Any]]]]:
    """A database of this test process alone, on the embedded server, and what the migrations leave in it.

    The database of `DATABASE_URL` is never used.
    """
    name = f"test_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    asyncio.run(make_database(embedded_postgres.url(), name))
    url = embedded_postgres.url(name)
    settings = Settings(
        environment=Environment.TEST,
        secret_key=SecretStr("a secret key of the tests that opens nothing else"),
        database_url=SecretStr(url),
        base_url="https://service.example",
        mail_from="noreply@service.example",
    )
    # Cheaper than the settings allow, since tests hash often and their hashes need no protection.
    settings = settings.model_copy(update={"hash_memory_kib": 64, "hash_iterations": 1})
    migrate(settings)
    return settings, asyncio.run(read_all(settings))


@pytest.fixture(scope="session")
def settings(migrated: tuple[Settings, dict[str, list[dict[str, Any]]]]) -> Settings:
    """The settings of the whole run."""
    return migrated[0]


@pytest.fixture(scope="session")
async def connected(migrated: tuple[Settings, dict[str, list[dict[str, Any]]]]) -> AsyncIterator[Tables]:
    """A way around the service to its tables."""
    tables = Tables(*migrated)
    yield tables
    await tables.close()


@pytest.fixture
async def tables(connected: Tables) -> Tables:
    """The tables as the migrations left them; changes of other tests are gone."""
    await connected.restore()
    return connected


@pytest.fixture(scope="session")
async def app(settings: Settings) -> AsyncIterator[Litestar]:
    """The application, started."""
    app = create_app(settings)
    async with app.lifespan():
        yield app


@pytest.fixture
def outbox(app: Litestar) -> Iterator[Outbox]:
    """The mails that were sent."""
    mailer, app.state.mailer = app.state.mailer, Outbox()
    yield app.state.mailer
    app.state.mailer = mailer


@pytest.fixture
def clock() -> Iterator[Clock]:
    """The time, which a test moves."""
    yield Clock()
    service_clock.shift = timedelta()


@pytest.fixture
async def stage(app: Litestar, outbox: Outbox, tables: Tables) -> AsyncIterator[Stage]:  # noqa: ARG001  # empties them
    """What every test plays on."""
    stage = Stage(app, outbox)
    yield stage
    await stage.close()


@pytest.fixture
async def instances(settings: Settings, tables: Tables) -> AsyncIterator[list[Stage]]:  # noqa: ARG001  # empties them
    """Instances at each step in which SECRET_KEY is replaced."""
    async with running_at(settings, *STEPS) as instances:
        yield instances


@pytest.fixture(params=PAIRS, ids=lambda pair: "step {} to {}".format(*pair))
async def pair(request: pytest.FixtureRequest, settings: Settings, tables: Tables) -> AsyncIterator[Pair]:  # noqa: ARG001  # empties them
    """Two instances that run at the same moment while a step is taken."""
    async with running_at(settings, *(STEPS[number] for number in request.param)) as instances:
        yield Pair(*instances)


@pytest.fixture
def work(app: Litestar, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Work]:
    """What the service does for a request; the mails that follow from it are not part of that."""
    stage.delivers = False
    with counting(app, monkeypatch) as work:
        yield work


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """The hooks of litestar-users, overridden."""
    return Recorder(monkeypatch)


@pytest.fixture
def operator(settings: Settings) -> Operator:
    """A person with a shell on the server."""
    return Operator(settings)


@pytest.fixture
async def visitor(stage: Stage) -> Person:
    """A person without an account."""
    return stage.person("visitor")


@pytest.fixture
async def grace(stage: Stage) -> Person:
    """An ordinary user, verified and signed out."""
    return await stage.verified("grace")


@pytest.fixture
async def signed_in(grace: Person) -> Person:
    """An ordinary user, signed in."""
    await grace.sign_in()
    return grace


@pytest.fixture
async def mallory(stage: Stage) -> Person:
    """A person with an account who attacks other accounts."""
    return await stage.verified("mallory")


@pytest.fixture
def project_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A checkout without `.env`, which the settings are read in."""
    monkeypatch.setattr("app.settings.PROJECT_ROOT", tmp_path)
    return tmp_path
