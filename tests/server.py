"""A generated service as a process: started as its owner would, read on its console, stopped with Ctrl-C."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TypeVar

import httpx

from tests.projects import Project

PATIENCE_SECONDS = 60
LOOKS_PER_SECOND = 10

Found = TypeVar("Found")


@dataclass(frozen=True)
class Server:
    """A service that runs."""

    process: subprocess.Popen[bytes]
    url: str
    output: Path

    @property
    def console(self) -> str:
        """All that was printed so far."""
        return self.output.read_text(encoding="utf-8")

    def until(self, look: Callable[[], Found | None]) -> Found:
        """What `look` finds as soon as it does; an AssertionError after a minute, or when the service has ended."""
        deadline = monotonic() + PATIENCE_SECONDS
        while (found := look()) is None:
            assert self.process.poll() is None, f"ended with {self.process.returncode}:\n{self.console}"
            assert monotonic() < deadline, f"waited in vain:\n{self.console}"
            pause(self.process)
        return found

    def answers(self) -> bool | None:
        """Whether anybody listens."""
        return answers_at(f"{self.url}/health")

    def mails_to(self, address: str) -> list[str]:
        """The mails to this address that the console shows, oldest first."""
        return re.findall(rf"^To: {re.escape(address)}$(.*?)^-{{80}}$", self.console, re.DOTALL | re.MULTILINE)

    def interrupt(self) -> int:
        """Ctrl-C, which a terminal sends to all processes of a command; returns the exit status."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(PATIENCE_SECONDS)


@contextmanager
def serving(project: Project, *options: str, **environment: str) -> Iterator[Server]:
    """`litestar run` on a free port, until the block ends."""
    with running(project, ["litestar", "run"], *options, **environment) as server:
        server.until(server.answers)
        yield server


@contextmanager
def providing(project: Project) -> Iterator[dict[str, str]]:
    """What `make serve-provider` runs, on a free port: the settings that it prints, until the block ends."""
    with running(project, [sys.executable, "-m", "tests.provider"]) as server:
        issuer = server.url.replace("127.0.0.1", "localhost")
        server.until(lambda: answers_at(f"{issuer}/.well-known/openid-configuration"))
        yield dict(re.findall(r"^(OAUTH_\w+)=(\S+)$", server.console, re.MULTILINE))


@contextmanager
def running(project: Project, command: list[str], *options: str, **environment: str) -> Iterator[Server]:
    """A command that takes a `--port`, which stands for `{port}` in its environment, until the block ends."""
    port = free_port()
    settings = {name: value.replace("{port}", str(port)) for name, value in environment.items()}
    output = project.folder.parent / f"console-{port}.txt"
    with output.open("wb") as console:
        process = subprocess.Popen(
            [*command, "--port", str(port), *options],
            cwd=project.folder,
            env=project.tools.environment | settings,
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = Server(process, f"http://127.0.0.1:{port}", output)
    try:
        yield server
    finally:
        if process.poll() is None:
            server.interrupt()


def answers_at(url: str) -> bool | None:
    """Whether anybody listens there."""
    try:
        return httpx.get(url).is_success or None
    except httpx.TransportError:
        return None


def pause(process: subprocess.Popen[bytes]) -> None:
    """Waits a moment, or shorter if the process ends."""
    try:
        process.wait(1 / LOOKS_PER_SECOND)
    except subprocess.TimeoutExpired:
        return


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
