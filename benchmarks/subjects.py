"""What is compared: how each is served, filled, and signed in to."""

import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path

import httpx

from benchmarks.load import write_sign_ins
from benchmarks.projects import REPOSITORY
from benchmarks.projects import UVICORN
from benchmarks.projects import Running
from benchmarks.projects import Service

APPS = REPOSITORY / "benchmarks/apps"
PEERS_PYTHON = str(REPOSITORY / ".cache/peers/bin/python")
PASSWORD = "correct horse battery staple"  # noqa: S105  # it opens nothing but the accounts of this run
ACCOUNTS = 64


def address(number: int) -> str:
    """The address of one of the users."""
    return f"user{number}@example.com"


@dataclass
class Subject:
    """One of those that are compared."""

    name: str
    service: Service
    application: str
    # What it is measured against.
    limit: str
    login: str = "/login"
    as_form: bool = False
    # Named as the documentation of each has it.
    email_field: str = "email"
    is_bearer: bool = True
    script: str = field(default="", init=False)

    def __post_init__(self) -> None:
        """Writes down how wrk signs in."""
        bodies = [self.body(number) for number in range(ACCOUNTS)]
        path = Path(tempfile.mkdtemp()) / "sign-in.lua"
        self.script = write_sign_ins(path, bodies, as_form=self.as_form)

    def body(self, number: int) -> dict[str, str]:
        """What this user signs in with."""
        return {self.email_field: address(number), "password": PASSWORD}

    @asynccontextmanager
    async def served(self) -> AsyncIterator[Running]:
        """By one worker, with the same flags for all."""
        async with self.service.served(*UVICORN, self.application) as running:
            yield running

    async def sign_in(self, running: Running, number: int = 0) -> str:
        """The header that this user sends from now on."""
        if not self.login:
            return "Accept: */*"
        async with httpx.AsyncClient(base_url=running.url) as client:
            body = self.body(number)
            answer = await client.post(
                self.login, data=body if self.as_form else None, json=None if self.as_form else body
            )
            answer.raise_for_status()
            if not self.is_bearer:
                return f"Cookie: {answer.headers['set-cookie'].partition(';')[0]}"
            token = answer.headers.get("authorization") or f"Bearer {answer.json()['access_token']}"
            return f"Authorization: {token}"


def ours(kind: str, service: Service) -> Subject:
    """The full service with this kind of credentials."""
    limit = "limit, session" if kind == "session" else "limit, jwt"
    return Subject(f"ours, {kind}", service, "app.asgi:app", limit, is_bearer=kind == "jwt")


def limit_of(kind: str, service: Service, permissions: str) -> Subject:
    """The limit for the same tables, with the same keys."""
    environment = service.environment | {"KIND": kind, "PERMISSIONS": permissions}
    name = f"limit, {kind}"
    return Subject(name, _app(service.database_url, **environment), "limit:app", name, is_bearer=kind == "jwt")


def litestar_users(database_url: str) -> Subject:
    """litestar-users by itself."""
    return Subject("litestar-users", _app(database_url), "with_litestar_users:app", "limit, jwt")


def fastapi_users(strategy: str, database_url: str) -> Subject:
    """FastAPI-Users by itself."""
    service = _app(database_url, PEERS_PYTHON, STRATEGY=strategy)
    limit = "limit, session" if strategy == "database" else "limit, jwt"
    return Subject(
        f"FastAPI-Users, {strategy}",
        service,
        "with_fastapi_users:app",
        limit,
        as_form=True,
        email_field="username",
    )


def bare(database_url: str) -> Subject:
    """Litestar and SQLAlchemy without accounts."""
    return Subject("bare Litestar", _app(database_url), "bare:app", "", login="")


def _app(database_url: str, python: str = sys.executable, **environment: str) -> Service:
    return Service(APPS, database_url, python, **environment, PYTHONPYCACHEPREFIX=str(REPOSITORY / ".cache/pycache"))
