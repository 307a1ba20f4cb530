"""Mails wait in a table until a server accepts them: written here with what they tell of, sent by delivery.py."""

from enum import StrEnum
from uuid import UUID
from uuid import uuid4

from sqlalchemy import delete
from sqlalchemy import or_
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import tokens
from app.accounts.mail import Letter
from app.accounts.tokens import Purpose
from app.models import OutgoingMail
from app.models import User

# The token that a letter carries; the others carry none.
PURPOSES: dict[str, Purpose] = {
    Letter.VERIFY: Purpose.VERIFY,
    Letter.ALREADY_REGISTERED: Purpose.RESET_PASSWORD,
    Letter.INVITATION: Purpose.ACCEPT_INVITATION,
    Letter.RESET_PASSWORD: Purpose.RESET_PASSWORD,
    Letter.CONFIRM_EMAIL: Purpose.CHANGE_EMAIL,
    Letter.EMAIL_CHANGING: Purpose.UNDO_EMAIL_CHANGE,
    Letter.EMAIL_RESTORED: Purpose.RESET_PASSWORD,
}


def put(session: AsyncSession, letter: StrEnum, recipient: str, user_id: UUID | None = None) -> None:
    """Have a mail sent if this transaction is stored.

    Without `user_id` it is for whoever has the address by the time it is sent, and for nobody if nobody has: so a
    request does the same work for known and unknown addresses (ASVS 6.3.8).
    """
    session.add(OutgoingMail(letter=letter, recipient=recipient, user_id=user_id))


async def put_link(session: AsyncSession, letter: Letter, recipient: str, user: User) -> None:
    """Likewise, with a link that works from now on, so that it can be revoked before the mail has left."""
    row = OutgoingMail(id=uuid4(), letter=letter, recipient=recipient, user_id=user.id, is_prepared=True)
    session.add(row)
    token = tokens.derive(session.info["settings"], row.id)
    await tokens.store(session, user, PURPOSES[letter], recipient, token)


async def forget(session: AsyncSession, user: User) -> None:
    """Drop the mails about a user who leaves; one that is being sent right now is not waited for."""
    theirs = or_(OutgoingMail.user_id == user.id, OutgoingMail.recipient == user.email)
    found = select(OutgoingMail.id).where(theirs).with_for_update(skip_locked=True)
    await session.execute(delete(OutgoingMail).where(OutgoingMail.id.in_(found)))
