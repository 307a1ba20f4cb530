"""Heads of requests have a limit in size and time, whoever sends them; those of ordinary requests pass."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from app import connections
from app.connections import Bounded


async def greet(_scope: Any, receive: Any, send: Any) -> None:
    """Answer as any application does, once the body is there."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


@asynccontextmanager
async def connection() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to a server that has these limits."""
    config = Config(greet, http=Bounded, log_level="error")
    config.load()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Bounded(config, ServerState(), {}, loop), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        yield reader, writer
    finally:
        writer.close()
        server.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heads have a moment to arrive in."""
    monkeypatch.setattr(connections, "WITHIN_SECONDS", 0.05)


async def test_ordinary_requests_are_answered_one_after_the_other() -> None:
    async with connection() as (reader, writer):
        for _ in range(3):
            head = b"POST / HTTP/1.1\r\nHost: service\r\nCookie: %b\r\nContent-Length: 100000\r\n\r\n" % (b"x" * 8_000)
            writer.write(head + b"x" * 100_000)
            assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("line", [b"X: 1\r\n", b"X: 12345678901234567890\r\n", b"x"])
async def test_a_head_that_never_ends_is_refused(line: bytes) -> None:
    async with connection() as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: service\r\nX: 1\r\nX" + line * (connections.MOST_BYTES // len(line)))
        assert (await reader.read()).startswith(b"HTTP/1.1 431 ")


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("head", [b"", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: service\r\nX: "])
async def test_a_head_that_does_not_arrive_ends_the_connection(head: bytes) -> None:
    async with asyncio.timeout(10), connection() as (reader, writer):
        writer.write(head)
        assert await reader.read() == b""


@pytest.mark.usefixtures("impatient")
async def test_whoever_trickles_the_next_one_is_not_waited_for_either() -> None:
    async with asyncio.timeout(10), connection() as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: service\r\n\r\n")
        await reader.readuntil(b"hello")
        writer.write(b"GET / HTTP/1.1\r\n")
        assert await reader.read() == b""
