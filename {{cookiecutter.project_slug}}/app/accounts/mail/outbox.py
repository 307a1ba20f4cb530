"""Mails wait in a table until a server accepts them: written here with what they tell of, sent by delivery.py."""

from collections.abc import Iterable
from enum import StrEnum
from uuid import UUID
from uuid import uuid4

from sqlalchemy import ColumnElement
from sqlalchemy import delete
from sqlalchemy import literal
from sqlalchemy import or_
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import one_time_tokens
from app.accounts.mail import dropped_mails
from app.accounts.mail.dropped_mails import Reason
from app.accounts.mail.letters import Letter
from app.accounts.one_time_tokens import Purpose
from app.models import OutgoingMail
from app.models import User

# The token that a letter carries; the others carry none. Features add theirs.
PURPOSES: dict[str, Purpose] = {
    Letter.VERIFY: Purpose.VERIFY,
    Letter.ALREADY_REGISTERED: Purpose.RESET_PASSWORD,
    Letter.INVITATION: Purpose.ACCEPT_INVITATION,
    Letter.RESET_PASSWORD: Purpose.RESET_PASSWORD,
    Letter.CONFIRM_EMAIL: Purpose.CHANGE_EMAIL,
    Letter.EMAIL_CHANGING: Purpose.UNDO_EMAIL_CHANGE,
    Letter.EMAIL_RESTORED: Purpose.RESET_PASSWORD,
}

# As the column.
MOST_DETAILS = 255


def put(
    session: AsyncSession, letter: StrEnum, recipient: str, user_id: UUID | None = None, *, details: Iterable[str] = ()
) -> None:
    """Have a mail sent if this transaction is stored; its text lists the `details`.

    Without `user_id` it is for whoever has the address by the time it is sent, and for nobody if nobody has: so a
    request does the same work for known and unknown addresses (ASVS 6.3.8).
    """
    listed = ", ".join(details)[:MOST_DETAILS]
    session.add(OutgoingMail(letter=letter, recipient=recipient, user_id=user_id, details=listed))


async def put_link(session: AsyncSession, letter: Letter, recipient: str, user: User) -> None:
    """Likewise, with a link that works from now on, so that it can be revoked before the mail has left."""
    row = OutgoingMail(id=uuid4(), letter=letter, recipient=recipient, user_id=user.id, is_prepared=True)
    session.add(row)
    await one_time_tokens.store(session, user, PURPOSES[letter], recipient, row.id)


async def drop_links(session: AsyncSession, user: User, *purposes: Purpose, only_if: bool = True) -> None:
    """Drop the mails that would bring a link for one of these purposes, unless `only_if` is false.

    One that is being sent right now is not waited for: delivery.py judges it once the account is free.
    """
    letters = [letter for letter, purpose in PURPOSES.items() if purpose in purposes]
    is_theirs = (OutgoingMail.user_id == user.id) | (
        OutgoingMail.user_id.is_(None) & (OutgoingMail.recipient == user.email)
    )
    await _drop(session, is_theirs & OutgoingMail.letter.in_(letters) & literal(only_if), Reason.LINK_ENDED)


async def forget(session: AsyncSession, user: User) -> None:
    """Drop the mails about a user who leaves.

    One that is being sent right now is not waited for. If the server does not accept it, the next attempt finds no
    account and drops it.
    """
    is_theirs = or_(OutgoingMail.user_id == user.id, OutgoingMail.recipient == user.email)
    await _drop(session, is_theirs, Reason.NO_ACCOUNT)


async def _drop(session: AsyncSession, condition: ColumnElement[bool], reason: Reason) -> None:
    free = select(OutgoingMail.id).where(condition).with_for_update(skip_locked=True)
    dropped = delete(OutgoingMail).where(OutgoingMail.id.in_(free))
    columns = OutgoingMail.id, OutgoingMail.letter, OutgoingMail.next_attempt_at
    for mail_id, letter, next_attempt_at in await session.execute(dropped.returning(*columns)):
        # The others were reported when they were given up.
        if next_attempt_at is not None:
            dropped_mails.report(mail_id, letter, reason)
