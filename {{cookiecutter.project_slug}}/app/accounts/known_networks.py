"""Which networks an account knows: an owner is told of sign-ins from others, and strangers there lock nobody out."""

from datetime import timedelta
from enum import StrEnum
from typing import Any

from litestar import Request

from app import addresses
from app.accounts import counters
from app.accounts.counters import Bucket
from app.callers import client_network
from app.database import request_session
from app.setting_types import Switch
from app.settings import Settings


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
    session, place = request_session(request), client_network(request, settings)
    keys = {tie: tie_to(place, settings, tie, address) for tie in Tie}
    counted = await counters.counted_of(session, *keys.values())
    await remember(request, address)
    return {tie for tie, key in keys.items() if key in counted}


async def remember(request: Request[Any, Any, Any], address: str, tie: Tie = Tie.KNOWN) -> None:
    """Tie the account to this network, since its owner calls."""
    settings: Settings = request.app.state.settings
    if settings.throttle is Switch.ON:
        key = tie_to(client_network(request, settings), settings, tie, address)
        await counters.add(request_session(request), {key: KNOWN_FOR}, prolong=True)


def tie_to(place: str, settings: Settings, tie: Tie, address: str) -> Bucket:
    """What counts a tie of the account with this address to a network."""
    return counters.bucket(settings, tie, addresses.compared(address), place)
