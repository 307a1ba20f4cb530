"""Tokens in mails: each works once, for one purpose and one e-mail address. Only its digest is stored."""

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
    """What a token allows."""

    VERIFY = "verify"
    RESET_PASSWORD = "reset-password"  # noqa: S105  # the name of a purpose
    ACCEPT_INVITATION = "accept-invitation"
    CHANGE_EMAIL = "change-email"
    UNDO_EMAIL_CHANGE = "undo-email-change"


KEY = "one-time-token"
# How long a mail may wait for a server to accept it. Its token works during that time too, because the mail may arrive
# before the delivery is committed.
MAX_WAIT = timedelta(days=3)
# These are sent to an address that the user does not have yet, or no longer has.
OF_ANOTHER_ADDRESS = {Purpose.CHANGE_EMAIL, Purpose.UNDO_EMAIL_CHANGE}


class Proof(NamedTuple):
    """What a token proves: the caller reads the mails to an address that the user has, had or wants."""

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
    """Activate the token of a waiting mail; an older one for the same purpose stops working (ASVS 6.5.5)."""
    older = (OneTimeToken.user_id == user.id) & (OneTimeToken.purpose == purpose)
    if purpose is Purpose.UNDO_EMAIL_CHANGE:
        # A thief who changes the address twice must not disable the link that was sent to the owner.
        older &= OneTimeToken.email == email
    # Of two mails at the same moment, the second waits here and then finds the token of the first.
    await session.execute(select(User.id).where(User.id == user.id).with_for_update(key_share=True))
    await session.execute(delete(OneTimeToken).where(older))
    settings: Settings = session.info["settings"]
    session.add(
        OneTimeToken(
            # The id of the mail: expired_rows.py keeps the token while its mail waits.
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

    The token is the same at each attempt. It is derived from the id of the mail with SECRET_KEY.
    """
    tokens = _tokens_of(session, mail_id)
    expires_at = _expiry_while_waiting(session.info["settings"], purpose)
    kept = update(OneTimeToken).where(OneTimeToken.digest.in_(tokens)).values(expires_at=expires_at)
    digest = await session.scalar(kept.returning(OneTimeToken.digest))
    return None if digest is None else tokens[digest]


async def begin_lifetime(session: AsyncSession, purpose: Purpose, mail_id: UUID) -> None:
    """Start the lifetime of a token once a server has accepted its mail; a revoked token stays revoked."""
    expires_at = clock.now() + lifetime(session.info["settings"], purpose)
    is_it = OneTimeToken.digest.in_(_tokens_of(session, mail_id))
    # The user first, as in `consume`: of two transactions that lock in different orders, one fails. An unverified
    # account is kept as long as the link that can verify it.
    owner = select(OneTimeToken.user_id).where(is_it).scalar_subquery()
    goes_before = (User.id == owner) & (User.unproven_until < expires_at)
    await session.execute(update(User).where(goes_before).values(unproven_until=expires_at))
    await session.execute(update(OneTimeToken).where(is_it).values(expires_at=expires_at))


def _expiry_while_waiting(settings: Settings, purpose: Purpose) -> datetime:
    return clock.now() + MAX_WAIT + lifetime(settings, purpose)


def _tokens_of(session: AsyncSession, mail_id: UUID) -> dict[bytes, str]:
    # One for each key: SECRET_KEY may have been replaced since the token was stored.
    tokens = [_derive(key, mail_id) for key in session.info["settings"].keys_for(KEY)]
    return {_digest(token): token for token in tokens}


def _derive(key: bytes, mail_id: UUID) -> str:
    return urlsafe_b64encode(hmac.digest(key, mail_id.bytes, "sha256")).rstrip(b"=").decode()


async def find(session: AsyncSession, token: str, *purposes: Purpose, locked: bool = False) -> Proof:
    """What the token would prove. If `locked`, no other transaction changes the user before this one ends.

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
    """What the token proves. It does not work again, not even for another request at the same moment.

    Raises:
        InvalidToken: as `find` does.
    """
    # The user is locked first, so two tokens of one user are consumed one after the other.
    proof = await find(session, token, *purposes, locked=True)
    used = delete(OneTimeToken).where(_works(token, *purposes)).returning(OneTimeToken.email)
    if await session.scalar(used) is None:
        raise InvalidToken
    return proof


async def created_at(session: AsyncSession, token: str) -> datetime | None:
    """When the link was asked for; None if the token is unknown."""
    asked = select(OneTimeToken.created_at).where(OneTimeToken.digest == _digest(token))
    return (await session.scalars(asked)).one_or_none()


async def revoke(session: AsyncSession, user: User, *purposes: Purpose, only_if: bool = True) -> None:
    """Revoke the tokens of this user for these purposes, if `only_if` is true."""
    theirs = (OneTimeToken.user_id == user.id) & OneTimeToken.purpose.in_(purposes)
    await session.execute(delete(OneTimeToken).where(theirs, literal(only_if)))


async def revoke_undo_since(session: AsyncSession, user: User, email: str) -> None:
    """Revoke the links that would undo changes of address that the user made after having this address."""
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
    # A fast hash is enough: 256 random bits cannot be guessed.
    return sha256(token.encode()).digest()
