"""The networks that a user signs in from.

The user is told of sign-ins from other networks, and wrong passwords from other networks do not lock the user out.
"""

from datetime import UTC
from datetime import datetime
from datetime import timedelta
from enum import StrEnum
from typing import Any

from litestar import Request
from sqlalchemy.ext.asyncio import AsyncSession

from app import email_address
from app.accounts import attempt_counters
from app.accounts.attempt_counters import Bucket
from app.database.sessions import request_session
from app.http.client_address import UNKNOWN
from app.http.client_address import client_network
from app.settings import Settings
from app.settings.types import Switch


class Tie(StrEnum):
    """How an account knows a network, for as long as `KNOWN_FOR`."""

    # The user signed in there: wrong passwords from elsewhere do not lock the user out there.
    KNOWN = "known"
    # The user confirmed the address there, or a command created the user: no mail reports the first sign-in from it.
    EXPECTED = "expected"


KNOWN_FOR = timedelta(days=30)
# In place of a network: the first sign-in of a user whom a command created can come from any.
ANYWHERE = "anywhere"


async def recognise(request: Request[Any, Any, Any], email: str) -> frozenset[Tie]:
    """Remember the network of this request for the account; returns how the account knew it before."""
    settings: Settings = request.app.state.settings
    if settings.throttle is Switch.OFF:
        return frozenset(Tie)
    session = request_session(request)
    ties = await ties_to(session, client_network(request, settings), email)
    await remember(request, email)
    if Tie.EXPECTED in ties:
        await attempt_counters.reset(session, first_sign_in_of(settings, email))
    return ties


async def ties_to(session: AsyncSession, place: str, email: str) -> frozenset[Tie]:
    """How the account with this e-mail address knows a network, since the account was last handed over.

    No account knows the unknown network, since unrelated clients share it.
    """
    if place == UNKNOWN:
        return frozenset()
    settings: Settings = session.info["settings"]
    keys = {_tie_to(place, settings, tie, email): tie for tie in Tie}
    keys[first_sign_in_of(settings, email)] = Tie.EXPECTED
    handed_over = _handover_of(settings, email)
    counted = await attempt_counters.counted_of(session, *keys, handed_over)
    # All last equally long, so the one that ends later began later.
    since = counted[handed_over].ends_at if handed_over in counted else datetime.min.replace(tzinfo=UTC)
    return frozenset(tie for key, tie in keys.items() if key in counted and counted[key].ends_at >= since)


async def forget(session: AsyncSession, email: str) -> None:
    """Forget all networks of an account that is handed over: its users until now may have been thieves."""
    settings: Settings = session.info["settings"]
    if settings.throttle is Switch.ON:
        await attempt_counters.add(session, {_handover_of(settings, email): KNOWN_FOR}, prolong=True)


async def remember(request: Request[Any, Any, Any], email: str, tie: Tie = Tie.KNOWN) -> None:
    """Remember the network of this request for the account."""
    settings: Settings = request.app.state.settings
    if settings.throttle is Switch.ON:
        key = _tie_to(client_network(request, settings), settings, tie, email)
        await attempt_counters.add(request_session(request), {key: KNOWN_FOR}, prolong=True)


async def settle(request: Request[Any, Any, Any], email: str, *keys: Bucket) -> None:
    """Reset the count of an account after a success, and take back one attempt of the network."""
    # In the transaction of the request: if its commit fails, the attempt stays counted.
    await remember(request, email)
    first = first_sign_in_of(request.app.state.settings, email)
    await attempt_counters.reset(request_session(request), *keys[:1], first)
    await attempt_counters.take_back(request_session(request), *keys[1:])


async def expect_first_sign_in(session: AsyncSession, email: str) -> None:
    """Expect the first sign-in of a user whom a command has just created, wherever it comes from."""
    settings: Settings = session.info["settings"]
    if settings.throttle is Switch.ON:
        await attempt_counters.add(session, {first_sign_in_of(settings, email): KNOWN_FOR}, prolong=True)


def first_sign_in_of(settings: Settings, email: str) -> Bucket:
    """What counts the sign-in that `expect_first_sign_in` expects; reset it after a sign-in."""
    return _tie_to(ANYWHERE, settings, Tie.EXPECTED, email)


def _tie_to(place: str, settings: Settings, tie: Tie, email: str) -> Bucket:
    return attempt_counters.bucket(settings, tie, email_address.compared(email), place)


def _handover_of(settings: Settings, email: str) -> Bucket:
    return attempt_counters.bucket(settings, "handover", email_address.compared(email))
