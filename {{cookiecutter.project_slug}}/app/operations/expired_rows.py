"""Removes expired rows in the background, so that no table grows without a limit."""

import logging
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any
from typing import TypeAlias

from advanced_alchemy.base import orm_registry
from litestar import Litestar
from sqlalchemy import Column
from sqlalchemy import ColumnElement
from sqlalchemy import FromClause
from sqlalchemy import delete
from sqlalchemy import exists
from sqlalchemy import false
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.accounts import unproven_accounts
from app.database.transactions import new_transaction
from app.http.outages import reason_of_outage
from app.http.outages import without_values
from app.models import EXPIRES
from app.models import AuditEvent
from app.models import OneTimeToken
from app.models import OutgoingMail
from app.models import User
from app.settings import Settings

logger = logging.getLogger(__name__)

EVERY = timedelta(minutes=10)
ROWS_AT_ONCE = 1000

# Removes at most this many rows, and returns whether more may be left.
Removal: TypeAlias = Callable[[AsyncSession, int], Awaitable[bool]]


async def remove_expired_rows(app: Litestar) -> float:
    """Remove some rows of each table, in short transactions; returns the seconds until the next run."""
    is_more = [await _try(app, table, removal) for table, removal in _removals(app.state.settings)]
    return 0 if any(is_more) else EVERY.total_seconds()


def _removals(settings: Settings) -> Iterator[tuple[str, Removal]]:
    for table in orm_registry.metadata.sorted_tables:
        for column in table.columns:
            if column.info == EXPIRES:
                yield table.name, partial(_remove_rows, column, timedelta())
    trail = orm_registry.metadata.tables[AuditEvent.__tablename__]
    yield trail.name, partial(_remove_rows, trail.c.created_at, timedelta(days=settings.audit_retention_days))
    yield User.__tablename__, unproven_accounts.remove_accounts


async def _try(app: Litestar, table: str, removal: Removal) -> bool:
    try:
        async with new_transaction(app) as session:
            return await removal(session, ROWS_AT_ONCE)
    except DBAPIError as error:
        # An outage concerns every table; any other error must not keep the others from being cleaned.
        if reason_of_outage(error) is not None:
            raise
        without_values(error)
        logger.exception("Expired rows of the table %s cannot be removed", table)
        return False


async def _remove_rows(column: Column[Any], age: timedelta, session: AsyncSession, most: int) -> bool:
    table, is_over = column.table, (column <= clock.now() - age) & ~_is_awaited(column.table)
    # Rows that another transaction has locked are skipped.
    over = select(table.c.id).where(is_over).limit(most).with_for_update(skip_locked=True)
    # Named, since PostgreSQL may ask a nested SELECT several times, and get as many rows each time.
    named = over.cte("over")
    removed = await session.scalars(delete(table).where(table.c.id.in_(select(named.c.id))).returning(table.c.id))
    return len(removed.all()) == most


def _is_awaited(table: FromClause) -> ColumnElement[bool]:
    # A waiting mail still has to deliver the link.
    is_of_mail = OutgoingMail.next_attempt_at.is_not(None) & (OutgoingMail.id == table.c.id)
    return exists().where(is_of_mail) if table is OneTimeToken.__table__ else false()
