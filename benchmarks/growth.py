"""The same requests with few users and with many, one after the other on one connection, in turn."""

import json
import statistics
import sys
from collections.abc import Awaitable
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import httpx

from benchmarks.filling import OURS
from benchmarks.filling import bytes_per_user
from benchmarks.filling import connected
from benchmarks.filling import fill
from benchmarks.filling import make_database
from benchmarks.projects import REPOSITORY
from benchmarks.projects import Service
from benchmarks.subjects import Subject
from benchmarks.subjects import address
from benchmarks.subjects import ours

PLANS = REPOSITORY / "benchmarks/apps/plans.py"
LOOK_UP = 'SELECT id, email, password_hash FROM "user" WHERE lower(email) = $1'
# Each of these signs in, so that not the same few pages are read again and again.
CALLERS = 20
SIGN_INS = 40
# Their first requests are slower for reasons that have nothing to do with growth.
WARM_UP = 20

Ask = Callable[[int], Awaitable[None]]


@dataclass
class Crowd:
    """So many users, and the services that they use: one for each kind of credentials."""

    users: int
    database_url: str
    services: dict[str, Service]


async def crowd(users: int, server_url: str, services: dict[str, Service]) -> Crowd:
    """A database with so many users; the tables are the same for all kinds of credentials."""
    url = await make_database(server_url, f"growth_{users}")
    # The one who administers signs in with a password alone.
    settings = {"DATABASE_URL": url, "SECOND_FACTOR": "optional"}
    here = {kind: Service(each.folder, url, **settings) for kind, each in services.items()}
    here["jwt"].run("alembic", "upgrade", "head")
    await fill(url, OURS, users)
    return Crowd(users, url, here)


async def grown(crowds: list[Crowd], times: int) -> dict[str, Any]:
    """Medians in milliseconds by request and number of users, plans, and sizes."""
    found: dict[str, dict[int, float]] = {}
    async with AsyncExitStack() as stack:
        asks = {each.users: await _asks(each, stack) for each in crowds}
        for name in asks[crowds[0].users]:
            count = SIGN_INS if name == "POST /login" else times
            found[name] = await _medians({users: ask[name] for users, ask in asks.items()}, count)
            print(name, found[name], flush=True)
    largest = crowds[-1]
    return {
        "milliseconds": found,
        "plans": {kind: _plans(service) for kind, service in largest.services.items()},
        "bytes per user": await bytes_per_user(largest.database_url, largest.users),
    }


async def _medians(asks: dict[int, Ask], times: int) -> dict[int, float]:
    taken: dict[int, list[float]] = {users: [] for users in asks}
    for number in range(WARM_UP + times):
        for users, ask in asks.items():
            began = perf_counter()
            await ask(number)
            taken[users].append(perf_counter() - began)
    return {users: statistics.median(each[WARM_UP:]) * 1000 for users, each in taken.items()}


async def _asks(crowd: Crowd, stack: AsyncExitStack) -> dict[str, Ask]:
    asks: dict[str, Ask] = {}
    step = crowd.users // CALLERS
    for kind, service in crowd.services.items():
        subject = ours(kind, service)
        running = await stack.enter_async_context(subject.served())
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=running.url, timeout=60))
        headers = [await subject.sign_in(running, number * step) for number in range(CALLERS)]
        asks |= _reading(kind, client, [dict([header.split(": ")]) for header in headers])
    # The last ones are of the jwt service.
    connection = await stack.enter_async_context(connected(crowd.database_url))

    async def sign_in(number: int) -> None:
        # Others each time, and more of them than anybody is throttled for.
        (await client.post("/login", json=subject.body(1 + number * 7 % crowd.users))).raise_for_status()

    async def look_up(number: int) -> None:
        assert await connection.fetchrow(LOOK_UP, address(number * 7919 % crowd.users))

    return asks | {"POST /login": sign_in, "its look-up": look_up, "POST /refresh": await _refreshing(client, subject)}


def _reading(kind: str, client: httpx.AsyncClient, headers: list[dict[str, str]]) -> dict[str, Ask]:
    def getting(path: str, *, by: list[dict[str, str]]) -> Ask:
        async def ask(number: int) -> None:
            query = path.replace("{n}", str(number % 1000))
            (await client.get(query, headers=by[number % len(by)])).raise_for_status()

        return ask

    asks = {f"GET /users/me, {kind}": getting("/users/me", by=headers)}
    if kind == "jwt":
        # The first one administers.
        asks["GET /users"] = getting("/users", by=headers[:1])
        asks["GET /users?search="] = getting("/users?search=user{n}@", by=headers[:1])
        asks["GET /users?page=50"] = getting("/users?page=50", by=headers[:1])
    return asks


async def _refreshing(client: httpx.AsyncClient, subject: Subject) -> Ask:
    pairs = [(await client.post("/login", json=subject.body(number))).json() for number in range(CALLERS)]

    async def refresh(number: int) -> None:
        token = pairs[number % CALLERS]["refresh_token"]
        answer = await client.post("/refresh", json={"refresh_token": token})
        pairs[number % CALLERS] = answer.raise_for_status().json()

    return refresh


def _plans(service: Service) -> Any:
    shown = service.run(sys.executable, str(PLANS), ENVIRONMENT="test", PYTHONPATH=".")
    return json.loads(shown)
