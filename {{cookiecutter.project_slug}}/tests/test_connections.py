"""Heads have a limit in size, and a connection has a deadline in every state; ordinary requests notice neither."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from app.http import head_limits
from app.http import transports
from app.http.head_limits import LimitedProtocol
from app.http.transports import ClosingTransport
from app.operations import serve

IDLE, HEAD, ANSWER, LINGER = serve.KEEP_ALIVE_SECONDS, 30, 31, 5
GET = b"GET / HTTP/1.1\r\nHost: service\r\n\r\n"
SLOW = b"GET /slow HTTP/1.1\r\nHost: service\r\n\r\n"
LISTENING = b"GET /listening HTTP/1.1\r\nHost: service\r\n\r\n"
LARGE = b"GET /large HTTP/1.1\r\nHost: service\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: service\r\n"
REFUSED = b"POST /refused HTTP/1.1\r\nHost: service\r\n"
TEN_BYTES = b"Content-Length: 10\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
UPGRADE = b"Upgrade: websocket\r\nConnection: Upgrade\r\n"


async def answer(scope: Any, receive: Any, send: Any) -> None:
    """Refuse at once, answer never, with 20 MB, or with what was sent."""
    body = b""
    if scope["path"] == "/slow":
        await asyncio.Event().wait()
    if scope["path"] == "/listening":
        while (await receive())["type"] != "http.disconnect":
            pass
    if scope["path"] == "/":
        while (message := await receive())["type"] == "http.request":
            body += message["body"]
            if not message["more_body"]:
                break
    content = b"x" * 20_000_000 if scope["path"] == "/large" else b"%r %b end" % (scope["headers"], body)
    status = 401 if scope["path"] == "/refused" else 200
    length = b"%d" % len(content)
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", length)]})
    await send({"type": "http.response.body", "body": content})


class Timer:
    """A deadline, which passes when a test says so."""

    def __init__(self, seconds: float, act: Callable[[], None], running: list["Timer"]) -> None:
        self.seconds, self._act, self._running = seconds, act, running
        running.append(self)

    def cancel(self) -> None:
        """Let it never pass."""
        if self in self._running:
            self._running.remove(self)

    def passes(self) -> None:
        """Let it pass."""
        self.cancel()
        self._act()


class Loop:
    """The event loop, with deadlines that a test lets pass."""

    def __init__(self) -> None:
        self.running: list[Timer] = []
        self._loop = asyncio.get_running_loop()

    def __getattr__(self, name: str) -> Any:
        """All else is the loop's."""
        return getattr(self._loop, name)

    def call_later(self, seconds: float, act: Callable[..., None], *arguments: Any) -> Timer:
        """Note a deadline."""
        return Timer(seconds, lambda: act(*arguments), self.running)

    def deadlines(self) -> list[float]:
        """The deadlines that are running."""
        return sorted(timer.seconds for timer in self.running)


class Watched(LimitedProtocol):
    """The server's end of a connection, as a test sees it."""

    seen = 0
    has_ended = False
    most_waiting = 0
    most_unparsed = 0

    def data_received(self, data: bytes) -> None:
        """Count what has arrived."""
        self.seen += len(data)
        super().data_received(data)
        self.most_unparsed = max(self.most_unparsed, len(self._unparsed))

    def on_headers_complete(self) -> None:
        """Count the requests that wait."""
        super().on_headers_complete()
        self.most_waiting = max(self.most_waiting, len(self.pipeline))

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end."""
        super().connection_lost(exc)
        self.has_ended = True


class Speaking(asyncio.Protocol):
    """What takes a connection over when it becomes a WebSocket."""

    def __init__(self, **_: Any) -> None:
        pass

    def connection_made(self, transport: Any) -> None:
        """Say something."""
        transport.write(b"hello")


@dataclass
class Line:
    """A connection: the client's end, and the server's."""

    loop: Loop
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    server: Watched

    async def send(self, data: bytes) -> None:
        """Send this; returns once the server has it, or wants no more."""
        self.writer.write(data)
        before = self.server.seen
        await until(lambda: self.server.seen == before + len(data) or self.server.transport.is_closing())

    async def reads(self, end: bytes = b"") -> bytes:
        """What the client reads up to this end, or to that of the connection."""
        async with asyncio.timeout(10):
            return await (self.reader.readuntil(end) if end else self.reader.read())

    async def has(self, *deadlines: float) -> None:
        """Returns once these are the deadlines that are running."""
        await until(lambda: self.loop.deadlines() == [*deadlines])

    async def ends_in_time(self) -> None:
        """Let the deadlines pass until the connection has ended.

        Raises:
            TimeoutError: if none is running, and it has not.
        """
        for _ in range(3):
            for timer in [*self.loop.running]:
                timer.passes()
            await asyncio.sleep(0)
        await until(lambda: self.server.has_ended)


async def until(is_so: Callable[[], bool]) -> None:
    """Returns once it is so."""
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110  # sockets set no event
            await asyncio.sleep(0.001)


@pytest.fixture
async def line(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Line]:
    """A connection to a server that has these limits."""
    monkeypatch.setattr(transports, "ANSWER_SECONDS", ANSWER)
    config = Config(answer, http=Watched, log_level="critical", ws="none", timeout_keep_alive=IDLE)
    config.load()
    loop, state = Loop(), ServerState()
    # The other parts of a loop are those of the real one.
    made = Watched(config, state, {}, loop)  # type: ignore[arg-type]
    server = await loop.create_server(lambda: made, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    yield Line(loop, reader, writer, made)
    for task in state.tasks:
        task.cancel()
    server.close()
    for transport in (writer.transport, made.transport):
        if not transport.is_closing():
            transport.abort()
    # Both ends close their sockets in the next turn of the loop.
    await asyncio.sleep(0)
    await asyncio.sleep(0)


@pytest.mark.checklist("I13")
@pytest.mark.parametrize(
    ("sent", "deadlines"),
    [
        ([b""], [HEAD]),
        ([b"\r\n"], [HEAD]),
        ([b"GET / HTTP/1.1\r\nHost: serv"], [HEAD]),
        ([GET], [IDLE]),
        ([GET, b"\r\n"], [HEAD]),
        ([GET, b"GET / HT"], [HEAD]),
        ([GET + b"GET / HT"], [HEAD, IDLE]),
        ([GET, POST + TEN_BYTES + b"0123456789"], [IDLE]),
        ([REFUSED + TEN_BYTES + b"0123456789"], [IDLE]),
        ([REFUSED + TEN_BYTES], [LINGER]),
        ([REFUSED + TEN_BYTES, b"x"], [LINGER]),
        ([REFUSED + TEN_BYTES, b"0123456789", GET], [LINGER]),
        ([REFUSED + CHUNKED, b"5\r\nx"], [LINGER]),
        ([REFUSED + b"Expect: 100-continue\r\n" + TEN_BYTES], [LINGER]),
        ([SLOW.replace(b"slow", b"refused")[:-2] + TEN_BYTES, b"x"], [LINGER]),
        ([REFUSED.replace(b"1.1", b"1.0") + TEN_BYTES], [LINGER]),
        ([GET[:-2] + UPGRADE + b"\r\n"], [LINGER]),
        (
            [GET[:-2] + UPGRADE + b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1Ng==\r\n\r\n"],
            [LINGER],
        ),
        ([POST + UPGRADE + TEN_BYTES, b"x"], [LINGER]),
        ([b"\x16\x03\x01\r\n\r\n"], [LINGER]),
        ([LARGE], [ANSWER, IDLE]),
        ([LARGE[:-2] + b"Connection: close\r\n\r\n"], [ANSWER]),
        ([LARGE + LARGE], [ANSWER]),
    ],
)
async def test_a_connection_has_a_deadline_whenever_no_request_is_being_answered(
    line: Line, sent: list[bytes], deadlines: list[float]
) -> None:
    for data in sent:
        await line.send(data)
    await line.has(*deadlines)
    await line.ends_in_time()


@pytest.mark.checklist("I13")
@pytest.mark.parametrize("sent", [[SLOW], [SLOW, b"GET / HT"], [SLOW + GET + GET], [POST + TEN_BYTES, b"x"]])
async def test_a_request_that_is_being_answered_is_not_cut_short(line: Line, sent: list[bytes]) -> None:
    for data in sent:
        await line.send(data)
    await line.has()
    assert not line.server.transport.is_closing()


@pytest.mark.checklist("I13")
async def test_a_closing_connection_keeps_its_deadline_while_its_client_reads(line: Line) -> None:
    await line.send(LARGE[:-2] + b"Connection: close\r\n\r\n")
    await line.has(ANSWER)
    # As the transport does once little is left to write.
    line.server.resume_writing()
    assert line.loop.deadlines() == [ANSWER]


@pytest.mark.checklist("I13")
async def test_a_client_that_is_still_sending_reads_that_it_was_refused(line: Line) -> None:
    await line.send(REFUSED + b"Content-Length: 10000000\r\n\r\n" + b"x" * 100)
    await line.has(LINGER)
    for _ in range(100):
        line.writer.write(b"x" * 99_999)
        await line.writer.drain()
    head = await line.reads(b" end")
    assert head.startswith(b"HTTP/1.1 401 ")
    assert b"connection: close\r\n" in head
    assert await line.reads() == b""
    line.writer.close()
    await until(lambda: line.server.has_ended)
    assert line.loop.running == []


@pytest.mark.checklist("I13")
async def test_what_follows_an_unread_body_or_another_protocol_is_no_request(line: Line) -> None:
    await line.send(POST + UPGRADE + b"Content-Length: %d\r\n\r\n" % len(GET) + GET * 100)
    await line.send(GET)
    line.writer.write_eof()
    answers = await line.reads()
    assert (answers.count(b"HTTP/1.1 "), answers.count(b"connection: close")) == (1, 1)


async def test_ordinary_requests_are_answered_one_after_the_other(line: Line) -> None:
    for _ in range(3):
        line.writer.write(POST + b"Cookie: %b\r\nContent-Length: 100000\r\n\r\n" % (b"x" * 8_000) + b"y" * 100_000)
        head = await line.reads(b"y" * 100_000 + b" end")
        assert head.startswith(b"HTTP/1.1 200 OK")
        assert b"connection: close" not in head
    assert line.loop.deadlines() == [IDLE]


async def test_a_body_may_arrive_in_pieces(line: Line) -> None:
    for data in (POST[:9], POST[9:] + CHUNKED[:5], CHUNKED[5:], b"3\r\na", b"bc\r\n2\r\nde\r", b"\n0\r\n\r", b"\n"):
        await line.send(data)
    assert b" abcde end" in await line.reads(b" end")
    await line.has(IDLE)


@pytest.mark.checklist("I13")
async def test_of_many_requests_at_once_few_are_prepared_or_kept(line: Line) -> None:
    line.writer.write(b"GET / HTTP/1.1\r\n\r\n" * 200_000)
    for _ in range(2_000):
        await line.reads(b" end")
    assert line.server.most_waiting < head_limits.PIECE_BYTES / 16
    # One read from the socket, and a piece.
    assert line.server.most_unparsed < 300_000


@pytest.mark.checklist("I13")
async def test_little_is_read_while_a_request_waits_for_the_one_before_it(line: Line) -> None:
    line.writer.write(LISTENING + GET * 300_000)
    await until(lambda: bool(line.server.pipeline))
    for _ in range(200):
        await asyncio.sleep(0)
    # Two reads from the socket: the handler asks for more once it waits.
    assert line.server.most_unparsed < 600_000


@pytest.mark.checklist("B07")
@pytest.mark.parametrize("is_reset", [True, False])
async def test_a_client_that_has_reset_its_connection_is_not_answered(*, is_reset: bool) -> None:
    config, state, loop = Config(answer, http=Watched, log_level="critical", ws="none"), ServerState(), Loop()
    config.load()
    made = Watched(config, state, {}, loop)  # type: ignore[arg-type]  # as above
    server = await loop.create_server(lambda: made, "127.0.0.1", 0)
    with socket.create_connection(server.sockets[0].getsockname()) as client:
        client.sendall(SLOW)
        if is_reset:
            # It is gone before the server accepts it, which then learns no address.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
        await until(lambda: made.has_ended if is_reset else made.cycle is not None)
        assert len(state.tasks) == (0 if is_reset else 1)
    server.close()
    for task in state.tasks:
        task.cancel()
    await until(lambda: made.has_ended)


async def test_a_websocket_that_a_service_has_is_left_alone(line: Line) -> None:
    line.server.ws_protocol_class = Speaking
    await line.send(GET[:-2] + UPGRADE + b"\r\n")
    assert await line.reads(b"hello") == b"hello"
    assert line.loop.deadlines() == []


@pytest.mark.checklist("I13")
@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (GET[:-2] + b"X: 1\r\n" * 11_000, b"431 "),
        (GET[:-2] + b"X: " + b"x" * 66_000, b"431 "),
        (b"\r\n" * 33_000, b"431 "),
        (b"GET /" + b"x" * 10_000, b"414 "),
        (b"GET /" + b"x" * 8_180 + b" HTTP/1.1\r\n\r\n", b"200 "),
        (b"GET /?" + b"x&" * 100 + b" HTTP/1.1\r\n\r\n", b"414 "),
        (b"GET /?" + b"x&" * 99 + b" HTTP/1.1\r\n\r\n", b"200 "),
        (POST + CHUNKED + b"1;" + b"x" * 66_000, b"431 "),
        (POST + CHUNKED + b"1\r\nx\r\n0\r\nX: " + b"x" * 66_000, b"431 "),
        (POST + CHUNKED + b"1\r\nx\r\n0\r\n" + b"X: 1\r\n" * 11_000, b"431 "),
        (POST + CHUNKED + b"1;x\r\nx\r\n" * 11_000 + b"0\r\n\r\n", b"200 "),
    ],
)
async def test_what_is_not_a_body_has_a_limit_in_size(line: Line, sent: bytes, status: bytes) -> None:
    line.writer.write(sent)
    assert (await line.reads(b"\r\n")).startswith(b"HTTP/1.1 " + status)


@pytest.mark.checklist("I13", "B07")
async def test_headers_after_a_body_are_not_believed(line: Line) -> None:
    await line.send(POST + CHUNKED + b"1\r\nx\r\n0\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n")
    assert b"192.0.2.1" not in await line.reads(b" end")


class Pipe:
    """A transport, and how much of what was written its client has not read."""

    def __init__(self) -> None:
        self.unread, self.has_ended = 0, False

    def get_write_buffer_size(self) -> int:
        """How much is unread."""
        return self.unread

    def abort(self) -> None:
        """End it."""
        self.has_ended = True


@pytest.mark.checklist("I13")
async def test_an_answer_is_written_as_long_as_its_client_reads_on() -> None:
    loop, pipe = Loop(), Pipe()
    transport = ClosingTransport(pipe, loop)  # type: ignore[arg-type]  # nothing else is asked of the two
    pipe.unread = 10_000_000
    transport.watch()
    while pipe.unread > 0:
        pipe.unread -= transports.ANSWER_BYTES
        loop.running[0].passes()
        assert not pipe.has_ended
    pipe.unread -= transports.ANSWER_BYTES - 1
    loop.running[0].passes()
    assert pipe.has_ended


async def test_a_connection_is_closed_after_an_answer_while_the_process_drains(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    await line.send(GET)
    assert b"connection: close" not in await line.reads(b"end")
    monkeypatch.setattr(head_limits, "DRAINING", draining := Event())
    draining.set()
    await line.send(GET)
    assert b"connection: close" in await line.reads()
