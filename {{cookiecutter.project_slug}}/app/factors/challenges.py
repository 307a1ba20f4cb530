"""Challenges: opaque handles of sign-ins and other steps that are not finished yet.

A challenge is encrypted and given to the caller, so asking for one stores nothing. The challenge that a browser signs
(WebAuthn) is derived from the id in it, which no caller sees, and from how often that was asked for or tried: each is
used up by one try, and by asking again.
"""

import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime
from datetime import timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.accounts import attempt_counters
from app.accounts.attempt_counters import Bucket
from app.accounts.encryption import decrypt
from app.accounts.encryption import encrypt
from app.factors.errors import InvalidChallenge
from app.models import User
from app.settings import Settings

LIFETIME = timedelta(minutes=5)
KEY = "challenge"


class Purpose(StrEnum):
    """What a challenge is for."""

    # A second factor after the first step of a sign-in.
    SECOND_FACTOR = "second-factor"
    PASSKEY_SIGN_IN = "passkey-sign-in"
    REGISTER = "register"
    REAUTHENTICATE = "reauthenticate"
    # A second factor after another step than a password, to confirm who a signed-in user is.
    REAUTHENTICATE_SECOND_STEP = "reauthenticate-second-step"


class Challenge(msgspec.Struct, array_like=True):
    """What a challenge says to this service alone."""

    id: bytes
    purpose: Purpose
    expires_at: datetime
    user_id: UUID | None = None
    session_id: UUID | None = None
    # Changes with the password and the address, so that a new one ends the challenge.
    account_state: bytes = b""
    amr: list[str] = []
    # What the attempt was counted under, whether to report the sign-in by mail, and columns of its row.
    counted: list[bytes] = []
    is_reported: bool = False
    ids: dict[str, UUID] = {}
    digests: dict[str, bytes] = {}

    @property
    def columns(self) -> dict[str, Any]:
        """The columns of the sign-in that the challenge leads to."""
        return {**self.ids, **self.digests}

    def bucket(self, what: str) -> Bucket:
        """A counter of this challenge. Its name needs no key: the id is random."""
        return Bucket(sha256(f"{KEY}\n{what}\n".encode() + self.id).digest())


def create(purpose: Purpose, **fields: Any) -> Challenge:
    """A new challenge."""
    return Challenge(secrets.token_bytes(32), purpose, clock.now() + LIFETIME, **fields)


def after_first_step(user: User, columns: Mapping[str, Any], **fields: Any) -> Challenge:
    """The challenge of a user who has signed in but for the second factor; `columns` are those of the sign-in."""
    given = {name: value for name, value in columns.items() if value is not None}
    return create(
        Purpose.SECOND_FACTOR,
        user_id=user.id,
        account_state=account_state(user),
        ids={name: value for name, value in given.items() if isinstance(value, UUID)},
        digests={name: value for name, value in given.items() if isinstance(value, bytes)},
        **fields,
    )


def account_state(user: User) -> bytes:
    """A digest of what a change of ends half a sign-in."""
    return sha256(f"{user.email}\n{user.password_hash}".encode()).digest()[:16]


def handle_of(settings: Settings, challenge: Challenge) -> str:
    """The challenge as the caller gets it."""
    return encrypt(settings, KEY, msgspec.msgpack.encode(challenge))


def read(settings: Settings, handle: str, *purposes: Purpose) -> Challenge:
    """The challenge that a caller sends back.

    Raises:
        InvalidChallenge: if this service has not made it, or it has expired or is for something else.
    """
    content = decrypt(settings, KEY, handle)
    if content is None:
        raise InvalidChallenge
    challenge = msgspec.msgpack.decode(content, type=Challenge)
    if challenge.expires_at <= clock.now() or challenge.purpose not in purposes:
        raise InvalidChallenge
    return challenge


async def ask_again(session: AsyncSession, challenge: Challenge) -> bytes:
    """A new challenge for the browser to sign, in place of the one before."""
    [count] = await attempt_counters.add(session, {challenge.bucket("asked"): LIFETIME})
    return to_sign(challenge, count.attempts)


def to_sign(challenge: Challenge, asked: int = 0) -> bytes:
    """What a browser signs, after it was asked for and tried so many times."""
    return hmac.digest(challenge.id, asked.to_bytes(4, "big"), "sha256")


async def use_up(session: AsyncSession, challenge: Challenge) -> None:
    """Let a challenge lead to one success, also of several requests at the same moment.

    Raises:
        InvalidChallenge: if it has done so.
    """
    [count] = await attempt_counters.add(session, {challenge.bucket("used"): LIFETIME})
    if count.attempts > 1:
        raise InvalidChallenge
