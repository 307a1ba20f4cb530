"""Tokens that travel in mails: each works once, for one purpose and one address, and only its digest is stored."""

import hmac
from base64 import urlsafe_b64encode
from datetime import datetime
from datetime import timedelta
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlalchemy import delete
from sqlalchemy import func
from sqlalchemy import literal
from sqlalchemy import or_
from sqlalchemy import select
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.http.errors import InvalidToken
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
# How long a mail may wait for a server to accept it. Until then its token works as well: the reader may have the mail
# before our commit.
WAITS_AT_MOST = timedelta(days=3)
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


async def store(session: AsyncSession, user: User, purpose: Purpose, email: str, mail_id: UUID) -> None:
    """Let the token of a mail that waits work from now on; an older one for the same purpose dies (ASVS 6.5.5)."""
    older = (OneTimeToken.user_id == user.id) & (OneTimeToken.purpose == purpose)
    if purpose is Purpose.UNDO_EMAIL_CHANGE:
        # Whoever took the account over and changes the address twice must not disarm the first owner's link.
        older &= OneTimeToken.email == email
    # Two mails at once: the second waits here, and finds the token of the first.
    await session.execute(select(User.id).where(User.id == user.id).with_for_update(key_share=True))
    await session.execute(delete(OneTimeToken).where(older))
    settings: Settings = session.info["settings"]
    session.add(
        OneTimeToken(
            # By its id, expiry.py knows that the mail of a token waits.
            id=mail_id,
            user_id=user.id,
            purpose=purpose,
            digest=_digest(_derive(settings.key_for(KEY), mail_id)),
            email=email,
            expires_at=_expiry_while_waiting(settings, purpose),
        )
    )
    await session.flush()


async def keep_waiting(session: AsyncSession, purpose: Purpose, mail_id: UUID) -> str | None:
    """The token of a mail that is about to be sent, or None if it was used or revoked.

    The token is the same at each attempt, and only the keys tell what it is.
    """
    tokens = _tokens_of(session, mail_id)
    expires_at = _expiry_while_waiting(session.info["settings"], purpose)
    kept = update(OneTimeToken).where(OneTimeToken.digest.in_(tokens)).values(expires_at=expires_at)
    digest = await session.scalar(kept.returning(OneTimeToken.digest))
    return None if digest is None else tokens[digest]


async def begin_lifetime(session: AsyncSession, purpose: Purpose, mail_id: UUID) -> None:
    """Count the lifetime of a token from now on, when a server has accepted its mail; one that has died stays dead."""
    expires_at = clock.now() + lifetime(session.info["settings"], purpose)
    is_it = OneTimeToken.digest.in_(_tokens_of(session, mail_id))
    # The user first, as `consume` does: of two transactions that lock in different order one fails. An account that was
    # never proven stays as long as the link that can prove it.
    owner = select(OneTimeToken.user_id).where(is_it).scalar_subquery()
    goes_before = (User.id == owner) & (User.unproven_until < expires_at)
    await session.execute(update(User).where(goes_before).values(unproven_until=expires_at))
    await session.execute(update(OneTimeToken).where(is_it).values(expires_at=expires_at))


def _expiry_while_waiting(settings: Settings, purpose: Purpose) -> datetime:
    return clock.now() + WAITS_AT_MOST + lifetime(settings, purpose)


def _tokens_of(session: AsyncSession, mail_id: UUID) -> dict[bytes, str]:
    # By digest: the key may have been replaced since the token was stored.
    tokens = [_derive(key, mail_id) for key in session.info["settings"].keys_for(KEY)]
    return {_digest(token): token for token in tokens}


def _derive(key: bytes, mail_id: UUID) -> str:
    return urlsafe_b64encode(hmac.digest(key, mail_id.bytes, "sha256")).rstrip(b"=").decode()


async def find(session: AsyncSession, token: str, *purposes: Purpose, locked: bool = False) -> Proof:
    """What the token would prove; no other transaction changes the user before this one ends if it is `locked`.

    Raises:
        InvalidToken: if it is used, expired or unknown, or the user has another address by now or is not active.
    """
    found = select(User, OneTimeToken.email).where(_works(token, *purposes))
    if locked:
        found = found.with_for_update(of=User, key_share=True).execution_options(populate_existing=True)
    proof = (await session.execute(found)).one_or_none()
    if proof is None:
        raise InvalidToken
    return Proof(*proof)


async def consume(session: AsyncSession, token: str, *purposes: Purpose) -> Proof:
    """What the token proves; it is worth nothing afterwards, also to a request at the same moment.

    Raises:
        InvalidToken: as `find` does.
    """
    # The user is locked first, so that two tokens of one user are consumed one after the other, each knowing the other.
    proof = await find(session, token, *purposes, locked=True)
    used = delete(OneTimeToken).where(_works(token, *purposes)).returning(OneTimeToken.email)
    if await session.scalar(used) is None:
        raise InvalidToken
    return proof


async def revoke(session: AsyncSession, user: User, *purposes: Purpose, only_if: bool = True) -> None:
    """Let the tokens of this user for these purposes die unused, unless `only_if` is false."""
    theirs = (OneTimeToken.user_id == user.id) & OneTimeToken.purpose.in_(purposes)
    await session.execute(delete(OneTimeToken).where(theirs, literal(only_if)))


async def revoke_undo_since(session: AsyncSession, user: User, email: str) -> None:
    """Let the links die that would undo what the user changed after having had this address."""
    undo = (OneTimeToken.user_id == user.id) & (OneTimeToken.purpose == Purpose.UNDO_EMAIL_CHANGE)
    left_at = select(func.min(OneTimeToken.created_at)).where(undo, OneTimeToken.email == email).scalar_subquery()
    await session.execute(delete(OneTimeToken).where(undo, OneTimeToken.created_at >= left_at))


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
