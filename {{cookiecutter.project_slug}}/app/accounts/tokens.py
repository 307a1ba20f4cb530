"""Tokens that travel in mails: each works once, for one purpose and one address, and only its digest is stored."""

import secrets
from datetime import timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any

from sqlalchemy import delete
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.errors import InvalidToken
from app.models import OneTimeToken
from app.models import User


class Purpose(StrEnum):
    """What a token is good for."""

    VERIFY = "verify"
    RESET_PASSWORD = "reset-password"  # noqa: S105  # the name of a purpose


LIFETIME = {Purpose.VERIFY: timedelta(hours=24), Purpose.RESET_PASSWORD: timedelta(minutes=60)}


async def issue(session: AsyncSession, user: User, purpose: Purpose) -> str:
    """A new token for this user's present address; an older one for the same purpose dies (ASVS 6.5.5)."""
    token = secrets.token_urlsafe(32)
    row: dict[str, Any] = {
        "digest": _digest(token),
        "email": user.email,
        "created_at": clock.now(),
        "expires_at": clock.now() + LIFETIME[purpose],
    }
    insertion = insert(OneTimeToken).values(user_id=user.id, purpose=purpose, **row)
    await session.execute(insertion.on_conflict_do_update(index_elements=["user_id", "purpose"], set_=row))
    return token


async def consume(session: AsyncSession, token: str, purpose: Purpose) -> User:
    """The user to whom the token was sent; it is worth nothing afterwards, also to a request at the same moment.

    Raises:
        InvalidToken: if it is used, expired or unknown, or the user has another address by now.
    """
    user_id = await session.scalar(
        delete(OneTimeToken)
        .where(OneTimeToken.digest == _digest(token), OneTimeToken.purpose == purpose)
        .where(OneTimeToken.expires_at > clock.now())
        .where(OneTimeToken.user_id == User.id, OneTimeToken.email == User.email)
        .returning(OneTimeToken.user_id)
    )
    if user_id is None:
        raise InvalidToken
    return (await session.scalars(select(User).where(User.id == user_id))).one()


def _digest(token: str) -> bytes:
    # Fast on purpose: 256 random bits cannot be guessed, so a slow hash would protect nothing.
    return sha256(token.encode()).digest()
