"""Recovery codes: each stands in for a lost factor once. Only digests are stored."""

import secrets
from base64 import b32encode
from hashlib import sha256
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy import func
from sqlalchemy import select
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import audit
from app.accounts.mail import outbox
from app.factors.audit_events import FactorEvent
from app.factors.audit_events import FactorLetter
from app.factors.models import RecoveryCode
from app.models import User

HOW_MANY = 10
# 120 bits are 24 characters of base32, in groups that people can copy.
CODE_BYTES, GROUP = 15, 4


async def replace(session: AsyncSession, user: User) -> list[str]:
    """New codes for this user; the former ones stop working."""
    await session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    codes = [b32encode(secrets.token_bytes(CODE_BYTES)).decode() for _ in range(HOW_MANY)]
    session.add_all(RecoveryCode(user_id=user.id, digest=_digest(code)) for code in codes)
    await session.flush()
    return ["-".join(code[start : start + GROUP] for start in range(0, len(code), GROUP)) for code in codes]


async def use(session: AsyncSession, user: User, code: str) -> bool:
    """Whether this is an unused code of the user; it does not work again, and a mail reports its use."""
    is_it = (RecoveryCode.user_id == user.id) & (RecoveryCode.digest == _digest(code)) & ~RecoveryCode.is_used
    used = update(RecoveryCode).where(is_it).values(is_used=True).returning(RecoveryCode.id)
    if await session.scalar(used) is None:
        return False
    left = await remaining(session, user.id)
    audit.record(session, FactorEvent.CODE_USED, user.id, actor=user.id, after={"remaining": left})
    outbox.put(session, FactorLetter.CODE_USED, user.email, user.id, details=[str(left)])
    return True


async def remaining(session: AsyncSession, user_id: UUID | int) -> int:
    """How many codes of this user still work."""
    unused = select(func.count()).where(RecoveryCode.user_id == user_id, ~RecoveryCode.is_used)
    return await session.scalar(unused) or 0


def _digest(code: str) -> bytes:
    plain = code.replace("-", "").replace(" ", "").upper()
    return sha256(plain.encode("utf-8", "replace")).digest()
