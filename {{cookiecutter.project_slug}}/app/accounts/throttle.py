"""Limits on attempts: one table of limits. Attempts are counted before their outcome is known."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from enum import StrEnum
from typing import Any
from typing import NamedTuple

from litestar import Request
from litestar.exceptions import HTTPException
from sqlalchemy import func
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app import email_address
from app.accounts import attempt_counters
from app.accounts import audit
from app.accounts import known_networks
from app.accounts.attempt_counters import Bucket
from app.accounts.attempt_counters import Count
from app.accounts.attempt_counters import Limit
from app.accounts.attempt_counters import require_below
from app.accounts.audit import Event
from app.accounts.known_networks import Tie
from app.database.sessions import request_session
from app.database.transactions import separate_transaction
from app.http.client_address import UNKNOWN
from app.http.client_address import client_network
from app.http.errors import InvalidCredentials
from app.http.errors import InvalidField
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


# For each action: the limit for one account from all networks, and the limit for one network on all accounts.
PASSWORDS = (Limit(10, timedelta(minutes=15)), Limit(100, timedelta(minutes=15)))
MAILS = (Limit(5, timedelta(hours=1)), Limit(100, timedelta(hours=1)))
LIMITS = dict.fromkeys(Action, MAILS) | {Action.SIGN_IN: PASSWORDS}


class Attempt(NamedTuple):
    """How many recent attempts an account and a network had, including this one, and the buckets that count them."""

    of_account: Count
    of_network: Count
    # How the account knew the network before. Its attempts from a known network have their own count.
    ties: frozenset[Tie] = frozenset(Tie)
    keys: tuple[Bucket, ...] = ()


async def count_attempt(request: Request[Any, Any, Any], action: Action, email: str) -> None:
    """Count an attempt before the account is looked up, so known and unknown accounts are refused alike.

    Raises:
        TooManyAttempts: if the account or the network has reached its limit.
    """
    attempt = await _attempt(request, action, email)
    for count, limit in zip((attempt.of_account, attempt.of_network), LIMITS[action], strict=True):
        require_below(limit, count)


@asynccontextmanager
async def password_attempt(
    request: Request[Any, Any, Any], email: str, *, settles: bool = True
) -> AsyncIterator[Attempt]:
    """Count an attempt before the account is looked up; check the password in this block, and nothing before it.

    A network that the account knows has its own count, and only that count limits attempts from there. So neither
    attempts from elsewhere nor attempts on other accounts lock the owner out. An attempt whose password could not be
    checked does not count. A success is settled, unless a second factor has to be right first.

    Raises:
        TooManyAttempts: if the account or the network has reached its limit, even if the password is right.
    """
    attempt = await _attempt(request, Action.SIGN_IN, email)
    for_account, for_network = LIMITS[Action.SIGN_IN]
    require_below(for_account, attempt.of_account)
    if Tie.KNOWN not in attempt.ties:
        require_below(for_network, attempt.of_network)
    try:
        yield attempt
    except InvalidCredentials:
        # As for every other account, so that a wrong password does not show which accounts know the network.
        require_below(for_network, attempt.of_network)
        raise
    except (TooBusy, TooManyAttempts):
        await _take_back(request, *attempt.keys)
        raise
    if settles:
        await known_networks.settle(request, email, *attempt.keys)


@asynccontextmanager
async def sign_up_attempt(request: Request[Any, Any, Any], email: str) -> AsyncIterator[bool]:
    """Count a sign-up, and yield what `may_send_mail` returns; judge the address and the password in this block.

    A sign-up that is refused sends no mail, so it does not count for the address. It counts for the network, since it
    takes time to judge a password.

    Raises:
        TooManyAttempts: if the network has reached its limit.
    """
    attempt = await _attempt(request, Action.REGISTER, email)
    try:
        yield _leaves_a_mail(attempt, Action.REGISTER)
    except (InvalidField, TooBusy, HTTPException, IntegrityError):
        # A hook of the owner may have refused an account that was inserted already.
        await request_session(request).rollback()
        await _take_back(request, *attempt.keys[:1])
        raise


async def may_send_mail(request: Request[Any, Any, Any], action: Action, email: str) -> bool:
    """Whether one more mail may be sent to this address. The response must not show the result (ASVS 6.3.8).

    Raises:
        TooManyAttempts: if the network has reached its limit.
    """
    return _leaves_a_mail(await _attempt(request, action, email), action)


def _leaves_a_mail(attempt: Attempt, action: Action) -> bool:
    for_account, for_network = LIMITS[action]
    require_below(for_network, attempt.of_network)
    return attempt.of_account.attempts <= for_account.attempts


async def _take_back(request: Request[Any, Any, Any], *keys: Bucket) -> None:
    async with separate_transaction(request_session(request)) as session:
        await attempt_counters.take_back(session, *keys)


async def count_network(request: Request[Any, Any, Any], session: AsyncSession, name: str, limit: Limit) -> None:
    """Count an attempt of this network alone, in the transaction of `session`; the unknown network has no limit.

    Raises:
        TooManyAttempts: if the network has reached the limit.
    """
    settings: Settings = request.app.state.settings
    place = client_network(request, settings)
    if place != UNKNOWN:
        await attempt_counters.count_below(session, limit, name, place)


async def reset_after_recovery(request: Request[Any, Any, Any], email: str) -> None:
    """Reset the counts of an account whose owner has just set a new password by mail."""
    settings: Settings = request.app.state.settings
    await known_networks.remember(request, email)
    for place in ("", client_network(request, settings)):
        await attempt_counters.reset(request_session(request), _of_account(settings, Action.SIGN_IN, email, place))


async def _attempt(request: Request[Any, Any, Any], action: Action, email: str) -> Attempt:
    settings: Settings = request.app.state.settings
    if settings.throttle is Switch.OFF:
        return Attempt(Count(0, clock.now()), Count(0, clock.now()))
    for_account, for_network = LIMITS[action]
    place = client_network(request, settings)
    async with separate_transaction(request_session(request)) as session:
        ties = await known_networks.ties_to(session, place, email) if action is Action.SIGN_IN else frozenset[Tie]()
        account = _of_account(settings, action, email, place if Tie.KNOWN in ties else "")
        network = {} if place == UNKNOWN else {_of_network(settings, action, place): for_network.window}
        windows = {account: for_account.window, **network}
        of_account, of_network = [*await attempt_counters.add(session, windows), Count(0, clock.now())][:2]
        if action is Action.SIGN_IN and of_account.attempts == for_account.attempts + 1:
            # Only once per window, or an attacker could fill the trail.
            named = select(User.id).where(func.lower(User.email) == email_address.compared(email))
            audit.record(session, Event.SIGN_IN_THROTTLED, await session.scalar(named))
    return Attempt(of_account, of_network, ties, (*windows,))


def _of_account(settings: Settings, action: Action, email: str, place: str) -> Bucket:
    return attempt_counters.bucket(settings, action, "account", email_address.compared(email), place)


def _of_network(settings: Settings, action: Action, place: str) -> Bucket:
    return attempt_counters.bucket(settings, action, "network", place)
