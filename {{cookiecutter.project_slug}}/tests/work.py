"""What the service does for a request, counted."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # It carries no types.
import pytest
from litestar import Litestar
from sqlalchemy import Connection
from sqlalchemy import event

from app.accounts.passwords.hasher import Hasher
from app.accounts.passwords.hasher import Verdict
from app.database.sessions import engine_of


@dataclass
class Work:
    """The work done since the last call."""

    statements: list[str] = field(default_factory=list)
    hashes: int = 0
    # Each costs two round trips beside its statements.
    transactions: int = 0

    def take(self) -> tuple[list[str], int]:
        """Look, and begin again."""
        done = self.statements, self.hashes
        self.statements, self.hashes, self.transactions = [], 0, 0
        return done


def connections_in_use(app: Litestar) -> int:
    """How many connections are checked out."""
    pool = engine_of(app).pool
    return int(pool.checkedout())  # type: ignore[attr-defined]  # the pool that the service has counts


@contextmanager
def counting(app: Litestar, monkeypatch: pytest.MonkeyPatch) -> Iterator[Work]:
    """Counts statements and hashes while the block runs."""
    work = Work()
    engine = engine_of(app).sync_engine
    fetch, verify = asyncpg.Connection.fetch, Hasher._verify  # noqa: SLF001  # what runs in the pool

    def count(*arguments: Any) -> None:
        # Savepoints are named by number, and what is stored where is what matters.
        work.statements.append(arguments[2].split("sa_savepoint")[0])

    async def fetch_and_count(connection: Any, statement: str, *values: Any) -> Any:
        # What goes to the driver, past SQLAlchemy.
        work.statements.append(statement)
        return await fetch(connection, statement, *values)

    def verify_and_count(hasher: Hasher, password: str, stored: str | None) -> Verdict:
        work.hashes += 1
        return verify(hasher, password, stored)

    def count_transaction(_connection: Connection) -> None:
        work.transactions += 1

    event.listen(engine, "before_cursor_execute", count)
    event.listen(engine, "begin", count_transaction)
    monkeypatch.setattr(asyncpg.Connection, "fetch", fetch_and_count)
    monkeypatch.setattr(Hasher, "_verify", verify_and_count)
    yield work
    event.remove(engine, "before_cursor_execute", count)
    event.remove(engine, "begin", count_transaction)
