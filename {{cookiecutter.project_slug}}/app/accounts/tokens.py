"""Tokens that travel in mails: each works once, for one purpose and one address, and only its digest is stored."""

import hmac
from base64 import urlsafe_b64encode
from datetime import timedelta
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlalchemy import delete
from sqlalchemy import or_
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.errors import InvalidToken
from app.models import OneTimeToken
from app.models import User
from app.settings import Settings


class Purpose(StrEnum):
    """What a token is good for."""

    VERIFY = "verify"
    RESET_PASSWORD = "reset-password"  # noqa: S105  # the name of a purpose
    ACCEPT_INVITATION = "accept-invitation"
    CHANGE_EMAIL = "change-email"
    UNDO_EMAIL_CHANGE = "undo-email-change"


KEY = "one-time-token"
# These lead to an address that the user does not have: not yet, or no longer.
OF_ANOTHER_ADDRESS = {Purpose.CHANGE_EMAIL, Purpose.UNDO_EMAIL_CHANGE}


class Proof(NamedTuple):
    """What a token proves: that somebody reads the mails to this address, which the user has, had or wants."""

    user: User
    email: str


def lifetime(settings: Settings, purpose: Purpose) -> timedelta:
    """How long such a token works."""
    return {
        Purpose.VERIFY: timedelta(hours=settings.verification_link_hours),
        Purpose.RESET_PASSWORD: timedelta(minutes=settings.reset_link_minutes),
        Purpose.ACCEPT_INVITATION: timedelta(days=settings.invitation_link_days),
        Purpose.CHANGE_EMAIL: timedelta(hours=settings.email_change_link_hours),
        Purpose.UNDO_EMAIL_CHANGE: timedelta(days=settings.undo_link_days),
    }[purpose]


def derive(settings: Settings, mail_id: UUID) -> str:
    """The token of a mail: the same at each attempt to send it, and known to nobody who lacks the key."""
    return _derive(settings.key_for(KEY), mail_id)


def _derive(key: bytes, mail_id: UUID) -> str:
    return urlsafe_b64encode(hmac.digest(key, mail_id.bytes, "sha256")).rstrip(b"=").decode()


async def store(session: AsyncSession, user: User, purpose: Purpose, email: str, token: str) -> None:
    """Let a token work from now on; an older one for the same purpose dies (ASVS 6.5.5)."""
    older = (OneTimeToken.user_id == user.id) & (OneTimeToken.purpose == purpose)
    if purpose is Purpose.UNDO_EMAIL_CHANGE:
        # Whoever took the account over and changes the address twice must not disarm the first owner's link.
        older &= OneTimeToken.email == email
    # Two mails at once: the second waits here, and finds the token of the first.
    await session.execute(select(User.id).where(User.id == user.id).with_for_update())
    await session.execute(delete(OneTimeToken).where(older))
    expires_at = clock.now() + lifetime(session.info["settings"], purpose)
    session.add(
        OneTimeToken(user_id=user.id, purpose=purpose, digest=_digest(token), email=email, expires_at=expires_at)
    )
    await session.flush()


async def find(session: AsyncSession, token: str, *purposes: Purpose, locked: bool = False) -> User:
    """The user to whom the token was sent; nobody else changes that row meanwhile if it is `locked`.

    Raises:
        InvalidToken: if it is used, expired or unknown, or the user has another address by now or is not active.
    """
    found = select(User).where(_works(token, *purposes))
    if locked:
        found = found.with_for_update(of=User).execution_options(populate_existing=True)
    user = (await session.scalars(found)).one_or_none()
    if user is None:
        raise InvalidToken
    return user


async def consume(session: AsyncSession, token: str, *purposes: Purpose) -> Proof:
    """What the token proves; it is worth nothing afterwards, also to a request at the same moment.

    Raises:
        InvalidToken: as `find` does.
    """
    # The user is locked first, so that two tokens of one user are consumed one after the other, each knowing the other.
    user = await find(session, token, *purposes, locked=True)
    used = delete(OneTimeToken).where(_works(token, *purposes)).returning(OneTimeToken.email)
    email = await session.scalar(used)
    if email is None:
        raise InvalidToken
    return Proof(user, email)


async def find_waiting(session: AsyncSession, mail_id: UUID) -> str | None:
    """The token of a mail, if it is stored and nobody has used it."""
    for key in session.info["settings"].keys_for(KEY):
        token = _derive(key, mail_id)
        if await session.scalar(select(OneTimeToken.id).where(OneTimeToken.digest == _digest(token))) is not None:
            return token
    return None


async def revoke(session: AsyncSession, user: User, *purposes: Purpose) -> None:
    """Let the tokens of this user for these purposes die unused."""
    await session.execute(
        delete(OneTimeToken).where(OneTimeToken.user_id == user.id, OneTimeToken.purpose.in_(purposes))
    )


def _works(token: str, *purposes: Purpose) -> ColumnElement[bool]:
    return (
        (OneTimeToken.digest == _digest(token))
        & OneTimeToken.purpose.in_(purposes)
        & (OneTimeToken.expires_at > clock.now())
        & (OneTimeToken.user_id == User.id)
        & User.is_active
        & or_(OneTimeToken.email == User.email, OneTimeToken.purpose.in_(OF_ANOTHER_ADDRESS))
    )


def _digest(token: str) -> bytes:
    # Fast on purpose: 256 bits that nobody knows cannot be guessed, so a slow hash would protect nothing.
    return sha256(token.encode()).digest()
