"""Exports what is stored about a user: the user's row, every row that is deleted with it, and what the user did.

Tables that you add are included if they have a foreign key to users with `ondelete="CASCADE"`.

The export is streamed in pages, so a large account or a slow reader holds neither much memory nor a connection. If the
database fails, or the sign-in or token ends on the way, the response breaks off before the JSON is complete.
"""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from litestar import Litestar
from litestar.exceptions import NotAuthorizedException
from litestar.serialization import default_serializer
from litestar.serialization import encode_json
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.row_locks import presented
from app.database.transactions import new_transaction
from app.http.current_request import current_request
from app.models import AuditEvent
from app.models import User

ROWS_OF_A_PAGE = 500
# SQLAlchemy's own column, which is always empty.
SENTINEL = "sa_orm_sentinel"


class Part(NamedTuple):
    """A table, the condition for its rows about the user, and the columns to show."""

    table: sa.FromClause
    condition: sa.ColumnElement[bool]
    columns: list[sa.ColumnElement[Any]]


async def export_of(app: Litestar, session: AsyncSession, user_id: UUID) -> AsyncIterator[bytes]:
    """JSON without secrets: the columns of the user, and a list of rows for each table of this user's rows.

    Raises:
        NotAuthorizedException: if the account was deleted after this request began.
    """
    whole = _part(User.__table__, User.id == user_id)
    own = (await session.execute(sa.select(*whole.columns).where(whole.condition))).one_or_none()
    if own is None:
        raise NotAuthorizedException
    return _written(app, b'{"user":' + _encoded(_named(whole, own)), _parts(user_id))


async def _written(app: Litestar, beginning: bytes, parts: dict[str, Part]) -> AsyncIterator[bytes]:
    yield beginning
    # A thief may read slowly, and must not get what is stored after the owner has reset the password.
    with suppress(NotAuthorizedException):
        for name, part in parts.items():
            yield b"," + _encoded(name) + b":["
            is_first = True
            async for rows in pages(app, part):
                # Without the brackets of this page: one pair surrounds all pages.
                yield (b"" if is_first else b",") + _encoded(rows)[1:-1]
                is_first = False
            yield b"]"
        yield b"}"


def _parts(user_id: UUID) -> dict[str, Part]:
    parts = {}
    for table in User.metadata.sorted_tables:
        # A row that is deleted with the account is the user's. Other rows only name the user, and may be about others.
        keys = [key for key in table.foreign_keys if key.column is User.__table__.c.id and key.ondelete == "CASCADE"]
        if keys and table is not User.__table__:
            parts[table.name] = _part(table, sa.or_(*(key.parent == user_id for key in keys)))
    # Only what this user did, and without the targets: the rest is data of other people.
    trail = _part(AuditEvent.__table__, AuditEvent.actor_id == user_id, {"created_at", "kind", "ip"})
    return parts | {AuditEvent.__tablename__: trail}


def _part(table: sa.FromClause, condition: sa.ColumnElement[bool], only: set[str] | None = None) -> Part:
    named = [column for column in table.columns if only is None or column.key in only]
    return Part(table, condition, [column for column in named if _is_shown(column)])


async def pages(app: Litestar, part: Part) -> AsyncIterator[list[dict[str, Any]]]:
    """The rows by primary key, in pages, each in its own transaction.

    Raises:
        NotAuthorizedException: if the sign-in or token of the caller has ended since the request began.
    """
    key = [*part.table.primary_key]
    # Without a primary key there is no order, so all rows are one page.
    page = sa.select(*part.columns, *key).where(part.condition).order_by(*key).limit(ROWS_OF_A_PAGE if key else None)
    later: sa.ColumnElement[bool] = sa.true()
    while True:
        async with new_transaction(app) as session:
            rows = (await session.execute(page.where(later))).all()
            if current_request().user_id is not None and await session.scalar(presented()) is None:
                raise NotAuthorizedException
        if rows:
            yield [_named(part, row) for row in rows]
        if not key or len(rows) < ROWS_OF_A_PAGE:
            return
        last = (sa.literal(value, column.type) for column, value in zip(key, rows[-1][-len(key) :], strict=True))
        later = sa.tuple_(*key) > sa.tuple_(*last)


def _named(part: Part, row: sa.Row[Any]) -> dict[str, Any]:
    return {column.name: value for column, value in zip(part.columns, row, strict=False)}


def _encoded(value: Any) -> bytes:
    return encode_json(value, default_serializer)


def _is_shown(column: sa.ColumnElement[Any]) -> bool:
    # Digests are bytes, and other secrets say so in the model.
    is_secret = isinstance(column.type, sa.LargeBinary) or "is_secret" in column.info
    return not is_secret and column.key != SENTINEL
