"""Rows that have expired are worth nothing; they go in the background, so no table grows for ever."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from advanced_alchemy.base import orm_registry
from litestar import Litestar
from sqlalchemy import Column
from sqlalchemy import ColumnElement
from sqlalchemy import FromClause
from sqlalchemy import delete
from sqlalchemy import exists
from sqlalchemy import false
from sqlalchemy import func
from sqlalchemy import select

from app import clock
from app.database import own_transaction
from app.models import EXPIRES
from app.models import AuditEvent
from app.models import OneTimeToken
from app.models import OutgoingMail
from app.models import User
from app.settings import Settings

EVERY = timedelta(minutes=10)
ROWS_AT_ONCE = 1000


async def remove_expired_rows(app: Litestar) -> float:
    """Remove some of each table, in short transactions; returns the seconds until the next time."""
    removed = [await _remove_some(app, column, age) for column, age in _expiring(app.state.settings)]
    return 0 if ROWS_AT_ONCE in removed else EVERY.total_seconds()


def _expiring(settings: Settings) -> Iterator[tuple[Column[Any], timedelta]]:
    for table in orm_registry.metadata.sorted_tables:
        for column in table.columns:
            if column.info == EXPIRES:
                yield column, timedelta()
    trail = orm_registry.metadata.tables[AuditEvent.__tablename__]
    yield trail.c.created_at, timedelta(days=settings.audit_retention_days)


async def _remove_some(app: Litestar, column: Column[Any], age: timedelta) -> int:
    table, is_over = column.table, (column <= clock.now() - age) & ~_is_awaited(column.table)
    async with own_transaction(app) as session:
        # What somebody else works on is left to them.
        over = select(table.c.id).where(is_over).limit(ROWS_AT_ONCE).with_for_update(skip_locked=True)
        # Named, since PostgreSQL may ask a nested SELECT several times, and get as many rows each time.
        named = over.cte("over")
        removed = await session.scalars(delete(table).where(table.c.id.in_(select(named.c.id))).returning(table.c.id))
        return len(removed.all())


def _is_awaited(table: FromClause) -> ColumnElement[bool]:
    # A mail that waits is still to bring the link, and to prove the account.
    waits = OutgoingMail.next_attempt_at.is_not(None)
    if table is OneTimeToken.__table__:
        return exists().where(waits, OutgoingMail.id == table.c.id)
    if table is User.__table__:
        return exists().where(waits, OutgoingMail.recipient == func.lower(table.c.email))
    return false()
