"""How often something may be tried: one table, counted in PostgreSQL for all workers, whatever the answer becomes."""

import hmac
from datetime import datetime
from datetime import timedelta
from enum import StrEnum
from typing import Any
from typing import NamedTuple

from litestar import Request
from sqlalchemy import case
from sqlalchemy import delete
from sqlalchemy import select
from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app import addresses
from app import clock
from app.accounts.client_address import client_network
from app.database import own_transaction
from app.errors import TooManyAttempts
from app.models import Attempts
from app.settings import Settings
from app.settings import Throttle


class Action(StrEnum):
    """What is counted."""

    SIGN_IN = "sign-in"


class Limit(NamedTuple):
    """So many within so long."""

    attempts: int
    window: timedelta


# For each action: how often for one account from anywhere, and how often from one network for any account.
LIMITS = {
    Action.SIGN_IN: (Limit(10, timedelta(minutes=15)), Limit(100, timedelta(minutes=15))),
}


async def admit(request: Request[Any, Any, Any], action: Action, address: str) -> None:
    """Count an attempt before anything is looked up or hashed, so known and unknown accounts are refused alike.

    Raises:
        TooManyAttempts: if the account or the network has used up its share; what is right is refused then, too.
    """
    settings: Settings = request.app.state.settings
    if settings.throttle is Throttle.OFF:
        return
    buckets = (_account(settings, action, address), _network(settings, action, request))
    async with own_transaction(request.app) as session:
        counted = [await _count(session, bucket, limit) for bucket, limit in zip(buckets, LIMITS[action], strict=True)]
        await _clean_up(session)
    blocked = [ends for (count, ends), limit in zip(counted, LIMITS[action], strict=True) if count > limit.attempts]
    if blocked:
        raise TooManyAttempts(max(1, round((max(blocked) - clock.now()).total_seconds())))


async def forget(request: Request[Any, Any, Any], action: Action, address: str) -> None:
    """Take back what a success has counted: all of the account, and of the network this one attempt.

    A network that signs in to one account keeps what it has tried on others.
    """
    settings: Settings = request.app.state.settings
    network = _network(settings, action, request)
    async with own_transaction(request.app) as session:
        await reopen(session, settings, action, address)
        await session.execute(update(Attempts).where(Attempts.bucket == network).values(count=Attempts.count - 1))


async def reopen(session: AsyncSession, settings: Settings, action: Action, address: str) -> None:
    """Let an account be tried again, since its owner has shown who it is."""
    await session.execute(delete(Attempts).where(Attempts.bucket == _account(settings, action, address)))


async def _count(session: AsyncSession, bucket: bytes, limit: Limit) -> tuple[int, datetime]:
    now = clock.now()
    is_over = Attempts.expires_at <= now
    counted = await session.execute(
        insert(Attempts)
        .values(bucket=bucket, count=1, expires_at=now + limit.window)
        .on_conflict_do_update(
            index_elements=["bucket"],
            set_={
                "count": case((is_over, 1), else_=Attempts.count + 1),
                "expires_at": case((is_over, now + limit.window), else_=Attempts.expires_at),
            },
        )
        .returning(Attempts.count, Attempts.expires_at)
    )
    count, ends = counted.one()
    return count, ends


async def _clean_up(session: AsyncSession) -> None:
    # More than one attempt can add, so the table does not grow; what another request holds is left to it.
    over = select(Attempts.id).where(Attempts.expires_at <= clock.now()).limit(10).with_for_update(skip_locked=True)
    await session.execute(delete(Attempts).where(Attempts.id.in_(over)))


def _account(settings: Settings, action: Action, address: str) -> bytes:
    try:
        address = addresses.normalise(address)
    except ValueError:
        address = "none"
    return _bucket(settings, f"{action} account {address}")


def _network(settings: Settings, action: Action, request: Request[Any, Any, Any]) -> bytes:
    return _bucket(settings, f"{action} network {client_network(request, settings)}")


def _bucket(settings: Settings, name: str) -> bytes:
    # With a key, since whoever reads the table could try every address otherwise.
    return hmac.digest(settings.key_for("throttle"), name.encode(), "sha256")
