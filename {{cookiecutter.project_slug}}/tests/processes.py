"""The service as it is run: processes of their own that answer over sockets and send mails to a server."""

import asyncio
import os
import re
import socket
import sys
from collections.abc import AsyncIterator
from collections.abc import Awaitable
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from itertools import cycle
from typing import Any
from typing import TypeVar

from aiosmtpd.smtp import SMTP
from aiosmtpd.smtp import Envelope
from httpx import AsyncClient

from app.settings import PROJECT_ROOT
from app.settings import Settings
from tests.cast import Outbox
from tests.cast import Person

# Far more than anything here takes, for machines that have other things to do.
PATIENCE_SECONDS = 30
SERVE = (sys.executable, "-m", "litestar", "run", "--host", "127.0.0.1", "--port", "0", "--wc", "1")

Seen = TypeVar("Seen")


class Workers:
    """Processes of one service, each on a port of its own: on a shared one, the kernel may let one do it all."""

    def __init__(self, count: int, settings: Settings, **changes: str) -> None:
        self._workers = [Worker(_environment(settings) | changes) for _ in range(count)]
        self._turns = cycle(self._workers)
        self._clients: list[AsyncClient] = []

    async def start(self) -> None:
        """Returns once each of them answers."""
        for worker in self._workers:
            await worker.start()
        for worker in self._workers:
            await until(worker.is_ready)

    def person(self, name: str, mails: Outbox, address: str = "192.0.2.1") -> Person:
        """Somebody at this network address, whom a proxy leads to the worker whose turn it is."""
        url, headers = next(self._turns).url, {"X-Forwarded-For": address}
        client = AsyncClient(base_url=url, headers=headers, timeout=PATIENCE_SECONDS)
        self._clients.append(client)
        return Person(f"{name}@example.com", client, mails)

    async def say_goodbye(self) -> None:
        """Everybody leaves."""
        while self._clients:
            await self._clients.pop().aclose()

    async def stop(self) -> None:
        """Returns once they have ended.

        Raises:
            TimeoutError: if one had to be killed.
        """
        await asyncio.gather(*(worker.stop() for worker in self._workers))

    def show_consoles(self) -> None:
        """Print what they have printed since the last time; pytest shows it if the test fails."""
        for number, worker in enumerate(self._workers, start=1):
            sys.stdout.write(f"Worker {number}:\n{''.join(worker.console)}\n")
            worker.console.clear()


class Worker:
    """One process."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.console: list[str] = []
        self.url = ""
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Returns before it answers; the system picks a free port."""
        self.url = ""
        self._process = await asyncio.create_subprocess_exec(
            *SERVE,
            cwd=PROJECT_ROOT,
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            # Ctrl-C reaches the tests alone, which then stop it as they always do.
            start_new_session=True,
        )
        self._reading = asyncio.create_task(self._read(self._process.stdout))

    async def _read(self, output: asyncio.StreamReader | None) -> None:
        assert output is not None
        async for line in output:
            self.console.append(line.decode())
            if found := re.search(r"running on (http://\S+)", self.console[-1]):
                self.url = found[1]

    async def is_ready(self) -> bool:
        """Whether it answers.

        Raises:
            RuntimeError: if it has ended.
        """
        if self._process is None or self._process.returncode is not None:
            raise RuntimeError("A worker has ended before it was ready; what it printed says why.")
        if not self.url:
            return False
        async with AsyncClient(base_url=self.url) as client:
            return (await client.get("/health")).is_success

    async def stop(self) -> None:
        """End it as whoever supervises it does; it may finish what it has begun.

        Raises:
            TimeoutError: if it had to be killed.
        """
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            raise
        finally:
            await self._reading


def _environment(settings: Settings) -> dict[str, str]:
    # Whatever somebody has in `.env`: what is empty here is unset.
    unset = {name.upper(): "" for name in Settings.model_fields}
    assert settings.database_url is not None
    chosen = {
        # In `test`, mails wait until a test sends them.
        "ENVIRONMENT": "development",
        "SECRET_KEY": settings.secret_key.get_secret_value(),
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "BASE_URL": settings.base_url,
        "HASH_MEMORY_KIB": str(settings.hash_memory_kib),
    }
    return os.environ | unset | chosen


async def until(look: Callable[[], Awaitable[Seen]]) -> Seen:
    """What `look` sees once there is something to see.

    Raises:
        TimeoutError: if there is nothing for too long.
    """
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (seen := await look()):  # noqa: ASYNC110  # other processes set no event of ours
            await asyncio.sleep(0.05)
    return seen


class Port:
    """A port that nobody else gets; whoever connects is refused, unless a test has something listen."""

    def __init__(self) -> None:
        self._socket = _bound_to(0)
        self.number: int = self._socket.getsockname()[1]

    @asynccontextmanager
    async def served_by(self, protocol: Callable[[], asyncio.Protocol]) -> AsyncIterator[None]:
        """While this is open, something listens."""
        server = await asyncio.get_running_loop().create_server(protocol, sock=self._socket)
        try:
            yield
        finally:
            server.close()
            self._socket = _bound_to(self.number)

    def close(self) -> None:
        """Give it back."""
        self._socket.close()


def _bound_to(port: int) -> socket.socket:
    bound = socket.socket()
    # Connections that have ended would keep the port from us for a minute otherwise.
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    return bound


class MailServer(Outbox):
    """A mail server that keeps what it accepts; a test turns it on, slows it down, or has it refuse."""

    def __init__(self, port: Port) -> None:
        super().__init__()
        # What it says about these recipients.
        self.refusals: dict[str, str] = {}
        self.seconds_for_each = 0.0
        self.most_at_once = 0
        self._at_once = 0
        self._port = port

    def listening(self) -> AbstractAsyncContextManager[None]:
        """While this is open, it is on."""
        return self._port.served_by(lambda: SMTP(self, hostname="localhost"))

    async def handle_RCPT(self, _server: Any, _client: Any, envelope: Envelope, to: str, _options: Any) -> str:  # noqa: N802  # aiosmtpd's name
        """Accept a recipient, or not."""
        if to in self.refusals:
            return self.refusals[to]
        envelope.rcpt_tos.append(to)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _client: Any, envelope: Envelope) -> str:  # noqa: N802  # likewise
        """Accept a mail, after a while."""
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        await asyncio.sleep(self.seconds_for_each)
        self._at_once -= 1
        assert isinstance(envelope.content, bytes)
        # Lines end differently on the wire.
        message = message_from_bytes(envelope.content.replace(b"\r\n", b"\n"), policy=default)
        assert isinstance(message, EmailMessage)
        await self.send(message)
        return "250 OK"
