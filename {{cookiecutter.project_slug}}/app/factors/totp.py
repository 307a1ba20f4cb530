"""Codes of authenticator apps (RFC 6238): SHA-1, six digits, 30 seconds."""

import hmac
import secrets
from base64 import b32encode
from urllib.parse import quote
from urllib.parse import urlencode
from uuid import UUID

from sqlalchemy import select
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.accounts.encryption import decrypt
from app.accounts.encryption import encrypt
from app.accounts.encryption import key_id
from app.factors.models import Totp
from app.models import User
from app.settings import PROJECT_NAME
from app.settings import Settings

KEY = "totp-secret"
SECONDS, DIGITS = 30, 6
SECRET_BYTES = 20
# The present step and the one before: a person takes a while to type.
STEPS = (0, -1)


def new_secret() -> bytes:
    """A secret of 160 bits (RFC 4226, 4)."""
    return secrets.token_bytes(SECRET_BYTES)


def store(settings: Settings, row: Totp, secret: bytes) -> None:
    """Encrypt the secret of a row with the present key."""
    row.secret, row.key_id = encrypt(settings, KEY, secret), key_id(settings, KEY)


def secret_of(settings: Settings, row: Totp) -> bytes | None:
    """The secret of a row; None if its key is gone."""
    return decrypt(settings, KEY, row.secret)


def as_text(secret: bytes) -> str:
    """The secret as people type it."""
    return b32encode(secret).decode()


def uri_of(user: User, secret: bytes) -> str:
    """What the QR code says to the app."""
    label = quote(f"{PROJECT_NAME}:{user.email}")
    query = {"secret": as_text(secret), "issuer": PROJECT_NAME, "algorithm": "SHA1", "digits": DIGITS}
    return f"otpauth://totp/{label}?{urlencode(query | {'period': SECONDS}, quote_via=quote)}"


def qr_svg(uri: str) -> str:
    """A QR code for a page."""
    import segno  # noqa: PLC0415  # imported when it is first used

    # Cameras need the white ground, also on a dark page.
    svg: str = segno.make(uri, error="m", micro=False).svg_inline(scale=4, light="white")
    return svg


def code_at(secret: bytes, step: int) -> str:
    """The code of a time step."""
    digest = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 0xF
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


async def accept(session: AsyncSession, user_id: UUID | int, code: str, *, confirms: bool = False) -> bool:
    """Whether this is a code of the user that has not been accepted before; it does not count again.

    With `confirms`, the code confirms a secret that is pending; otherwise the secret must be confirmed.
    """
    is_theirs = (Totp.user_id == user_id) & Totp.is_confirmed.is_not(confirms)
    row = (await session.scalars(select(Totp).where(is_theirs))).one_or_none()
    secret = secret_of(session.info["settings"], row) if row else None
    if row is None or secret is None:
        return False
    now, given = int(clock.now().timestamp()) // SECONDS, code.replace(" ", "").encode("utf-8", "replace")
    steps = [now + step for step in STEPS if hmac.compare_digest(code_at(secret, now + step).encode(), given)]
    if not steps:
        return False
    # One statement, so that of two requests with one code the second finds its step used.
    used = update(Totp).where(is_theirs, Totp.last_step < steps[0]).values(last_step=steps[0], is_confirmed=True)
    return await session.scalar(used.returning(Totp.id)) is not None
