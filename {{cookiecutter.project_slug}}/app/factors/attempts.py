"""Counts attempts at second factors before their outcome is known, for all processes together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

from litestar import Request

from app.accounts import attempt_counters
from app.accounts import audit
from app.accounts.attempt_counters import Bucket
from app.accounts.attempt_counters import Limit
from app.accounts.attempt_counters import require_below
from app.database.sessions import request_session
from app.database.transactions import separate_transaction
from app.factors import challenges
from app.factors.audit_events import FactorEvent
from app.factors.challenges import Challenge
from app.factors.errors import InvalidChallenge
from app.factors.errors import InvalidFactor
from app.factors.errors import InvalidPasskey
from app.http.client_address import UNKNOWN
from app.http.client_address import client_network
from app.settings import Settings
from app.settings.types import Switch

# Wrong codes of one account, over all challenges and networks. The tenth attempt in an hour is refused.
CODES = Limit(9, timedelta(hours=1))
TRIES = 5
# Sign-ins by passkey from one network; the limit is that of passwords.
PASSKEYS = Limit(100, timedelta(minutes=15))


@asynccontextmanager
async def factor_attempt(
    request: Request[Any, Any, Any], user_id: UUID, challenge: Challenge | None, *, is_code: bool
) -> AsyncIterator[bytes]:
    """Count an attempt, and yield what a passkey must have signed; check the factor in this block.

    An attempt that is refused for another reason than a wrong factor does not count for the account.

    Raises:
        InvalidChallenge: if the challenge has had its tries.
        TooManyAttempts: if the account has had too many wrong codes.
    """
    settings: Settings = request.app.state.settings
    session = request_session(request)
    of_account = attempt_counters.bucket(settings, "second-factor", str(user_id))
    windows = {challenge.bucket("tried"): challenges.LIFETIME} if challenge else {}
    if challenge and not is_code:
        windows[challenge.bucket("asked")] = challenges.LIFETIME
    counted = [of_account] if is_code and settings.throttle is Switch.ON else []
    windows |= dict.fromkeys(counted, CODES.window)
    async with separate_transaction(session) as other:
        counts = dict(zip(windows, await attempt_counters.add(other, windows), strict=True))
        if counted and counts[of_account].attempts == CODES.attempts + 1:
            audit.record(other, FactorEvent.THROTTLED, user_id)
    if challenge and counts[challenge.bucket("tried")].attempts > TRIES:
        raise InvalidChallenge
    if counted:
        require_below(CODES, counts[of_account])
    asked = counts[challenge.bucket("asked")].attempts - 1 if challenge and not is_code else 0
    async with _taking_back(request, *counted):
        yield challenges.to_sign(challenge, asked) if challenge else b""


@asynccontextmanager
async def passkey_attempt(request: Request[Any, Any, Any], challenge: Challenge) -> AsyncIterator[bytes]:
    """Count a sign-in with a passkey for its network, and yield what the passkey must have signed.

    Raises:
        TooManyAttempts: if the network has reached its limit.
    """
    settings: Settings = request.app.state.settings
    place, asked = client_network(request, settings), challenge.bucket("asked")
    of_network = attempt_counters.bucket(settings, "passkey-sign-in", place)
    counted = [of_network] if settings.throttle is Switch.ON and place != UNKNOWN else []
    windows = {asked: challenges.LIFETIME, **dict.fromkeys(counted, PASSKEYS.window)}
    async with separate_transaction(request_session(request)) as other:
        counts = dict(zip(windows, await attempt_counters.add(other, windows), strict=True))
    if counted:
        require_below(PASSKEYS, counts[of_network])
    async with _taking_back(request, *counted):
        yield challenges.to_sign(challenge, counts[asked].attempts - 1)


@asynccontextmanager
async def _taking_back(request: Request[Any, Any, Any], *keys: Bucket) -> AsyncIterator[None]:
    session = request_session(request)
    try:
        yield
    except (InvalidFactor, InvalidPasskey):
        raise
    except Exception:
        await session.rollback()
        async with separate_transaction(session) as other:
            await attempt_counters.take_back(other, *keys)
        raise
    # In the transaction of the request: if its commit fails, the attempt stays counted.
    await attempt_counters.take_back(session, *keys)
