"""Run each fault under load, and print what became of what was asked for."""

import argparse
import asyncio
import logging
import os
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from uuid import uuid4

from httpx import AsyncBaseTransport

from app import clock
from app.database import embedded_postgres
from app.settings import Settings
from proofs.faults.clients import Balancer
from proofs.faults.clients import User
from proofs.faults.haproxy import haproxy
from proofs.faults.injections import FAULTS
from proofs.faults.injections import Fault
from proofs.faults.injections import Scene
from proofs.faults.ledger import Ledger
from proofs.faults.postgres import Postgres
from tests.processes.mail_server import MailServer
from tests.processes.mail_server import Port
from tests.processes.mail_server import all_mails_leave
from tests.processes.workers import Worker
from tests.processes.workers import environment
from tests.processes.workers import settings_for
from tests.processes.workers import until
from tests.tables import Tables
from tests.tables import make_database
from tests.tables import make_users
from tests.tables import migrate

WORKERS, USERS = 3, 8
HEAD = ("fault", "operations", "acknowledged", "refused", "unknown", "mails", "again", "recovery s", "complaints")


async def run(seconds: float, names: list[str], *, machines: bool) -> int:
    """Each fault in turn; returns how many complaints there are."""
    print(*(f"{word:>{width(word)}}" for word in HEAD))
    complaints = 0
    for fault in FAULTS:
        if not names or fault.__name__ in names:
            complaints += await run_one(fault, seconds, machines=machines)
    return complaints


async def run_one(fault: Fault, seconds: float, *, machines: bool) -> int:
    """Use the service, let the fault happen, go on using it, and compare."""
    async with scene(machines=machines) as (there, settings), way_to(there.workers, machines=machines) as way:
        ledger = Ledger(began_at=clock.now())
        there.users = users = [User(email, way, ledger) for email in await make_users(there.tables, settings, USERS)]
        is_over = asyncio.Event()
        lives = asyncio.gather(*(user.live(is_over) for user in users))
        await asyncio.sleep(min(seconds, 2))
        await fault(there, seconds)
        over_at = monotonic()
        await asyncio.sleep(min(seconds, 2) + 3)
        is_over.set()
        await lives
        for user in users:
            await user.leave()
        await all_mails_leave(there.tables)
        ledger.complaints += [f"{worker.url} is not ready" for worker in there.workers if not await is_ready(worker)]
        await compare(ledger, there)
    recovery = min((at - over_at for at in ledger.acknowledged_at if at > over_at), default=float("inf"))
    again = len(there.mails.messages) - len({mail["Message-ID"] for mail in there.mails.messages})
    figures = (fault.__name__.replace("_", " "), ledger.outcomes.total(), *map(ledger.outcomes.__getitem__, HEAD[2:5]))
    row = (*figures, len(there.mails.messages), again, f"{recovery:.2f}", len(ledger.complaints))
    print(*(f"{cell:>{width(word)}}" for word, cell in zip(HEAD, row, strict=True)), flush=True)
    print(*ledger.complaints, sep="\n", end="\n" if ledger.complaints else "")
    return len(ledger.complaints) + (recovery > 5)


async def is_ready(worker: Worker) -> bool:
    """Whether readiness is green."""
    async with worker.client() as client:
        return (await client.get("/health/ready")).is_success


async def compare(ledger: Ledger, there: Scene) -> None:
    """Hold the tables, and what the mail server got, against the ledger."""
    users = await there.tables.rows("user")
    emails = {user["id"]: user["email"] for user in users}
    sessions = Counter(emails[row["user_id"]] for row in await there.tables.rows("user_session"))
    # A mail that is sent again after a crash has the same id.
    mails = {mail["Message-ID"]: str(mail["To"]) for mail in there.mails.messages if "signed in" not in mail["Subject"]}
    ledger.compare(users, sessions, Counter(mails.values()))
    for table in ("user", "user_session", "audit_event"):
        ledger.compare_times(table, [row["created_at"] for row in await there.tables.rows(table)], clock.now())


@asynccontextmanager
async def way_to(workers: list[Worker], *, machines: bool) -> AsyncIterator[AsyncBaseTransport]:
    """What leads callers to a process that listens."""
    if not machines:
        yield Balancer(workers)
        return
    async with haproxy(workers) as way:
        yield way


@asynccontextmanager
async def scene(*, machines: bool) -> AsyncIterator[tuple[Scene, Settings]]:
    """A PostgreSQL behind its line, a mail server, and some processes of the service."""
    postgres, port = Postgres(embedded_postgres.server()), Port()
    name = f"faults_{uuid4().hex[:8]}"
    await make_database(embedded_postgres.url(), name, keeps_all=True)
    past_the_line = settings_for(embedded_postgres.url(name))
    await asyncio.to_thread(migrate, past_the_line)
    line, mails = await postgres.open_line(), MailServer(port)
    settings = settings_for(f"postgresql://postgres@127.0.0.1:{postgres.port}/{name}")
    changes = {"MAIL_URL": f"smtp://127.0.0.1:{port.number}", "HASH_CONCURRENCY": "2"}
    # What production would refuse.
    changes |= {"ENVIRONMENT": "development", "THROTTLE": "off"}
    count, processes = (2, 2) if machines else (WORKERS, 1)
    workers = [Worker(environment(settings) | changes, processes) for _ in range(count)]
    there = Scene(postgres, workers, mails, Tables(past_the_line, {}))
    async with mails.listening():
        try:
            for worker in workers:
                await worker.start()
            for worker in workers:
                await until(worker.is_ready)
            yield there, settings
        finally:
            await asyncio.gather(*(worker.stop() for worker in workers))
            await there.tables.close()
            line.close()
            await asyncio.to_thread(there.undoing.close)
    port.close()


def width(word: str) -> int:
    """How much room a column needs."""
    return 30 if word == "fault" else len(word) + 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m proofs.faults", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="how long each fault lasts")
    parser.add_argument("--haproxy", action="store_true", help="with two machines of two processes behind HAProxy")
    parser.add_argument("faults", nargs="*", help=f"some of: {', '.join(fault.__name__ for fault in FAULTS)}")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        # A PostgreSQL that nobody else uses: it is going to be killed.
        os.environ["XDG_CACHE_HOME"] = folder
        # Alembic tells each of its steps otherwise.
        logging.disable(logging.INFO)
        failures = asyncio.run(run(given.seconds, given.faults, machines=given.haproxy))
        embedded_postgres.leave()
    sys.exit(failures > 0)
