"""How often something may be tried: one table of limits, counted whatever the answer becomes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from enum import StrEnum
from typing import Any
from typing import NamedTuple

from litestar import Request
from sqlalchemy import func
from sqlalchemy import select

from app import clock
from app import email_address
from app.accounts import attempt_counters
from app.accounts import audit
from app.accounts import known_networks
from app.accounts.attempt_counters import Bucket
from app.accounts.attempt_counters import Count
from app.accounts.audit import Event
from app.accounts.known_networks import Tie
from app.database.sessions import request_session
from app.database.transactions import separate_transaction
from app.http.client_address import UNKNOWN
from app.http.client_address import client_network
from app.http.errors import InvalidCredentials
from app.http.errors import TooBusy
from app.http.errors import TooManyAttempts
from app.models import User
from app.settings import Settings
from app.settings.types import Switch


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


class Attempt(NamedTuple):
    """How often an account and a network have been tried lately, this time included, and what counts that."""

    of_account: Count
    of_network: Count
    # Whether the account knows the network, so that its attempts there are counted by themselves.
    is_known: bool = False
    keys: tuple[Bucket, ...] = ()


async def admit(request: Request[Any, Any, Any], action: Action, address: str) -> None:
    """Count an attempt before anything is looked up, so known and unknown accounts are refused alike.

    Raises:
        TooManyAttempts: if the account or the network has used up its share.
    """
    attempt = await _attempt(request, action, address)
    for count, limit in zip((attempt.of_account, attempt.of_network), LIMITS[action], strict=True):
        _require_share(count, limit)


@asynccontextmanager
async def trying_a_password(request: Request[Any, Any, Any], address: str) -> AsyncIterator[int]:
    """Count an attempt before anything is looked up or hashed, and judge the password in this block.

    Yields how many attempts there were for the account. A network that the account knows has a count of its own, which
    alone bounds the attempts there: neither strangers elsewhere nor other accounts in that network lock the owner out.
    An attempt whose password could not be checked does not count.

    Raises:
        TooManyAttempts: if the account or the network has used up its share; a right password is refused then, too.
    """
    attempt = await _attempt(request, Action.SIGN_IN, address)
    for_account, for_network = LIMITS[Action.SIGN_IN]
    _require_share(attempt.of_account, for_account)
    if not attempt.is_known:
        _require_share(attempt.of_network, for_network)
    try:
        yield attempt.of_account.attempts
    except InvalidCredentials:
        # The answer that every other account gets here: a wrong password does not show which accounts know the network.
        _require_share(attempt.of_network, for_network)
        raise
    except (TooBusy, TooManyAttempts):
        async with separate_transaction(request_session(request)) as session:
            await attempt_counters.take_back(session, *attempt.keys)
        raise


async def admit_mail(request: Request[Any, Any, Any], action: Action, address: str) -> bool:
    """Whether one more mail may go to this address; whoever asks is answered as if it did (ASVS 6.3.8).

    Raises:
        TooManyAttempts: if the network has used up its share.
    """
    attempt = await _attempt(request, action, address)
    for_account, for_network = LIMITS[action]
    _require_share(attempt.of_network, for_network)
    return attempt.of_account.attempts <= for_account.attempts


async def succeed(request: Request[Any, Any, Any], action: Action, address: str) -> bool:
    """Take back what a success has counted: all of the account, and of the network this one attempt.

    A network that signs in to one account keeps what it has tried on others. Returns whether the account expects it.
    """
    settings: Settings = request.app.state.settings
    if settings.throttle is Switch.OFF:
        return True
    # In the transaction of the request: if the success is not stored, the attempt stays counted.
    session, place = request_session(request), client_network(request, settings)
    ties = await known_networks.recognise(request, address)
    account = _of_account(settings, action, address, place if _is_known(ties, place) else "")
    await attempt_counters.reset(session, account)
    await attempt_counters.take_back(session, _of_network(settings, action, place))
    return bool(ties)


async def readmit(request: Request[Any, Any, Any], address: str) -> None:
    """Let the account be tried again, from here and from anywhere: whoever chose its new password reads its mails."""
    settings: Settings = request.app.state.settings
    await known_networks.remember(request, address)
    for place in ("", client_network(request, settings)):
        await attempt_counters.reset(request_session(request), _of_account(settings, Action.SIGN_IN, address, place))


async def _attempt(request: Request[Any, Any, Any], action: Action, address: str) -> Attempt:
    settings: Settings = request.app.state.settings
    if settings.throttle is Switch.OFF:
        return Attempt(Count(0, clock.now()), Count(0, clock.now()))
    for_account, for_network = LIMITS[action]
    place = client_network(request, settings)
    async with separate_transaction(request_session(request)) as session:
        ties = await known_networks.ties_to(session, place, address) if action is Action.SIGN_IN else set()
        is_known = _is_known(ties, place)
        account = _of_account(settings, action, address, place if is_known else "")
        network = {} if place == UNKNOWN else {_of_network(settings, action, place): for_network.window}
        windows = {account: for_account.window, **network}
        of_account, of_network = [*await attempt_counters.add(session, windows), Count(0, clock.now())][:2]
        if action is Action.SIGN_IN and of_account.attempts == for_account.attempts + 1:
            # Once and not for each attempt, or an attacker would fill the trail.
            named = select(User.id).where(func.lower(User.email) == email_address.compared(address))
            audit.record(session, Event.SIGN_IN_THROTTLED, await session.scalar(named))
    return Attempt(of_account, of_network, is_known, (*windows,))


def _is_known(ties: set[Tie], place: str) -> bool:
    # Unrelated clients share the unknown network: if it had a count of its own, one of them could lock the owner out.
    return Tie.KNOWN in ties and place != UNKNOWN


def _require_share(count: Count, limit: Limit) -> None:
    if count.attempts > limit.attempts:
        raise TooManyAttempts(max(1, round((count.ends_at - clock.now()).total_seconds())))


def _of_account(settings: Settings, action: Action, address: str, place: str) -> Bucket:
    return attempt_counters.bucket(settings, action, "account", email_address.compared(address), place)


def _of_network(settings: Settings, action: Action, place: str) -> Bucket:
    return attempt_counters.bucket(settings, action, "network", place)
