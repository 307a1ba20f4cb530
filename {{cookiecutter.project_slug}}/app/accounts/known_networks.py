"""Which networks an account knows: an owner is told of sign-ins from others, and strangers there lock nobody out."""

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
from app.http.client_address import client_network
from app.settings import Settings
from app.settings.types import Switch


class Tie(StrEnum):
    """What an account has to do with a network, for as long as `KNOWN_FOR`."""

    # Its owner signed in there: strangers elsewhere cannot lock them out.
    KNOWN = "known"
    # Its owner proved the address there: the first sign-in from it is no news.
    EXPECTED = "expected"


KNOWN_FOR = timedelta(days=30)


async def recognise(request: Request[Any, Any, Any], address: str) -> set[Tie]:
    """Tie the account to this network, since its owner calls; returns what tied it before."""
    settings: Settings = request.app.state.settings
    if settings.throttle is Switch.OFF:
        return set(Tie)
    ties = await ties_to(request_session(request), client_network(request, settings), address)
    await remember(request, address)
    return ties


async def ties_to(session: AsyncSession, place: str, address: str) -> set[Tie]:
    """What ties the account with this address to a network, since it was last handed over."""
    settings: Settings = session.info["settings"]
    keys = {tie: _tie_to(place, settings, tie, address) for tie in Tie}
    handed_over = _handover_of(settings, address)
    counted = await attempt_counters.counted_of(session, *keys.values(), handed_over)
    # Both last equally long, so the one that ends later is the younger one.
    since = counted[handed_over].ends_at if handed_over in counted else datetime.min.replace(tzinfo=UTC)
    return {tie for tie, key in keys.items() if key in counted and counted[key].ends_at >= since}


async def forget(session: AsyncSession, address: str) -> None:
    """Let the account know no network any more, since it is handed over: its users so far may have been thieves."""
    settings: Settings = session.info["settings"]
    if settings.throttle is Switch.ON:
        await attempt_counters.add(session, {_handover_of(settings, address): KNOWN_FOR}, prolong=True)


async def remember(request: Request[Any, Any, Any], address: str, tie: Tie = Tie.KNOWN) -> None:
    """Tie the account to this network, since its owner calls."""
    settings: Settings = request.app.state.settings
    if settings.throttle is Switch.ON:
        key = _tie_to(client_network(request, settings), settings, tie, address)
        await attempt_counters.add(request_session(request), {key: KNOWN_FOR}, prolong=True)


def _tie_to(place: str, settings: Settings, tie: Tie, address: str) -> Bucket:
    return attempt_counters.bucket(settings, tie, email_address.compared(address), place)


def _handover_of(settings: Settings, address: str) -> Bucket:
    return attempt_counters.bucket(settings, "handover", email_address.compared(address))
