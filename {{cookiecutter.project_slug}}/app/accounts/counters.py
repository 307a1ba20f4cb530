"""How often something happened lately, counted in PostgreSQL for all workers together."""

import hmac
from datetime import datetime
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import delete
from sqlalchemy import select
from sqlalchemy import text
from sqlalchemy import update
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


# Written out, since SQLAlchemy compiles ON CONFLICT anew each time. Rows are locked in the order of the keys.
COUNT = text("""
    INSERT INTO attempts AS counted (id, bucket, count, expires_at)
    SELECT gen_random_uuid(), bucket, 1, ends_at
    FROM unnest(CAST(:buckets AS bytea[]), CAST(:ends AS timestamptz[])) AS asked (bucket, ends_at)
    ON CONFLICT (bucket) DO UPDATE SET
        count = CASE WHEN counted.expires_at <= :now THEN 1 ELSE counted.count + 1 END,
        expires_at = CASE
            WHEN counted.expires_at <= :now OR :is_prolonged THEN excluded.expires_at ELSE counted.expires_at
        END
    RETURNING bucket, count, expires_at
""")


async def add(session: AsyncSession, windows: dict[bytes, timedelta], *, prolong: bool = False) -> list[Count]:
    """Count each once more. A window begins with its first count, or with each of them if they `prolong` it."""
    now = clock.now()
    ends = [now + window for window in windows.values()]
    values = {"buckets": [*windows], "ends": ends, "now": now, "is_prolonged": prolong}
    counted = {key: Count(attempts, ends_at) for key, attempts, ends_at in await session.execute(COUNT, values)}
    return [counted[key] for key in windows]


async def counted_of(session: AsyncSession, *keys: bytes) -> set[bytes]:
    """Which of them happened lately."""
    found = select(Attempts.bucket).where(Attempts.bucket.in_(keys), Attempts.expires_at > clock.now())
    return {*await session.scalars(found)}


async def take_back(session: AsyncSession, *keys: bytes) -> None:
    """Count each once less."""
    for key in keys:
        await session.execute(update(Attempts).where(Attempts.bucket == key).values(count=Attempts.count - 1))


async def reset(session: AsyncSession, key: bytes) -> None:
    """Begin at nothing."""
    await session.execute(delete(Attempts).where(Attempts.bucket == key))
