"""Processes of one service, started and stopped as an operator does."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import Awaitable
from collections.abc import Callable
from itertools import cycle
from typing import TypeVar

import psutil
from httpx import URL
from httpx import AsyncClient
from httpx import AsyncHTTPTransport
from httpx import ConnectError
from httpx import Request
from httpx import Response
from pydantic import SecretStr

from app.settings import PROJECT_ROOT
from app.settings import Environment
from app.settings import Settings
from tests.cast import BASE_URL
from tests.cast import Outbox
from tests.cast import Person
from tests.other_services import ALLOWED

# Far more than anything here takes, for machines that have other things to do.
PATIENCE_SECONDS = 120
SERVE = (sys.executable, "-m", "app.operations.serve")
# In the environment of a process: by how many seconds the clock of its machine is ahead.
WRONG_BY = "WRONG_BY_SECONDS"
SERVE_WITH_WRONG_CLOCK = (sys.executable, "-m", "tests.processes.wrong_clock")

Seen = TypeVar("Seen")


class Workers:
    """Processes of one service, each on a port of its own: on a shared one, the kernel may let one do it all."""

    def __init__(self, *workers: "Worker") -> None:
        self._workers = workers
        self._turns = cycle(workers)
        self._clients: list[AsyncClient] = []

    async def start(self) -> None:
        """Returns once each of them answers."""
        for worker in self._workers:
            await worker.start()
        for worker in self._workers:
            await until(worker.is_ready)

    def person(self, name: str, mails: Outbox, address: str = "192.0.2.1", worker: "Worker | None" = None) -> Person:
        """A person at this network address, led by a proxy to this worker, or to the one whose turn it is."""
        transport, headers = ToWorker((worker or next(self._turns)).url), {"X-Forwarded-For": address}
        client = AsyncClient(transport=transport, base_url=BASE_URL, headers=headers, timeout=PATIENCE_SECONDS)
        self._clients.append(client)
        return Person(f"{name}@example.com", client, mails)

    async def say_goodbye(self) -> None:
        """Close the client of each person."""
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


class ToWorker(AsyncHTTPTransport):
    """A proxy that terminates TLS: clients see the URL of the service, and the worker sees plain HTTP."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._worker = URL(url)

    async def handle_async_request(self, request: Request) -> Response:
        """Pass it on, as it is."""
        url = request.url.copy_with(scheme="http", host=self._worker.host, port=self._worker.port)
        passed_on = Request(
            request.method, url, headers=request.headers, stream=request.stream, extensions=request.extensions
        )
        return await super().handle_async_request(passed_on)


class Worker:
    """One process, or one with several below it."""

    def __init__(self, environment: dict[str, str], processes: int = 1, *options: str, uds: str | None = None) -> None:
        self.console: list[str] = []
        self.url = ""
        # A test may change it before it starts the process again.
        self.environment = environment
        # The first time the system picks one.
        self._port = "0"
        self._options = ("--workers", str(processes), "--drain-seconds", "0", *options)
        self._options += ("--uds", uds) if uds else ()
        self._uds = uds
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Returns before it answers."""
        self.url = ""
        serve = SERVE_WITH_WRONG_CLOCK if WRONG_BY in self.environment else SERVE
        self._process = await asyncio.create_subprocess_exec(
            *(*serve, "--port", self._port, *self._options),
            cwd=PROJECT_ROOT,
            env=self.environment,
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
            if found := re.search(r"running on (?:unix socket )?(http://\S+?|/\S+?)[\s\"]", self.console[-1]):
                self.url = "http://service" if self._uds else found[1]
                self._port = self._port if self._uds else self.url.rpartition(":")[2]

    async def is_ready(self) -> bool:
        """Whether it answers.

        Raises:
            RuntimeError: if it has ended.
        """
        if self._process is None or self._process.returncode is not None:
            raise RuntimeError("A worker has ended before it was ready; what it printed says why.")
        if not self.url:
            return False
        async with self.client() as client:
            try:
                return (await client.get("/health")).is_success
            except ConnectError:
                # One that starts others says where they will listen before they do.
                return False

    def client(self) -> AsyncClient:
        """A client of this worker, without a proxy in between."""
        transport = AsyncHTTPTransport(uds=self._uds) if self._uds else None
        return AsyncClient(base_url=self.url, transport=transport, timeout=PATIENCE_SECONDS)

    async def kill(self) -> None:
        """Kill it in the middle of its work."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        await self._reading
        self.url = ""

    def family(self) -> list[psutil.Process]:
        """Its processes."""
        assert self._process is not None
        parent = psutil.Process(self._process.pid)
        return [parent, *parent.children(recursive=True)]

    async def stop(self) -> int | None:
        """End it as a supervisor does; it may finish requests that it has begun. Returns its exit status.

        Raises:
            TimeoutError: if it had to be killed.
        """
        if self._process is None or self._process.returncode is not None:
            return None
        self._process.terminate()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await self._process.wait()
        except TimeoutError:
            self._process.kill()
            raise
        finally:
            await self._reading


async def refused(environment: dict[str, str], *options: str) -> tuple[int | None, str]:
    """How it ends that the service does not start, and what is said."""
    process = await asyncio.create_subprocess_exec(
        *(*SERVE, *options), cwd=PROJECT_ROOT, env=environment, stderr=asyncio.subprocess.PIPE
    )
    _, shown = await process.communicate()
    return process.returncode, shown.decode()


def settings_for(url: str) -> Settings:
    """The settings of a service that uses the database at this URL."""
    return Settings(
        environment=Environment.TEST,
        secret_key=SecretStr("a secret key of processes that opens nothing else"),
        database_url=SecretStr(url),
        base_url=BASE_URL,
        **ALLOWED,
    )


def environment(settings: Settings) -> dict[str, str]:
    """Production, with the database of the tests."""
    # Values in `.env` must not count: an empty variable is unset.
    unset = {name.upper(): "" for name in Settings.model_fields}
    assert settings.database_url is not None
    chosen = {
        "ENVIRONMENT": "production",
        "SECRET_KEY": settings.secret_key.get_secret_value(),
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "DATABASE_POOLER": settings.database_pooler,
        "BASE_URL": settings.base_url,
        # Nothing listens there.
        "MAIL_URL": "smtp://127.0.0.1:1",
        "MAIL_FROM": "noreply@service.example",
        **{name.upper(): str(value) for name, value in ALLOWED.items()},
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
