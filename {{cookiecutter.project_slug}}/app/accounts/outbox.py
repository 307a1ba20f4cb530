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
from app.observability import dropped_mails
from app.observability.dropped_mails import Reason

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
    await tokens.store(session, user, PURPOSES[letter], recipient, row.id)


async def forget(session: AsyncSession, user: User) -> None:
    """Drop the mails about a user who leaves.

    One that is being sent right now is not waited for. If the server does not accept it, the next attempt finds no
    account and drops it.
    """
    theirs = or_(OutgoingMail.user_id == user.id, OutgoingMail.recipient == user.email)
    found = select(OutgoingMail.id).where(theirs).with_for_update(skip_locked=True)
    dropped = delete(OutgoingMail).where(OutgoingMail.id.in_(found))
    columns = OutgoingMail.id, OutgoingMail.letter, OutgoingMail.next_attempt_at
    for mail_id, letter, next_attempt_at in await session.execute(dropped.returning(*columns)):
        # The others were reported when they were given up.
        if next_attempt_at is not None:
            dropped_mails.report(mail_id, letter, Reason.NO_ACCOUNT)
