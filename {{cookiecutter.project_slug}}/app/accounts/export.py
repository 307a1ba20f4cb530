"""What is stored about somebody: the row of the user, and every row that points to it, of tables yet to come too."""

from typing import Any

import sqlalchemy as sa
from litestar.exceptions import NotAuthorizedException
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import AuditEvent
from app.models import User


async def export_of(session: AsyncSession, user: User) -> dict[str, Any]:
    """The columns of the user, and a list of rows for each table with a foreign key to users; no secret is in it."""
    found = await _rows(session, User.__table__, User.id == user.id)
    if not found:
        # The account was deleted after this request began.
        raise NotAuthorizedException
    export: dict[str, Any] = {"user": found[0]}
    for table in User.metadata.sorted_tables:
        for key in table.foreign_keys:
            if key.column is User.__table__.c.id:
                export[table.name] = await _rows(session, table, key.parent == user.id)
    # What others did to this user names them, and what this user did to others is about those.
    theirs, shown = AuditEvent.actor_id == user.id, {"created_at", "kind", "ip"}
    export[AuditEvent.__tablename__] = await _rows(session, AuditEvent.__table__, theirs, shown)
    return export


async def _rows(
    session: AsyncSession, table: sa.FromClause, condition: sa.ColumnElement[bool], only: set[str] | None = None
) -> list[dict[str, Any]]:
    named = [column for column in table.columns if only is None or column.key in only]
    shown = [column for column in named if not _is_secret(column)]
    return [dict(row) for row in (await session.execute(sa.select(*shown).where(condition))).mappings()]


def _is_secret(column: sa.ColumnElement[Any]) -> bool:
    # Digests are bytes; other secrets say so in the model.
    return isinstance(column.type, sa.LargeBinary) or column.info.get("is_secret", column.key == "sa_orm_sentinel")
