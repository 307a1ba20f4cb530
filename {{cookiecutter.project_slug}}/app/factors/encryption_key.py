"""Encrypts TOTP secrets again after SECRET_KEY was replaced, and tells `litestar doctor` how many are left."""

from collections.abc import AsyncIterator
from collections.abc import Iterable
from datetime import timedelta

from litestar import Litestar
from sqlalchemy import func
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.encryption import key_id
from app.database.transactions import new_transaction
from app.factors import totp
from app.factors.models import Totp
from app.settings import Settings
from app.settings.factors import rp_id_of
from app.settings.findings import Finding
from app.settings.findings import Level

EVERY = timedelta(hours=1)
ROWS_AT_ONCE = 500


async def encrypt_again(app: Litestar) -> float:
    """Encrypt some secrets that another key encrypts with the present one; returns the seconds until the next run."""
    settings: Settings = app.state.settings
    async with new_transaction(app) as session:
        former = select(Totp).where(Totp.key_id != key_id(settings, totp.KEY)).limit(ROWS_AT_ONCE)
        rows = (await session.scalars(former.with_for_update(skip_locked=True))).all()
        secrets = [(row, totp.secret_of(settings, row)) for row in rows]
        for row, secret in secrets:
            if secret is not None:
                totp.store(settings, row, secret)
    is_more = len(rows) == ROWS_AT_ONCE and any(secret for _, secret in secrets)
    return 0 if is_more else EVERY.total_seconds()


async def former_keys(session: AsyncSession) -> AsyncIterator[Finding]:
    """How many secrets still need the former key."""
    present = key_id(session.info["settings"], totp.KEY)
    if count := await session.scalar(select(func.count()).where(Totp.key_id != present)):
        says = f"Secrets of authenticator apps that are encrypted with the former key: {count}."
        yield Finding(Level.WARNING, "SECRET_KEY_PREVIOUS", says, "Keep it; they are encrypted again within the hour.")


def passkey_domain(settings: Settings) -> Iterable[Finding]:
    """Whether browsers have passkeys for this service."""
    if rp_id_of(settings) is None:
        says = f"There are no passkeys, since {settings.base_url} has an IP address."
        yield Finding(Level.WARNING, "BASE_URL", says, "Use a domain, or localhost in development.")
