"""The outbox: a table in which mails wait. A mail is stored in one transaction with the change that it reports.

delivery.py sends the mails.
"""

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

# The purpose of the token in a letter. Letters without a token are not listed; features add their own.
PURPOSES: dict[str, Purpose] = {
    Letter.VERIFY: Purpose.VERIFY,
    Letter.ALREADY_REGISTERED: Purpose.RESET_PASSWORD,
    Letter.INVITATION: Purpose.ACCEPT_INVITATION,
    Letter.RESET_PASSWORD: Purpose.RESET_PASSWORD,
    Letter.CONFIRM_EMAIL: Purpose.CHANGE_EMAIL,
    Letter.EMAIL_CHANGING: Purpose.UNDO_EMAIL_CHANGE,
    Letter.EMAIL_RESTORED: Purpose.RESET_PASSWORD,
}

# The length of the column.
MAX_DETAILS = 255


def put(
    session: AsyncSession, letter: StrEnum, recipient: str, user_id: UUID | None = None, *, details: Iterable[str] = ()
) -> None:
    """Send a mail when this transaction is stored; its text lists the `details`.

    With `user_id`, the mail is for that user: it greets them, and is dropped if the account is deleted or deactivated.
    Without it, a letter with a token is for the account that has the address when the mail is sent, so a request does
    the same work for known and unknown addresses (ASVS 6.3.8). Any other letter goes to the address as it is, without a
    greeting and details: use that only for an address without an account.
    """
    listed = ", ".join(details)[:MAX_DETAILS]
    session.add(OutgoingMail(letter=letter, recipient=recipient, user_id=user_id, details=listed))


async def put_link(session: AsyncSession, letter: Letter, recipient: str, user: User) -> None:
    """Send a mail with a link that works from now on, so that it can be revoked before the mail is sent."""
    row = OutgoingMail(id=uuid4(), letter=letter, recipient=recipient, user_id=user.id, is_prepared=True)
    session.add(row)
    await one_time_tokens.store(session, user, PURPOSES[letter], recipient, row.id)


async def drop_links(session: AsyncSession, user: User, *purposes: Purpose, only_if: bool = True) -> None:
    """Drop the waiting mails whose links have one of these purposes, if `only_if` is true.

    Revoke their tokens too. This does not wait for a mail that is being delivered right now. If its link is not stored
    yet, delivery.py reads the account again after this transaction; otherwise the link does not work any more.
    """
    letters = [letter for letter, purpose in PURPOSES.items() if purpose in purposes]
    is_theirs = (OutgoingMail.user_id == user.id) | (
        OutgoingMail.user_id.is_(None) & (OutgoingMail.recipient == user.email)
    )
    await _drop(session, is_theirs & OutgoingMail.letter.in_(letters) & literal(only_if), Reason.LINK_ENDED)


async def forget(session: AsyncSession, user: User) -> None:
    """Drop the waiting mails about a user who is being deleted.

    This does not wait for a mail that is being delivered right now. If the server does not accept it, the next attempt
    finds no account and drops it.
    """
    is_theirs = or_(OutgoingMail.user_id == user.id, OutgoingMail.recipient == user.email)
    await _drop(session, is_theirs, Reason.NO_ACCOUNT)


async def _drop(session: AsyncSession, condition: ColumnElement[bool], reason: Reason) -> None:
    free = select(OutgoingMail.id).where(condition).with_for_update(skip_locked=True)
    dropped = delete(OutgoingMail).where(OutgoingMail.id.in_(free))
    columns = OutgoingMail.id, OutgoingMail.letter, OutgoingMail.next_attempt_at
    for mail_id, letter, next_attempt_at in await session.execute(dropped.returning(*columns)):
        # Mails without a next attempt were reported when they were given up.
        if next_attempt_at is not None:
            dropped_mails.report(mail_id, letter, reason)
