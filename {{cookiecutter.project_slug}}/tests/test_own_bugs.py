"""A bug in a handler is a 500 with a traceback in the log, also if its error looks like an outage or a bad body."""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar import Request
from litestar import get
from litestar import post
from litestar.exceptions import HTTPException
from litestar.exceptions import NoRouteMatchFoundException
from litestar.serialization import decode_json
from sqlalchemy import text

from app.database.sessions import request_session
from app.models import User
from app.operations.logs import formatter
from app.repositories import UserRepository
from app.settings import Settings
from tests.cast import Person
from tests.other_services import another_stage
from tests.other_services import service_with

# Not to be found in a log.
ADDRESS, NUMBER = "secret@example.com", 31_337
DEEP = b"[" * 10_000


@get("/file", exclude_from_auth=True, sync_to_thread=False)
def open_file() -> str:
    """Open a file that does not exist."""
    return Path("missing").read_text("utf-8")


@get("/recursion", exclude_from_auth=True, sync_to_thread=False)
def recurse() -> None:
    """Call itself without an end."""
    recurse.fn()


@get("/bytes", exclude_from_auth=True, sync_to_thread=False)
def decode() -> str:
    """Read bytes that are not UTF-8."""
    return b"\xff".decode()


@get("/json", exclude_from_auth=True, sync_to_thread=False)
def decode_own() -> Any:
    """Read JSON of its own that is not any."""
    return decode_json(b"{")


@get("/deep", exclude_from_auth=True, sync_to_thread=False)
def decode_deep() -> Any:
    """Read JSON of its own that is nested too deep."""
    return json.loads(DEEP)


@get("/timeout", exclude_from_auth=True)
async def run_out_of_time() -> None:
    """Wait for something of its own."""
    async with asyncio.timeout(0):
        await asyncio.Event().wait()


@get("/refused", exclude_from_auth=True, sync_to_thread=False)
def connect() -> None:
    """Connect to a port where nothing listens."""
    socket.create_connection(("127.0.0.1", 1)).close()


@get("/http", exclude_from_auth=True)
async def call() -> None:
    """Call an API that is away."""
    async with httpx.AsyncClient() as client:
        await client.get("http://127.0.0.1:1/")


@get("/null", exclude_from_auth=True)
async def forget_column(request: Request[Any, Any, Any]) -> None:
    """Leave a column empty that must not be."""
    session = request_session(request)
    session.add(User(email=ADDRESS))
    await session.flush()


@get("/null-in-repository", exclude_from_auth=True)
async def forget_column_in_repository(request: Request[Any, Any, Any]) -> None:
    """The same, through a repository, which raises it as an integrity error."""
    await UserRepository(session=request_session(request)).add(User(email=ADDRESS))


@get("/type", exclude_from_auth=True)
async def mistake_type(request: Request[Any, Any, Any]) -> None:
    """Store a number in a text column."""
    session = request_session(request)
    session.add(User(email=ADDRESS, password_hash="", display_name=NUMBER))
    await session.flush()


@get("/type-in-repository", exclude_from_auth=True)
async def mistake_type_in_repository(request: Request[Any, Any, Any]) -> None:
    """The same, through a repository."""
    user = User(email=ADDRESS, password_hash="", display_name=NUMBER)
    await UserRepository(session=request_session(request)).add(user)


@get("/sql", exclude_from_auth=True)
async def misspell(request: Request[Any, Any, Any]) -> None:
    """Ask for a table that no model has."""
    await request_session(request).execute(text("SELECT 1 FROM usre"))


@get("/column", exclude_from_auth=True)
async def misspell_column(request: Request[Any, Any, Any]) -> None:
    """Ask for a column that the table does not have."""
    await request_session(request).execute(text('SELECT emial FROM "user"'))


@get("/division", exclude_from_auth=True)
async def divide(request: Request[Any, Any, Any]) -> None:
    """Let the database divide by zero."""
    await request_session(request).execute(text("SELECT 1 / 0"))


@post("/twice", exclude_from_auth=True)
async def read_twice(request: Request[Any, Any, Any]) -> None:
    """Read a stream to its end, and once more."""
    for _ in range(2):
        async for _part in request.stream():
            pass


@get("/framework", exclude_from_auth=True, sync_to_thread=False)
def raise_of_framework() -> None:
    """Raise what Litestar raises where the application is wrong."""
    raise NoRouteMatchFoundException("hidden reason")


@get("/status", exclude_from_auth=True, sync_to_thread=False)
def raise_status() -> None:
    """Ask for a status by its number."""
    raise HTTPException("hidden reason", status_code=500)


@get("/unfinished", exclude_from_auth=True)
async def go_on_after_error(request: Request[Any, Any, Any]) -> None:
    """Use a connection for two things at once."""
    connection = await request_session(request).connection()
    driver: Any = (await connection.get_raw_connection()).driver_connection
    await asyncio.gather(driver.fetch("SELECT pg_sleep(0.1)"), driver.fetch("SELECT 1"))


@get("/long", exclude_from_auth=True)
async def store_long(request: Request[Any, Any, Any]) -> None:
    """Store what a caller sent, which is too long."""
    session = request_session(request)
    session.add(User(email=ADDRESS, password_hash="", display_name="x" * 1000))
    await session.flush()


@get("/large", exclude_from_auth=True)
async def find_large(request: Request[Any, Any, Any]) -> None:
    """Look for what a caller sent, which is no 32-bit number."""
    await request_session(request).execute(text("SELECT CAST(:number AS integer)"), {"number": 10**12})


@post("/raw", exclude_from_auth=True)
async def read_raw(request: Request[Any, Any, Any]) -> None:
    """Read the body by hand."""
    await request.json()


BUGS = [open_file, recurse, decode, decode_own, decode_deep, run_out_of_time, connect, call]
BUGS += [forget_column, forget_column_in_repository, mistake_type, mistake_type_in_repository]
BUGS += [misspell, misspell_column, divide, go_on_after_error]
BUGS += [raise_of_framework, raise_status]
PATHS = [path for bug in BUGS for path in bug.paths]


@pytest.fixture
async def caller(settings: Settings, tables: object) -> AsyncIterator[Person]:  # noqa: ARG001  # empties them
    """A caller of a service with the routes above."""
    async with another_stage(settings, *BUGS, store_long, find_large, read_raw, read_twice) as stage:
        yield stage.person("caller")


@pytest.mark.checklist("I09")
@pytest.mark.parametrize("path", PATHS)
async def test_a_bug_is_a_500_with_its_traceback_in_the_log(
    caller: Person, caplog: pytest.LogCaptureFixture, settings: Settings, path: str
) -> None:
    answer = await caller.get(path)
    assert answer.status_code == 500
    assert answer.json() == {"type": "/problems/internal-error", "title": "Internal server error.", "status": 500}
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.getMessage() == f"GET {path} failed"
    shown = formatter(settings).format(record)
    assert Path(__file__).name in shown, "the traceback leads to the handler"
    assert ADDRESS not in shown
    assert str(NUMBER) not in shown


@pytest.mark.checklist("I09")
async def test_a_handler_that_reads_a_body_twice_is_a_bug(caller: Person) -> None:
    answer = await caller.client.post("/twice", json={})
    assert (answer.status_code, answer.json()["type"]) == (500, "/problems/internal-error")


@pytest.mark.checklist("I09")
@pytest.mark.parametrize("body", [b"{", b'"\xff"', DEEP + b"]" * len(DEEP)], ids=["half", "not UTF-8", "deep"])
async def test_a_body_that_a_handler_reads_is_its_senders_mistake(caller: Person, body: bytes) -> None:
    answer = await caller.client.post("/raw", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/invalid-request")


@pytest.mark.checklist("I09")
@pytest.mark.parametrize(("path", "sqlstate"), [("/long", "22001"), ("/large", "22000")])
async def test_a_value_that_a_column_cannot_hold_is_its_senders_mistake(
    caller: Person, caplog: pytest.LogCaptureFixture, path: str, sqlstate: str
) -> None:
    caplog.set_level(logging.INFO, "app")
    assert (await caller.get(path)).status_code == 400
    assert f"GET {path} answered 400: a value that its column cannot hold ({sqlstate})" in caplog.messages


@pytest.mark.checklist("I09")
@pytest.mark.parametrize("path", ["/raw", "/login"])
async def test_a_caller_who_leaves_in_the_middle_of_a_body_is_no_bug(
    app: Litestar, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode()}
    scope |= {"query_string": b"", "headers": headers, "client": ("192.0.2.1", 1), "server": None, "root_path": ""}
    parts = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    statuses: list[int] = []

    async def receive() -> Any:
        return parts.pop(0)

    async def send(message: Any) -> None:
        statuses.extend([message["status"]] if "status" in message else [])

    target: Any = app if path == "/login" else service_with(app.state.settings, (read_raw,))
    await target(scope, receive, send)
    assert statuses == [400]
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
