"""Packets to the database are dropped: each wait for it has a limit, and the service goes on once they arrive again."""

import asyncio
import socket
from collections.abc import AsyncIterator
from collections.abc import Iterator
from contextlib import suppress
from time import monotonic
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # It carries no types.
import pytest
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from pydantic import SecretStr
from sqlalchemy import make_url
from sqlalchemy import text

from app.database import embedded_postgres
from app.database import engine
from app.database.sessions import engine_of
from app.operations import health
from app.operations.doctor import examine
from app.settings import PROJECT_ROOT
from app.settings import Settings
from tests.cast import Stage
from tests.other_services import another_stage
from tests.tables import Tables

CONNECTIONS = 3
CLOSE = asyncpg.Connection.close


class Line:
    """What leads to PostgreSQL over TCP, and can drop what is sent on its connections."""

    def __init__(self) -> None:
        self.port = 0
        # Whether new connections work.
        self.works = True
        self._connections: list[tuple[asyncio.Event, asyncio.StreamWriter]] = []

    async def lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Lead a connection to the server, as long as both ends are there."""
        path = embedded_postgres.server().get_postmaster_info().socket_path
        there, back = await asyncio.open_unix_connection(str(path))
        flows = asyncio.Event()
        if self.works:
            flows.set()
        self._connections += [(flows, writer), (flows, back)]
        await asyncio.gather(_hand_on(reader, back, flows), _hand_on(there, writer, flows))

    def fall_silent(self) -> None:
        """Drop what is sent on the connections there are, for ever."""
        for flows, _ in self._connections:
            flows.clear()

    def close(self) -> None:
        """End every connection."""
        for flows, writer in self._connections:
            flows.set()
            writer.transport.abort()


async def _hand_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flows: asyncio.Event) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            await flows.wait()
            writer.write(data)
    writer.close()


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    """The line, which works."""
    line = Line()
    server = await asyncio.start_server(line.lead, "127.0.0.1", 0)
    line.port = server.sockets[0].getsockname()[1]
    yield line
    server.close()
    line.close()
    # Both ends close their sockets in the next turns of the loop.
    await asyncio.sleep(0.01)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limits are short; SQLAlchemy itself waits two seconds until it gives up saying goodbye."""

    async def close(connection: Any, **_: Any) -> None:
        connection.terminate()

    monkeypatch.setattr(engine, "WAITS_SECONDS", 0.2)
    monkeypatch.setattr(engine, "STATEMENT_SECONDS", 0.2)
    monkeypatch.setattr(engine, "ANSWER_SECONDS", 0.4)
    monkeypatch.setattr(asyncpg.Connection, "close", close)


@pytest.fixture
async def distant(impatient: None, settings: Settings, tables: Tables, line: Line) -> AsyncIterator[Stage]:  # noqa: ARG001  # empties them
    """A service at the other end of the line, with idle connections."""
    async with another_stage(settings, database_pool_size=CONNECTIONS, **through(settings, line.port)) as stage:
        stage.delivers = False
        opened = [await engine_of(stage.app).connect() for _ in range(CONNECTIONS)]
        for connection in opened:
            await connection.close()
        yield stage


def through(settings: Settings, port: int) -> dict[str, Any]:
    """The setting that leads through this port."""
    assert settings.database_url is not None
    url = make_url(settings.database_url.get_secret_value()).set(host="127.0.0.1", port=port, query={})
    return {"database_url": SecretStr(url.render_as_string(hide_password=False))}


@pytest.mark.checklist("I03", "I10")
@pytest.mark.parametrize("is_connected", [True, False])
async def test_readiness_answers_before_the_probe_gives_up(
    distant: Stage,
    line: Line,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    *,
    is_connected: bool,
) -> None:
    visitor = distant.person("visitor")
    assert (await visitor.get("/health/ready")).status_code == 200
    if not is_connected:
        await engine_of(distant.app).dispose()
    monkeypatch.setattr(health, "READY_SECONDS", 0.01)
    line.fall_silent()
    line.works = False
    began = monotonic()
    answer = await visitor.get("/health/ready")
    assert monotonic() - began < 1, "no other limit has ended it"
    assert (answer.status_code, answer.json()["missing"]) == (503, "database")
    assert "GET /health/ready answered 503: the database did not answer in time: TimeoutError" in caplog.messages
    line.works = True
    monkeypatch.setattr(health, "READY_SECONDS", 3)
    for _ in range(CONNECTIONS):
        answer = await visitor.get("/health/ready")
    assert answer.status_code == 200


@pytest.mark.checklist("I03", "I10")
@pytest.mark.parametrize("is_signed_in", [True, False])
async def test_a_request_is_refused_within_a_limit_and_drops_all_silent_connections(
    distant: Stage, line: Line, *, is_signed_in: bool
) -> None:
    grace = await distant.verified("grace")
    await grace.sign_in()
    line.fall_silent()
    began = monotonic()
    answer = await (grace.get("/users/me") if is_signed_in else distant.person("visitor").register())
    assert monotonic() - began < 2
    assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "5")
    for _ in range(CONNECTIONS):
        assert (await grace.get("/users/me")).status_code == 200


@pytest.mark.checklist("I03", "I10")
async def test_a_commit_without_an_answer_drops_all_silent_connections(distant: Stage, line: Line) -> None:
    async with engine_of(distant.app).connect() as connection:
        await connection.execute(text("SELECT 1"))
        line.fall_silent()
        with pytest.raises(TimeoutError):
            await connection.commit()
    for _ in range(CONNECTIONS):
        assert (await distant.person("visitor").register()).status_code == 202


@pytest.mark.checklist("I03", "I07")
async def test_a_service_stops_although_no_connection_can_be_closed(
    distant: Stage, line: Line, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(asyncpg.Connection, "close", CLOSE)
    monkeypatch.setattr(engine, "CLOSING_SECONDS", 0.5)
    line.fall_silent()
    began = monotonic()
    await engine.close_connections(engine_of(distant.app))
    assert monotonic() - began < 1
    assert caplog.messages == []


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that accepts connections, and does not answer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.usefixtures("impatient", "tables")
@pytest.mark.checklist("I03")
async def test_the_doctor_says_so_within_a_limit(settings: Settings, silent: int) -> None:
    async with another_stage(settings, **through(settings, silent)) as stage:
        stage.delivers = False
        began = monotonic()
        [finding] = [each for each in await examine(stage.app) if each.about == "DATABASE_URL"]
        assert monotonic() - began < 1
    assert finding.says == "The database does not answer: cannot connect to the database: TimeoutError."


@pytest.mark.usefixtures("impatient")
@pytest.mark.checklist("I03")
def test_alembic_says_so_in_a_line_within_a_limit(settings: Settings, silent: int) -> None:
    config = Config(toml_file=PROJECT_ROOT / "pyproject.toml")
    config.attributes["settings"] = settings.model_copy(update=through(settings, silent))
    began = monotonic()
    with pytest.raises(CommandError, match=r"^cannot connect to the database: TimeoutError\. Is DATABASE_URL right\?$"):
        command.upgrade(config, "head")
    assert monotonic() - began < 1
