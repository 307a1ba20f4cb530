"""The command for production, in the process of the test: signals, sockets, and addresses that cannot be used."""

import asyncio
import signal
import socket
from contextlib import ExitStack
from pathlib import Path
from threading import Event

import pytest
from click import ClickException
from litestar.types import Receive
from litestar.types import Scope
from litestar.types import Send
from uvicorn import Server

from app import clock
from app.operations import serve
from app.operations.listening import listening
from app.operations.serve import DrainingServer
from app.operations.serve import configure


@pytest.mark.checklist("I07")
@pytest.mark.parametrize(
    ("second", "seconds", "is_ignored"),
    [
        (signal.SIGTERM, 0, True),
        (signal.SIGTERM, 0.9, True),
        (signal.SIGTERM, 1.1, False),
        (signal.SIGINT, 0, False),
    ],
)
async def test_a_second_signal_ends_the_drain_time_unless_it_comes_with_the_first(
    monkeypatch: pytest.MonkeyPatch, second: int, seconds: float, *, is_ignored: bool
) -> None:
    stops: list[int] = []
    monkeypatch.setattr(serve, "DRAINING", Event())
    monkeypatch.setattr(clock, "elapsed", lambda: 1_000.0)
    monkeypatch.setattr(Server, "handle_exit", lambda _server, sig, _frame: stops.append(sig))
    server = DrainingServer(configure("127.0.0.1", 0, None), 3_600)
    server.started = True
    server.handle_exit(signal.SIGTERM, None)
    monkeypatch.setattr(clock, "elapsed", lambda: 1_000.0 + seconds)
    server.handle_exit(second, None)
    await asyncio.sleep(0)
    assert stops == ([] if is_ignored else [second])


@pytest.mark.checklist("I07")
async def test_a_signal_may_interrupt_the_handler_of_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(Event):
        """A second signal comes as soon as the handler of the first has looked whether it drains."""

        def is_set(self) -> bool:
            was_set = super().is_set()
            if not handled:
                handled.append(signal.SIGTERM)
                server.handle_exit(signal.SIGTERM, None)
            return was_set

    handled: list[int] = []
    monkeypatch.setattr(serve, "DRAINING", Interrupted())
    server = DrainingServer(configure("127.0.0.1", 0, None), 3_600)
    server.started = True
    server.handle_exit(signal.SIGTERM, None)
    for _ in range(2):
        await asyncio.sleep(0)
    assert handled == [signal.SIGTERM]
    assert not server.should_exit


@pytest.mark.checklist("I07")
async def test_connections_that_wait_to_be_accepted_are_answered_before_the_process_stops(tmp_path: Path) -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    for path in (None, str(tmp_path / "service.sock")):
        config = configure("127.0.0.1", 0, path)
        config.app, config.lifespan = app, "off"
        config.load()
        server = DrainingServer(config, 0)
        server.lifespan = config.lifespan_class(config)
        with listening(config, 2) as shared:
            assert shared is not None
            await server.startup([shared])
            address = shared.getsockname()
            clients = [socket.socket(shared.family) for _ in range(3)]
            for each in clients:
                each.connect(address)
                each.sendall(b"POST / HTTP/1.1\r\nHost: service\r\nContent-Length: 0\r\n\r\n")
            await server.shutdown([shared])
        for each in clients:
            with each:
                assert each.recv(100).startswith(b"HTTP/1.1 204")
        with socket.socket(shared.family) as late, pytest.raises(OSError, match=r"refused|No such file"):
            late.connect(address)


def test_the_socket_of_the_next_process_stays(tmp_path: Path) -> None:
    path = tmp_path / "service.sock"
    config = configure("127.0.0.1", 0, str(path))
    first, second = ExitStack(), ExitStack()
    for stack in (first, second):
        shared = stack.enter_context(listening(config, 1))
        assert shared is not None
        stack.callback(shared.close)
    first.close()
    assert path.is_socket()
    second.close()
    assert not path.exists()


@pytest.mark.parametrize("workers", [1, 2])
def test_an_address_that_cannot_be_used_is_refused(tmp_path: Path, workers: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        missing = str(tmp_path / "missing" / "service.sock")
        for config, reason in (
            (configure("::", port, None), f"::, port {port}: Address already in use"),
            (configure("127.0.0.1", port, missing), f"{missing}: No such file or directory"),
        ):
            with pytest.raises(ClickException) as refusal, listening(config, workers):
                pytest.fail("It listens.")
            assert refusal.value.message == f"Cannot listen on {reason}."
