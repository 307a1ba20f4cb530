"""Refuses values of a sign-up alike for known and unknown addresses.

You may add columns to users that must be unique or refer to other rows, and let a sign-up set them. A known address is
not inserted, so without a trial only an unknown one would be refused, and that would tell who has an account.
"""

from typing import Any
from uuid import uuid4

from sqlalchemy import CheckConstraint
from sqlalchemy import FromClause
from sqlalchemy import PrimaryKeyConstraint
from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import User


async def require_storable(session: AsyncSession, values: dict[str, Any]) -> None:
    """Insert a user with these values and an address that no account has, and take that back.

    Raises:
        IntegrityError: if another row has a value that must be unique, or there is no row that a value refers to.
    """
    trial = await session.begin_nested()
    try:
        await session.execute(insert(User).values({**values, "id": uuid4(), "email": f"{uuid4()}@invalid"}))
    finally:
        await trial.rollback()


def is_compared(table: FromClause) -> bool:
    """Whether the database compares more of a new row with other rows than its id and its address."""
    assert isinstance(table, Table)
    judged_alone = (PrimaryKeyConstraint, CheckConstraint)
    unique = [index for index in table.indexes if index.unique and index.name != "uq_user_email_lower"]
    return bool(unique) or any(not isinstance(each, judged_alone) for each in table.constraints)


# The model as shipped needs no trial.
IS_COMPARED = is_compared(User.__table__)
