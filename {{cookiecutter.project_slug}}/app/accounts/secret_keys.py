"""Records which keys the service has run with: `litestar doctor` uses it to check a replacement of SECRET_KEY."""

from datetime import timedelta

from litestar import Litestar
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import attempt_counters
from app.accounts.attempt_counters import Bucket
from app.database.transactions import new_transaction
from app.settings import Settings

NOTED_EVERY = timedelta(days=1)
KEPT_FOR = timedelta(days=10 * 365)


async def note_key(app: Litestar) -> float:
    """Record that a process runs with this SECRET_KEY; returns the seconds until the next call."""
    async with new_transaction(app) as session:
        await attempt_counters.add(session, {_runs_of(app.state.settings): KEPT_FOR}, prolong=True)
    return NOTED_EVERY.total_seconds()


async def has_run_with_previous(session: AsyncSession) -> bool:
    """Whether SECRET_KEY_PREVIOUS has been the SECRET_KEY of a process."""
    counted = await attempt_counters.counted_of(session, *map(Bucket, _runs_of(session.info["settings"]).others))
    return bool(counted)


def _runs_of(settings: Settings) -> Bucket:
    return attempt_counters.bucket(settings, "secret-key")
