"""Sends the mails in the outbox, from any process.

A mail may be sent twice: if the process crashes after the server has accepted it and before the commit, it is sent
again with the same Message-ID.
"""

import asyncio
import logging
import re
from datetime import timedelta
from uuid import UUID

from litestar import Litestar
from sqlalchemy import delete
from sqlalchemy import exists
from sqlalchemy import func
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app import clock
from app.accounts import one_time_tokens
from app.accounts.mail import dropped_mails
from app.accounts.mail import refusals
from app.accounts.mail.dropped_mails import Reason
from app.accounts.mail.letters import Letter
from app.accounts.mail.letters import Mail
from app.accounts.mail.letters import compose
from app.accounts.mail.outbox import PURPOSES
from app.accounts.one_time_tokens import MAX_WAIT
from app.accounts.passwords.hashes import is_hash
from app.database.transactions import new_transaction
from app.models import OutgoingMail
from app.models import User
from app.settings import Settings

logger = logging.getLogger(__name__)

FOR_UNVERIFIED = {Letter.VERIFY, Letter.INVITATION}

POLL_SECONDS = 1
SEND_TIMEOUT_SECONDS = 60
MAX_PAUSE = timedelta(hours=1)
MAX_ERROR_LENGTH = 500
KEEP_GIVEN_UP = timedelta(days=30)


async def deliver(app: Litestar) -> float:
    """Send one mail that is due; returns the seconds until the next call."""
    return 0 if await deliver_next(app) else POLL_SECONDS


async def deliver_next(app: Litestar) -> bool:
    """Send the mail that has been due longest and that no other worker is sending; False if there is none."""
    settings: Settings = app.state.settings
    # The link must work before the mail arrives, so its token is stored in an earlier transaction than the delivery.
    async with new_transaction(app) as session:
        row = await _next_due(session)
        if row is None:
            return False
        try:
            async with session.begin_nested():
                mail = await _prepare(session, settings, row)
        except Exception as error:  # noqa: BLE001  # a mail that cannot be composed must not stop the next ones
            # The rollback of the savepoint has expired the row.
            await session.refresh(row)
            await _postpone(session, row, error)
            return True
        if isinstance(mail, Reason):
            dropped_mails.report(row.id, row.letter, mail)
            await session.delete(row)
            return True
    async with new_transaction(app) as session:
        row = await _next_due(session, mail.id)
        if row is not None:
            await _send(app, session, row, mail)
    return True


async def _send(app: Litestar, session: AsyncSession, row: OutgoingMail, mail: Mail) -> None:
    try:
        async with asyncio.timeout(SEND_TIMEOUT_SECONDS):
            await app.state.mailer.send(compose(mail, app.state.settings))
    except Exception as error:  # noqa: BLE001  # the mail is kept after every error of a server
        await _postpone(session, row, error)
        return
    if purpose := PURPOSES.get(row.letter):
        await one_time_tokens.begin_lifetime(session, purpose, row.id)
    await session.delete(row)


async def _next_due(session: AsyncSession, mail_id: UUID | None = None) -> OutgoingMail | None:
    due = select(OutgoingMail).where(OutgoingMail.next_attempt_at <= clock.now())
    if mail_id is not None:
        due = due.where(OutgoingMail.id == mail_id)
    # Links of one recipient are created in the order of the requests, since a later link ends an earlier one.
    earlier = aliased(OutgoingMail)
    is_earlier = (earlier.recipient == OutgoingMail.recipient) & (earlier.created_at < OutgoingMail.created_at)
    waits = exists().where(is_earlier, ~earlier.is_prepared, earlier.attempts == 0)
    due = due.where(OutgoingMail.is_prepared | ~waits)
    longest = due.order_by(OutgoingMail.next_attempt_at).limit(1).with_for_update(skip_locked=True, of=OutgoingMail)
    return (await session.scalars(longest)).one_or_none()


async def _prepare(session: AsyncSession, settings: Settings, row: OutgoingMail) -> Mail | Reason:
    was_prepared, row.is_prepared = row.is_prepared, True
    if row.letter not in PURPOSES and row.user_id is None:
        return Mail(row.id, row.letter, row.recipient, row.created_at)
    user = await _addressee(session, row)
    if user is None or not user.is_active:
        return Reason.DEACTIVATED if user else Reason.NO_ACCOUNT
    if row.letter in FOR_UNVERIFIED and user.is_verified:
        return Reason.ALREADY_VERIFIED
    if row.letter == Letter.VERIFY and not is_hash(user.password_hash):
        # A confirmed address is not enough to sign in: the account has no password.
        row.letter = Letter.RESET_PASSWORD
    letter, purpose = row.letter, PURPOSES.get(row.letter)
    # The name of an unverified account may be spam: anyone can sign up with any name and the address of another person.
    name = user.display_name if user.is_verified and row.recipient == user.email else ""
    if purpose is None:
        return Mail(row.id, letter, row.recipient, row.created_at, name, details=row.details)
    if not was_prepared:
        await one_time_tokens.store(session, user, purpose, row.recipient, row.id)
    token = await one_time_tokens.keep_waiting(session, purpose, row.id)
    if token is None:
        return Reason.LINK_ENDED
    lifetime = one_time_tokens.lifetime(settings, purpose)
    return Mail(row.id, letter, row.recipient, row.created_at, name, token, lifetime, row.details)


async def _addressee(session: AsyncSession, row: OutgoingMail) -> User | None:
    is_meant = User.id == row.user_id if row.user_id else func.lower(User.email) == row.recipient
    # Locked before the token, as in every transaction that locks both.
    return (await session.scalars(select(User).where(is_meant).with_for_update(key_share=True, of=User))).one_or_none()


async def _postpone(session: AsyncSession, row: OutgoingMail, error: Exception) -> None:
    now = clock.now()
    about = dropped_mails.ABOUT_RECIPIENT if refusals.is_about_recipient(error) else ""
    row.attempts += 1
    row.last_error = about + _without_address(f"{type(error).__name__}: {error}", row.recipient)
    row.last_error = row.last_error[:MAX_ERROR_LENGTH]
    if refusals.is_final(error) or now - row.created_at > MAX_WAIT:
        _give_up(row, Reason.REFUSED if about else Reason.GIVEN_UP)
    else:
        pause = min(timedelta(seconds=2 ** min(row.attempts, 12)), MAX_PAUSE)
        row.next_attempt_at = now + pause
        tried_again = f"is tried again in {pause.total_seconds():.0f} s"
        # The log must not show the address.
        logger.warning("Mail %s (%s) %s: %s", row.id, row.letter, tried_again, type(error).__name__)
    # Undelivered mails are kept for operators to look at, but not for ever.
    old = OutgoingMail.next_attempt_at.is_(None) & (OutgoingMail.created_at < now - KEEP_GIVEN_UP)
    await session.execute(delete(OutgoingMail).where(old))


def _give_up(row: OutgoingMail, reason: Reason) -> None:
    # The row stays for a month. The recipient may delete the account in that time, so the address goes now.
    row.recipient, row.next_attempt_at = "", None
    dropped_mails.report(row.id, row.letter, reason)


def _without_address(error: str, recipient: str) -> str:
    # Error messages of servers quote the address, or a part of it.
    for part in (recipient, *recipient.split("@")):
        error = re.sub(rf"(?<!\w){re.escape(part)}(?!\w)", "...", error, flags=re.IGNORECASE)
    return re.sub(r"\S*@\S*", "...", error)
