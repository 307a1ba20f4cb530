"""How often something happened lately, counted in PostgreSQL for all workers together."""

import hmac
from datetime import datetime
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import case
from sqlalchemy import delete
from sqlalchemy import select
from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.models import Attempts
from app.settings import Settings


class Count(NamedTuple):
    """How often, and until when that counts."""

    attempts: int
    ends_at: datetime


def bucket(settings: Settings, *name: str) -> bytes:
    """What is counted together; with a key, since whoever reads the table could try every address otherwise."""
    return hmac.digest(settings.key_for("throttle"), "\n".join(name).encode(), "sha256")


async def add(session: AsyncSession, key: bytes, window: timedelta, *, prolong: bool = False) -> Count:
    """Count once more. A window begins with its first count, or with each of them if they `prolong` it."""
    now = clock.now()
    is_over = Attempts.expires_at <= now
    counted = await session.execute(
        insert(Attempts)
        .values(bucket=key, count=1, expires_at=now + window)
        .on_conflict_do_update(
            index_elements=["bucket"],
            set_={
                "count": case((is_over, 1), else_=Attempts.count + 1),
                "expires_at": now + window if prolong else case((is_over, now + window), else_=Attempts.expires_at),
            },
        )
        .returning(Attempts.count, Attempts.expires_at)
    )
    return Count(*counted.one())


async def is_counted(session: AsyncSession, key: bytes) -> bool:
    """Whether it happened lately."""
    found = select(Attempts.id).where(Attempts.bucket == key, Attempts.expires_at > clock.now())
    return await session.scalar(found) is not None


async def take_back(session: AsyncSession, key: bytes) -> None:
    """Count one less."""
    await session.execute(update(Attempts).where(Attempts.bucket == key).values(count=Attempts.count - 1))


async def reset(session: AsyncSession, key: bytes) -> None:
    """Begin at nothing."""
    await session.execute(delete(Attempts).where(Attempts.bucket == key))
