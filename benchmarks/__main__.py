"""`make bench`: the service beside its peers and the limit, and with few and many users; writes `results/`."""

import argparse
import asyncio
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import httpx

from benchmarks import chart
from benchmarks import report
from benchmarks.filling import FASTAPI_USERS
from benchmarks.filling import LITESTAR_USERS
from benchmarks.filling import OURS
from benchmarks.filling import connected
from benchmarks.filling import fill
from benchmarks.filling import make_database
from benchmarks.growth import crowd
from benchmarks.growth import grown
from benchmarks.load import require_wrk
from benchmarks.projects import Service
from benchmarks.projects import embedded_postgres
from benchmarks.projects import generated
from benchmarks.speed import Rounds
from benchmarks.speed import by_cores
from benchmarks.speed import measured
from benchmarks.speed import started
from benchmarks.subjects import ACCOUNTS
from benchmarks.subjects import PEERS_PYTHON
from benchmarks.subjects import Subject
from benchmarks.subjects import bare
from benchmarks.subjects import fastapi_users
from benchmarks.subjects import limit_of
from benchmarks.subjects import litestar_users
from benchmarks.subjects import ours

RESULTS = Path(__file__).parent / "results"
KINDS = ("session", "jwt", "jwt_cookie")
FEW, MANY = 1_000, 1_000_000
PERMISSIONS = "from app.permissions import Permission; print(','.join(Permission))"
PEERS = "import importlib.metadata as of; [print(name, of.version(name)) for name in ('fastapi', 'fastapi-users')]"


async def our_service(folder: str, kind: str, server_url: str) -> Service:
    """The full service, with users who have signed in from here before."""
    url = await make_database(server_url, kind)
    service = Service(generated(folder, kind), url)
    service.run("alembic", "upgrade", "head")
    await fill(url, OURS, FEW)
    subject = ours(kind, service)
    async with subject.served() as running:
        for number in range(ACCOUNTS):
            await subject.sign_in(running, number)
    async with connected(url) as connection:
        # They have been told of it.
        await connection.execute("TRUNCATE outgoing_mail")
    return service


async def peers(server_url: str) -> list[Subject]:
    """The others, each with users of its own."""
    subjects = []
    for name, statements in (("litestar", LITESTAR_USERS), ("jwt", FASTAPI_USERS), ("database", FASTAPI_USERS)):
        url = await make_database(server_url, f"peer_{name}")
        subject = litestar_users(url) if name == "litestar" else fastapi_users(name, url)
        # It makes its tables when it starts.
        async with subject.served():
            pass
        await fill(url, statements, FEW)
        subjects.append(subject)
    return subjects


async def answer_of(subject: Subject) -> Any:
    """What a user is told about themselves."""
    async with subject.served() as running:
        name, _, value = (await subject.sign_in(running)).partition(": ")
        async with httpx.AsyncClient(base_url=running.url, headers={name: value}) as client:
            return (await client.get("/users/me")).raise_for_status().json()


async def compared(services: dict[str, Service], server_url: str, rounds: Rounds) -> tuple[list[Subject], Any]:
    """What each round has found; the limit and the service have answered alike before."""
    permissions = services["jwt"].run("python", "-c", PERMISSIONS).strip()
    limits = [limit_of(kind, services[kind], permissions) for kind in ("session", "jwt")]
    own = [ours(kind, service) for kind, service in services.items()]
    for subject, limit in zip(own, limits, strict=False):
        assert await answer_of(subject) == await answer_of(limit)
    subjects = [*own, *await peers(server_url), *limits]
    return subjects, await measured(subjects, rounds)


async def run(arguments: argparse.Namespace, about: dict[str, str], folder: str) -> None:
    """Measures, and writes what was found."""
    first = generated(f"{folder}/server", "session")
    with embedded_postgres(first) as server_url:
        services = {kind: await our_service(f"{folder}/{kind}", kind, server_url) for kind in KINDS}
        rounds = Rounds(arguments.rounds, arguments.seconds)
        subjects, found = await compared(services, server_url, rounds)
        start = await started([ours("jwt", services["jwt"]), bare(services["jwt"].database_url)], rounds.number)
        cores = await by_cores(ours("session", services["session"]), rounds)
        growth = {}
        if not arguments.no_growth:
            some = {kind: services[kind] for kind in ("session", "jwt")}
            crowds = [await crowd(users, server_url, some) for users in (FEW, MANY)]
            growth = await grown(crowds, arguments.times)
    write(about, subjects, {"rounds": found, "start": start, "cores": cores, "growth": growth})


def write(about: dict[str, str], subjects: list[Subject], results: dict[str, Any]) -> None:
    """A page, the figures, and a chart."""
    limits = {subject.name: subject.limit for subject in subjects}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "latest.json").write_text(json.dumps({"about": about} | results, indent=1) + "\n")
    (RESULTS / "latest.md").write_text(report.page(about, limits, results))
    note = f"{about['date']}, {about['processor']}, one worker, relative to hand-written ASGI on asyncpg"
    values = report.ratios(results["rounds"], limits, "me /s")
    (RESULTS / "latest.svg").write_text(chart.bars("GET /users/me, requests per second", note, values))
    print((RESULTS / "latest.md").read_text())


def main() -> None:
    """Reads the arguments."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--times", type=int, default=300, help="how often each request is asked for growth")
    parser.add_argument("--no-growth", action="store_true", help="leave out what takes a million users")
    arguments = parser.parse_args()
    require_wrk()
    about = report.machine(subprocess.check_output([PEERS_PYTHON, "-c", PEERS], text=True).splitlines())
    about["rounds"] = f"{arguments.rounds} of {arguments.seconds} s"
    with tempfile.TemporaryDirectory() as folder:
        # The embedded PostgreSQL may run as another user.
        Path(folder).chmod(0o755)
        asyncio.run(run(arguments, about, folder))


if __name__ == "__main__":
    main()
