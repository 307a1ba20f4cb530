"""`make fuzz`: what fits the API's description, and what does not, is answered, and never with an error of ours.

Schemathesis reads the OpenAPI document and generates requests, signed out and as users. Run as `python -m tests.fuzz`.
"""

import argparse
import asyncio
import logging
import os
import re
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from httpx import AsyncClient

from app.database import embedded_postgres
from tests.cast import BASE_URL
from tests.cast import PASSWORD
from tests.credentials import kind
from tests.features import FEATURES
from tests.processes.workers import ToWorker
from tests.processes.workers import Worker
from tests.processes.workers import environment
from tests.processes.workers import settings_for
from tests.processes.workers import until
from tests.tables import Tables
from tests.tables import make_database
from tests.tables import make_users
from tests.tables import migrate

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
# They end the caller's sign-in or account, so only callers without one send them.
ENDINGS = ("POST /logout", "DELETE /users/me")
# For each operation and caller.
EACH_ROUND = 50
# Whom each user is made into, besides an ordinary one; features add theirs.
USERS: dict[str, str] = {"user": ""}
for feature in FEATURES:
    USERS |= feature.USERS


class Outcome(NamedTuple):
    """What was found."""

    caller: str
    cases: int
    is_fine: bool
    shown: str

    def __str__(self) -> str:
        """A line, and what was wrong."""
        line = f"{self.caller:>16} {self.cases} cases: {'passed' if self.is_fine else 'FAILED'}"
        return line if self.is_fine else f"{line}\n{self.shown}"


async def run(rounds: list[list[str]]) -> list[Outcome]:
    """Signed out and as each user, at the same time; users sign in for each round, since a round may take minutes."""
    outcomes: list[Outcome] = []
    async with service() as (worker, tables, emails):
        users = list(zip(USERS.items(), emails, strict=False))
        for (_, statement), email in users:
            if statement:
                await tables.execute(statement.format(email=email))
        for number, how in enumerate(rounds, 1):
            callers: dict[str, dict[str, str]] = {"nobody": {}}
            for (name, _), email in users:
                callers[name] = await sign_in(worker, email)
            found = await asyncio.gather(*(fuzz(worker, name, headers, how) for name, headers in callers.items()))
            print(f"round {number} of {len(rounds)}", *found, sep="\n", flush=True)  # noqa: T201  # it takes long
            outcomes += found
        if not all(outcome.is_fine for outcome in outcomes):
            # For the person who runs it, without a line for each request.
            print(*[line for line in worker.console if "app.requests" not in line][-200:], sep="")  # noqa: T201
    return outcomes


def rounds_of(examples: int, seed: int, phases: str) -> list[list[str]]:
    """All phases in the first one; in the others the one that makes up something else each time."""
    rounds: list[list[str]] = []
    for begin in range(0, examples if "fuzzing" in phases else 1, EACH_ROUND):
        count, again = min(EACH_ROUND, examples - begin), "fuzzing" if rounds else phases
        rounds.append(["--max-examples", str(count), "--seed", str(seed + begin), "--phases", again])
    return rounds


async def fuzz(worker: Worker, name: str, headers: dict[str, str], how: list[str]) -> Outcome:
    """Make up requests with these headers."""
    # Beside this Python, which need not be on PATH.
    program = str(Path(sys.executable).with_name("schemathesis"))
    command = [program, "run", f"{worker.url}/schema/openapi.json", "--checks", CHECKS, *how]
    for header in headers.items():
        command += ["--header", ":".join(header)]
    for ending in ENDINGS if headers else ():
        command += ["--exclude-name", ending]
    with tempfile.TemporaryDirectory() as folder:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        shown = (await process.communicate())[0].decode()
    cases = re.search(r"(\d+) generated", shown)
    return Outcome(name, int(cases[1]) if cases else 0, process.returncode == 0, shown)


async def sign_in(worker: Worker, email: str) -> dict[str, str]:
    """What this user presents."""
    async with AsyncClient(transport=ToWorker(worker.url), base_url=BASE_URL) as client:
        kind.present(client, await client.post("/login", json={"email": email, "password": PASSWORD}))
        cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        presented = {"Cookie": cookies, "Authorization": client.headers.get("Authorization", "")}
    return {name: value for name, value in presented.items() if value}


@asynccontextmanager
async def service() -> AsyncIterator[tuple[Worker, Tables, list[str]]]:
    """A process with a database of its own, and users in it."""
    name = f"fuzz_{uuid4().hex[:8]}"
    await make_database(embedded_postgres.url(), name)
    settings = settings_for(embedded_postgres.url(name))
    await asyncio.to_thread(migrate, settings)
    # What production would refuse.
    changes = {"ENVIRONMENT": "development", "THROTTLE": "off", "OPENAPI": "on"}
    tables, worker = Tables(settings, {}), Worker(environment(settings) | changes)
    try:
        await worker.start()
        await until(worker.is_ready)
        yield worker, tables, await make_users(tables, settings, len(USERS))
    finally:
        await worker.stop()
        await tables.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--examples", type=int, default=200, help="how many for each operation and caller")
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes up the same requests")
    parser.add_argument("--phases", default="examples,coverage,fuzzing", help="those of schemathesis")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        os.environ["XDG_CACHE_HOME"] = folder
        logging.disable(logging.INFO)
        try:
            found = asyncio.run(run(rounds_of(given.examples, given.seed, given.phases)))
        except KeyboardInterrupt:
            sys.exit(130)
        finally:
            embedded_postgres.leave()
        print(sum(outcome.cases for outcome in found), "cases")  # noqa: T201  # what the command is for
    sys.exit(not all(outcome.is_fine for outcome in found))
