"""How often something may be tried: one table of limits, counted whatever the answer becomes."""

from datetime import timedelta
from enum import StrEnum
from typing import Any
from typing import NamedTuple

from litestar import Request
from sqlalchemy import func
from sqlalchemy import select

from app import addresses
from app import clock
from app.accounts import audit
from app.accounts import counters
from app.accounts.audit import Event
from app.accounts.counters import Count
from app.callers import client_network
from app.database import aside
from app.database import request_session
from app.errors import TooManyAttempts
from app.models import User
from app.setting_types import Switch
from app.settings import Settings


class Action(StrEnum):
    """What is counted."""

    SIGN_IN = "sign-in"
    REGISTER = "register"
    RESEND_VERIFICATION = "resend-verification"
    FORGET_PASSWORD = "forget-password"  # noqa: S105  # the name of an action
    CHANGE_EMAIL = "change-email"


class Limit(NamedTuple):
    """So many within so long."""

    attempts: int
    window: timedelta


# For each action: how often for one account from anywhere, and how often from one network for any account.
PASSWORDS = (Limit(10, timedelta(minutes=15)), Limit(100, timedelta(minutes=15)))
MAILS = (Limit(5, timedelta(hours=1)), Limit(100, timedelta(hours=1)))
LIMITS = {
    Action.SIGN_IN: PASSWORDS,
    Action.REGISTER: MAILS,
    Action.RESEND_VERIFICATION: MAILS,
    Action.FORGET_PASSWORD: MAILS,
    Action.CHANGE_EMAIL: MAILS,
}


class Tie(StrEnum):
    """What an account has to do with a network, for as long as `KNOWN_FOR`."""

    # Its owner signed in there: strangers elsewhere cannot lock them out.
    KNOWN = "known"
    # Its owner proved the address there: the first sign-in from it is no news.
    EXPECTED = "expected"


KNOWN_FOR = timedelta(days=30)


async def admit(request: Request[Any, Any, Any], action: Action, address: str) -> int:
    """Count an attempt before anything is looked up or hashed, so known and unknown accounts are refused alike.

    Returns how many there were for the account. A network that the account knows counts for itself at a sign-in, so
    nobody elsewhere can lock the owner out.

    Raises:
        TooManyAttempts: if the account or the network has used up its share; what is right is refused then, too.
    """
    of_account, of_network = await _attempt(request, action, address)
    for count, limit in zip((of_account, of_network), LIMITS[action], strict=True):
        _require_share(count, limit)
    return of_account.attempts


async def admit_mail(request: Request[Any, Any, Any], action: Action, address: str) -> bool:
    """Whether one more mail may go to this address; whoever asks is answered as if it did (ASVS 6.3.8).

    Raises:
        TooManyAttempts: if the network has used up its share.
    """
    of_account, of_network = await _attempt(request, action, address)
    for_account, for_network = LIMITS[action]
    _require_share(of_network, for_network)
    return of_account.attempts <= for_account.attempts


async def succeed(request: Request[Any, Any, Any], action: Action, address: str) -> bool:
    """Take back what a success has counted: all of the account, and of the network this one attempt.

    A network that signs in to one account keeps what it has tried on others. Returns whether the account expects it.
    """
    settings: Settings = request.app.state.settings
    if settings.throttle is Switch.OFF:
        return True
    # In the transaction of the request: if the success is not stored, the attempt stays counted.
    session, place = request_session(request), client_network(request, settings)
    ties = await recognise(request, address)
    await counters.reset(session, _of_account(settings, action, address, place if Tie.KNOWN in ties else ""))
    await counters.take_back(session, _of_network(settings, action, place))
    return bool(ties)


async def recognise(request: Request[Any, Any, Any], address: str) -> set[Tie]:
    """Tie the account to this network, since its owner calls; returns what tied it before."""
    settings: Settings = request.app.state.settings
    if settings.throttle is Switch.OFF:
        return set(Tie)
    session, place = request_session(request), client_network(request, settings)
    keys = {tie: _tie(settings, tie, address, place) for tie in Tie}
    counted = await counters.counted_of(session, *keys.values())
    await remember(request, address)
    return {tie for tie, key in keys.items() if key in counted}


async def remember(request: Request[Any, Any, Any], address: str, tie: Tie = Tie.KNOWN) -> None:
    """Tie the account to this network, since its owner calls."""
    settings: Settings = request.app.state.settings
    if settings.throttle is Switch.ON:
        key = _tie(settings, tie, address, client_network(request, settings))
        await counters.add(request_session(request), {key: KNOWN_FOR}, prolong=True)


async def readmit(request: Request[Any, Any, Any], address: str) -> None:
    """Let the account be tried again, from here and from anywhere: whoever chose its new password reads its mails."""
    settings: Settings = request.app.state.settings
    await remember(request, address)
    for place in ("", client_network(request, settings)):
        await counters.reset(request_session(request), _of_account(settings, Action.SIGN_IN, address, place))


async def _attempt(request: Request[Any, Any, Any], action: Action, address: str) -> tuple[Count, Count]:
    settings: Settings = request.app.state.settings
    if settings.throttle is Switch.OFF:
        return Count(0, clock.now()), Count(0, clock.now())
    for_account, for_network = LIMITS[action]
    place = client_network(request, settings)
    async with aside(request_session(request)) as session:
        known = _tie(settings, Tie.KNOWN, address, place)
        is_exempt = action is Action.SIGN_IN and bool(await counters.counted_of(session, known))
        account = _of_account(settings, action, address, place if is_exempt else "")
        windows = {account: for_account.window, _of_network(settings, action, place): for_network.window}
        of_account, of_network = await counters.add(session, windows)
        if action is Action.SIGN_IN and of_account.attempts == for_account.attempts + 1:
            # Once and not for each attempt, or an attacker would fill the trail.
            named = select(User.id).where(func.lower(User.email) == _spelled_once(address))
            audit.record(session, Event.SIGN_IN_THROTTLED, await session.scalar(named))
    return of_account, of_network


def _require_share(count: Count, limit: Limit) -> None:
    if count.attempts > limit.attempts:
        raise TooManyAttempts(max(1, round((count.ends_at - clock.now()).total_seconds())))


def _tie(settings: Settings, tie: Tie, address: str, place: str) -> bytes:
    return counters.bucket(settings, tie, _spelled_once(address), place)


def _of_account(settings: Settings, action: Action, address: str, place: str) -> bytes:
    return counters.bucket(settings, action, "account", _spelled_once(address), place)


def _of_network(settings: Settings, action: Action, place: str) -> bytes:
    return counters.bucket(settings, action, "network", place)


def _spelled_once(address: str) -> str:
    try:
        return addresses.normalise(address)
    except ValueError:
        return "none"
