"""Measures whether response times tell who has an account (rows B01, B02 and B03 of the checklist).

Run in the service:

python -m proofs.timing                    every comparison, 200 pairs each, in about ten minutes
python -m proofs.timing --only /register   one of them again, since one in a hundred fails by chance

Keep the machine idle meanwhile, since noise hides a difference. Password hashes are the noisiest part. With
HASH_MEMORY_KIB=19456 HASH_ITERATIONS=2 in the environment and --pairs 600, one additional statement shows.
"""

import asyncio
import math
import os
import secrets
import socket
import subprocess
import sys
from bisect import bisect_left
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import Process
from statistics import median
from time import perf_counter
from typing import Any
from typing import NamedTuple

import click
import httpx
from aiosmtpd.smtp import SMTP
from argon2 import PasswordHasher
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.ext.asyncio import create_async_engine

from app.accounts.passwords import hasher
from app.database import embedded_postgres
from app.models import User
from app.settings import PROJECT_ROOT
from app.settings import Settings
from app.settings import read_settings
from tests.tables import migrate

# What the checklist asks for.
MEDIANS_WITHIN = 0.1
P_ABOVE = 0.01
SECONDS_FOR_EACH_MAIL = 0.2

DATABASE = "timing"
# The first requests open connections and prepare statements.
WARM_UP_PAIRS = 10
RIGHT = {"password": "correct horse battery staple"}
WRONG = {"password": "wrong donkey socket paperclip"[: len(RIGHT["password"])]}


class Comparison(NamedTuple):
    """A request that must take as long for an address without an account as for one with an account of this kind."""

    path: str
    fields: dict[str, str]
    status: int
    kind: str
    remark: str = ""

    def __str__(self) -> str:
        """What is compared."""
        return f"POST {self.path}{self.remark}: unknown and {self.kind}"


# What sets accounts of each kind apart.
KINDS: dict[str, dict[str, Any]] = {
    "verified": {},
    "unverified": {"is_verified": False},
    "deactivated": {"is_active": False},
    "without password": {"password_hash": hasher.NONE},
    "of a former cost": {"password_hash": PasswordHasher(3, 12_288, 1).hash(RIGHT["password"])},
}
COMPARISONS = [
    *(Comparison("/login", WRONG, 401, kind, ", wrong password") for kind in KINDS),
    *(Comparison("/login", RIGHT, 401, kind, ", right password") for kind in ("unverified", "deactivated")),
    Comparison("/forgot-password", {}, 202, "verified"),
    *(Comparison("/verify/resend", {}, 202, kind) for kind in ("unverified", "verified")),
    Comparison("/register", RIGHT, 202, "verified"),
]


@click.command()
@click.option("--pairs", type=click.IntRange(min=2), default=200, show_default=True, help="How many per comparison.")
@click.option("--only", default="", help="Leave out the comparisons whose line does not contain this.")
def main(pairs: int, only: str) -> None:
    """Compare how long answers take for addresses with and without an account; exit with 1 if one tells."""
    environment, mail_port = environment_of_the_service()
    settings = read_settings(environment)
    make_database(settings)
    accounts = asyncio.run(store_accounts(settings, pairs + WARM_UP_PAIRS))
    with mail_server(mail_port), service(environment) as client:
        verdicts = [
            report(comparison, *measure(client, comparison, accounts[comparison.kind]))
            for comparison in COMPARISONS
            if only in str(comparison)
        ]
    sys.exit(not all(verdicts))


def environment_of_the_service() -> tuple[dict[str, str], int]:
    """The settings that matter here, beside those of this machine, and the port of the mail server in them."""
    port = free_port()
    ours = {
        "ENVIRONMENT": "development",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "DATABASE_URL": embedded_postgres.url(DATABASE),
        "MAIL_URL": f"smtp://127.0.0.1:{port}",
        "REGISTRATION": "open",
        # It would refuse the eleventh attempt.
        "THROTTLE": "off",
        # What is measured is shown here, and nothing between.
        "ACCESS_LOG": "off",
    }
    return os.environ | ours, port


def free_port() -> int:
    """A port on which nobody listens at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def make_database(settings: Settings) -> None:
    """An empty database with all tables; one that an earlier run left is dropped."""
    # Nothing is made faster than it is in production, as the tests do it: what is stored is what may tell.
    statements = (f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)", f"CREATE DATABASE {DATABASE}")
    asyncio.run(execute(embedded_postgres.url(), *statements))
    migrate(settings)


async def execute(url: str, *statements: str) -> None:
    """Run each statement by itself."""
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        for statement in statements:
            await connection.execute(text(statement))
    await engine.dispose()


async def store_accounts(settings: Settings, number: int) -> dict[str, list[str]]:
    """So many accounts of each kind; returns their addresses."""
    password_hash = await hasher.hasher_for(settings).digest(RIGHT["password"], "nobody@example.com")
    ordinary = {"password_hash": password_hash, "is_active": True, "is_verified": True}
    accounts = {kind: [new_address() for _ in range(number)] for kind in KINDS}
    engine = create_async_engine(embedded_postgres.url(DATABASE))
    async with AsyncSession(engine) as session, session.begin():
        for kind, addresses in accounts.items():
            session.add_all(User(email=email, **ordinary | KINDS[kind]) for email in addresses)
    await engine.dispose()
    # So that the server plans as it does once a service has run for a day.
    await execute(embedded_postgres.url(DATABASE), "VACUUM ANALYZE")
    return accounts


def new_address() -> str:
    """An address that nobody has; all are equally long."""
    return f"{secrets.token_hex(8)}@example.com"


@contextmanager
def mail_server(port: int) -> Iterator[None]:
    """A slow mail server, in a process of its own so that it does not get in the way of the clock."""
    process = Process(target=accept_mails, args=(port,), daemon=True)
    process.start()
    yield
    process.terminate()


def accept_mails(port: int) -> None:
    """Accept mails until somebody ends this process."""

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        await (await loop.create_server(lambda: SMTP(SlowServer()), "127.0.0.1", port)).serve_forever()

    asyncio.run(serve())


class SlowServer:
    """Takes any mail, and its time."""

    async def handle_DATA(self, *_: Any) -> str:  # noqa: N802  # aiosmtpd's name
        """Accept a mail."""
        await asyncio.sleep(SECONDS_FOR_EACH_MAIL)
        return "250 OK"


@contextmanager
def service(environment: dict[str, str]) -> Iterator[httpx.Client]:
    """The service as one real process, and a client that keeps its connection to it."""
    port = free_port()
    arguments = [sys.executable, "-m", "uvicorn", "app.asgi:app", f"--port={port}", "--log-level=warning"]
    process = subprocess.Popen(arguments, cwd=PROJECT_ROOT, env=environment)
    try:
        # It starts within the pauses between these attempts, which are half a second and then twice as long each time.
        transport = httpx.HTTPTransport(retries=6)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", transport=transport, timeout=30) as client:
            client.get("/health/ready").raise_for_status()
            yield client
    finally:
        process.terminate()
        process.wait()


def measure(client: httpx.Client, comparison: Comparison, addresses: list[str]) -> tuple[list[float], list[float]]:
    """How many milliseconds each answer took, for unknown addresses and for these, each of which is used once.

    What a request leaves to the background is done while later ones are measured. Their order is random, so it slows
    down both kinds alike.
    """
    # What the comparison before has left to be sent is no part of this one.
    asyncio.run(execute(embedded_postgres.url(DATABASE), "DELETE FROM outgoing_mail"))
    unknown: list[float] = []
    known: list[float] = []
    for number, address in enumerate(addresses, start=1):
        click.echo(f"\r{comparison}, {number} of {len(addresses)}", err=True, nl=False)
        pair = [(unknown, new_address()), (known, address)]
        secrets.SystemRandom().shuffle(pair)
        for times, email in pair:
            times.append(time_of_answer(client, comparison, email))
    click.echo(f"\r{'':100}\r", err=True, nl=False)
    return unknown[WARM_UP_PAIRS:], known[WARM_UP_PAIRS:]


def time_of_answer(client: httpx.Client, comparison: Comparison, email: str) -> float:
    """Milliseconds until all of the answer is there.

    Raises:
        ClickException: if it is another answer than expected, whose time would say nothing.
    """
    start = perf_counter()
    answer = client.post(comparison.path, json={"email": email, **comparison.fields})
    milliseconds = (perf_counter() - start) * 1000
    if answer.status_code != comparison.status:
        raise click.ClickException(f"\n{comparison}: got {answer.status_code} {answer.text}")
    return milliseconds


def report(comparison: Comparison, unknown: list[float], known: list[float]) -> bool:
    """Print a line, and return whether the two are the same as far as anybody can tell."""
    ratio = median(known) / median(unknown)
    p = p_value(unknown, known)
    is_same = abs(ratio - 1) <= MEDIANS_WITHIN and p > P_ABOVE
    medians = f"{median(unknown):8.2f} ms {median(known):8.2f} ms"
    click.echo(f"{comparison!s:<62}{medians}  ratio {ratio:.3f}  p {p:.4f}  {'same' if is_same else 'TELLS'}")
    return is_same


def p_value(some: list[float], others: list[float]) -> float:
    """How likely a difference like this is if there is none: Mann-Whitney U, two-sided, as a normal approximation."""
    ordered = sorted(others)
    u = sum(bisect_left(ordered, value) + bisect_right(ordered, value) for value in some) / 2
    pairs, total = len(some) * len(others), len(some) + len(others)
    ties = sum(count**3 - count for count in Counter(some + others).values())
    deviation = math.sqrt(pairs / 12 * (total + 1 - ties / (total * (total - 1))))
    distance = max(abs(u - pairs / 2) - 0.5, 0) / deviation
    return math.erfc(distance / math.sqrt(2))


if __name__ == "__main__":
    main()
