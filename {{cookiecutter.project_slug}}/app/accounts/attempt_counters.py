"""Counts recent attempts in PostgreSQL, for all processes together."""

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
from app.http.errors import TooManyAttempts
from app.models import Attempts
from app.settings import Settings
from app.settings.types import Switch


class Count(NamedTuple):
    """How many times, and until when they count."""

    attempts: int
    ends_at: datetime


class Limit(NamedTuple):
    """How many attempts within which time."""

    attempts: int
    window: timedelta


class Bucket(NamedTuple):
    """A counter. Its name is hashed with a key, or a reader of the table could find names by trying every address."""

    digest: bytes
    # While SECRET_KEY is being replaced, other instances may count under the other key.
    others: tuple[bytes, ...] = ()


def bucket(settings: Settings, *name: str) -> Bucket:
    """The bucket of this name."""
    digest, *others = (hmac.digest(key, "\n".join(name).encode(), "sha256") for key in settings.keys_for("throttle"))
    return Bucket(digest, tuple(others))


# As text, since SQLAlchemy would compile ON CONFLICT at each call. Rows are locked in the order of the keys.
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


async def add(session: AsyncSession, windows: dict[Bucket, timedelta], *, prolong: bool = False) -> list[Count]:
    """Count each once. A window starts with its first count; with `prolong`, each count starts it again."""
    now = clock.now()
    ends = [now + window for window in windows.values()]
    values = {"buckets": [key.digest for key in windows], "ends": ends, "now": now, "is_prolonged": prolong}
    counted = {digest: Count(attempts, ends_at) for digest, attempts, ends_at in await session.execute(COUNT, values)}
    if others := [digest for key in windows for digest in key.others]:
        counted |= await _counts(session, others)
    return [_together(*(counted[digest] for digest in _digests(key) if digest in counted)) for key in windows]


async def count_below(session: AsyncSession, limit: Limit, *name: str) -> None:
    """Count this name once, in the transaction of `session`; nothing is counted with THROTTLE=off.

    Raises:
        TooManyAttempts: if it has reached the limit.
    """
    settings: Settings = session.info["settings"]
    if settings.throttle is Switch.ON:
        [count] = await add(session, {bucket(settings, *name): limit.window})
        require_below(limit, count)


async def counted_of(session: AsyncSession, *keys: Bucket) -> dict[Bucket, Count]:
    """The counts whose windows have not ended."""
    counted = await _counts(session, [digest for key in keys for digest in _digests(key)])
    found = {key: [counted[digest] for digest in _digests(key) if digest in counted] for key in keys}
    return {key: _together(*counts) for key, counts in found.items() if counts}


async def take_back(session: AsyncSession, *keys: Bucket) -> None:
    """Reduce each count by one."""
    for key in keys:
        found = update(Attempts).where(Attempts.bucket == key.digest)
        await session.execute(found.values(count=Attempts.count - 1))


async def reset(session: AsyncSession, *keys: Bucket) -> None:
    """Set each count to zero."""
    digests = [digest for key in keys for digest in _digests(key)]
    await session.execute(delete(Attempts).where(Attempts.bucket.in_(digests)))


def require_below(limit: Limit, count: Count) -> None:
    """Refuse an attempt that was counted beyond the limit.

    Raises:
        TooManyAttempts: it says when the window ends.
    """
    if count.attempts > limit.attempts:
        raise TooManyAttempts(max(1, round((count.ends_at - clock.now()).total_seconds())))


async def _counts(session: AsyncSession, digests: list[bytes]) -> dict[bytes, Count]:
    columns = (Attempts.bucket, Attempts.count, Attempts.expires_at)
    found = select(*columns).where(Attempts.bucket.in_(digests), Attempts.expires_at > clock.now())
    return {digest: Count(attempts, ends_at) for digest, attempts, ends_at in await session.execute(found)}


def _together(*counts: Count) -> Count:
    return Count(sum(count.attempts for count in counts), max(count.ends_at for count in counts))


def _digests(key: Bucket) -> tuple[bytes, ...]:
    return (key.digest, *key.others)
