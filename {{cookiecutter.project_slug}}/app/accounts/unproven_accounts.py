"""Removes accounts whose address was not verified in time; app/operations/expired_rows.py calls it."""

import logging
from datetime import timedelta

from sqlalchemy import ColumnElement
from sqlalchemy import exists
from sqlalchemy import false
from sqlalchemy import func
from sqlalchemy import inspect
from sqlalchemy import or_
from sqlalchemy import select
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.accounts import ownership
from app.accounts.ownership import ALONE
from app.models import OutgoingMail
from app.models import User

logger = logging.getLogger(__name__)

# Each removal takes several statements.
MAX_AT_ONCE = 100
TRIED_AGAIN_AFTER = timedelta(days=1)


async def remove_accounts(session: AsyncSession, most: int) -> bool:
    """Remove at most `most` accounts that were not verified in time; returns whether there may be more."""
    most = min(most, MAX_AT_ONCE)
    found = select(User).where(_is_over()).options(ALONE).limit(most)
    # Skips accounts that another request has locked.
    users = (await session.scalars(found.with_for_update(skip_locked=True, of=User))).all()
    for user in users:
        try:
            async with session.begin_nested():
                await ownership.remove(session, user, _is_over())
        except IntegrityError as error:
            await _keep_for_now(session, user, error)
    return len(users) == most


def _is_over() -> ColumnElement[bool]:
    is_unproven = (User.unproven_until <= clock.now()) & ~User.is_verified
    # A waiting mail may still bring the verification link.
    waits = exists().where(OutgoingMail.next_attempt_at.is_not(None), OutgoingMail.recipient == func.lower(User.email))
    # An account with rows in an association table was given something, so it is kept.
    given = [
        relation.class_attribute.any() for relation in inspect(User).relationships if relation.secondary is not None
    ]
    return is_unproven & ~waits & ~or_(false(), *given)


async def _keep_for_now(session: AsyncSession, user: User, error: IntegrityError) -> None:
    # Tried again later, so that accounts that cannot be removed do not block the others.
    until = clock.now() + TRIED_AGAIN_AFTER
    await session.execute(update(User).where(User.id == user.id).values(unproven_until=until))
    reason = getattr(error.orig, "__cause__", None)
    logger.error(
        'The unproven account %s cannot be removed because of %s: give that foreign key ondelete="CASCADE"',
        user.id,
        getattr(reason, "constraint_name", "a constraint"),
    )
