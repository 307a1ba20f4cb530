"""Passwords: which are good enough, and their hashes, computed away from the event loop."""

import asyncio
import os
import secrets
import sys
import threading
import unicodedata
from collections.abc import AsyncIterator
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from contextlib import suppress
from datetime import timedelta
from functools import cache
from typing import NamedTuple
from typing import TypeVar

from litestar import Litestar
from sqlalchemy import func
from sqlalchemy import select

from app import addresses
from app.accounts.guessing import is_guessable
from app.accounts.hashes import ARGON2ID
from app.accounts.hashes import Hashes
from app.accounts.hashes import cost_of
from app.accounts.hashes import decoy
from app.database import own_transaction
from app.errors import RETRY_AFTER_SECONDS
from app.errors import InvalidField
from app.errors import TooBusy
from app.errors import TooManyAttempts
from app.models import User
from app.settings import PROJECT_NAME
from app.settings import Settings

MAX_LENGTH = 128
# A tenth of the share of those that do not give way, when the processors are busy.
NICE = 10
# Shorter words are parts of too many sentences.
CONTEXT_WORD_MIN_LENGTH = 4
# For each hash that is computed, and for each account. Later requests are refused instead of waiting for seconds.
MOST_WAITING = 25
# How many hashes of one account are computed or wait for a thread. Others of that account wait in a line of their own:
# a caller who knows a few passwords does not hold up everybody else.
MOST_FOR_ONE_ACCOUNT = 2
LEARN_EVERY = timedelta(hours=1)
EASY_TO_GUESS = "This password is easy to guess. Use four or more unusual words, or let a password manager make one."
# Stored where there is no password: no password fits it.
NONE = "!"

Result = TypeVar("Result")


async def require_good(
    password: str, email: str, settings: Settings, field: str = "password", *, name: str = ""
) -> None:
    """Refuse what attackers try first; any character may be used and none has to be (NIST SP 800-63B-4, 3.1.1.2).

    Takes some milliseconds, so hold no connection to the database meanwhile. `name` is what the user is called.

    Raises:
        InvalidField: says what to do instead.
    """
    password = _normalised(password)
    if not settings.password_min_length <= len(password) <= MAX_LENGTH:
        raise InvalidField(field, f"Use {settings.password_min_length} to {MAX_LENGTH} characters.")
    local_part, _, domain = email.strip().partition("@")
    for word in (PROJECT_NAME.casefold(), local_part.casefold()):
        if len(word) >= CONTEXT_WORD_MIN_LENGTH and word in password.casefold():
            raise InvalidField(field, "Leave out your address and the name of this service: attackers try them first.")
    if await is_guessable(password, (PROJECT_NAME, local_part, domain, name)):
        raise InvalidField(field, EASY_TO_GUESS)


class Verdict(NamedTuple):
    """Whether a password is right, and whether its hash has another cost than the settings name."""

    is_right: bool
    is_outdated: bool = False


class Line:
    """The requests of one account that want a hash."""

    def __init__(self) -> None:
        self.length = 0
        self.places = asyncio.Semaphore(MOST_FOR_ONE_ACCOUNT)


class Hasher:
    """Computes hashes beside the event loop, few at once."""

    def __init__(self, settings: Settings) -> None:
        self.hashes = Hashes(settings)
        # A hash holds its memory and a core while it runs, so the others wait; and only so many of them.
        self._threads = ThreadPoolExecutor(settings.hash_concurrency, "hash", _give_way)
        self._most = settings.hash_concurrency * (1 + MOST_WAITING)
        self._asked_for = 0
        self._lines: dict[tuple[str, bool], Line] = {}

    async def digest(self, password: str, email: str, *, is_sign_up: bool = False) -> str:
        """The hash to store.

        Raises:
            TooBusy: if too many wait to be computed, or the memory is used up.
            TooManyAttempts: if too many of this account wait.
        """
        async with self._place_of(email, is_sign_up=is_sign_up):
            return await self._run(self.hashes.make, _normalised(password))

    async def verify(self, password: str, stored: str | None, email: str, *, is_sign_up: bool = False) -> Verdict:
        """Whether the password belongs to the stored hash; without one it takes as long and says no.

        Raises:
            TooBusy: if too many wait to be computed, or the memory is used up.
            TooManyAttempts: if too many of this address wait, whether or not it has an account.
        """
        async with self._place_of(email, is_sign_up=is_sign_up):
            return await self._run(self._verify, _normalised(password), stored)

    @asynccontextmanager
    async def _place_of(self, email: str, *, is_sign_up: bool) -> AsyncIterator[None]:
        # Sign-ups are not counted for an address as wrong passwords are, so they do not hold up its owner's sign-ins.
        account = addresses.compared(email), is_sign_up
        line = self._lines.setdefault(account, Line())
        if line.length >= MOST_FOR_ONE_ACCOUNT + MOST_WAITING:
            raise TooManyAttempts(RETRY_AFTER_SECONDS)
        line.length += 1
        try:
            async with line.places:
                yield
        finally:
            line.length -= 1
            if not line.length:
                del self._lines[account]

    async def _run(self, compute: Callable[..., Result], *arguments: str | None) -> Result:
        if self._asked_for >= self._most:
            raise TooBusy
        self._asked_for += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, compute, *arguments)
        finally:
            self._asked_for -= 1

    def _verify(self, password: str, stored: str | None) -> Verdict:
        is_right = self.hashes.fits(password, stored)
        return Verdict(is_right, is_outdated=is_right and stored is not None and self.hashes.is_outdated(stored))


def _give_way() -> None:
    # A caller who signs in waits for a hash anyway; every other request goes first. Linux has a priority for each
    # thread; where it may not be set, hashes are computed all the same.
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)


@cache
def hasher_for(settings: Settings) -> Hasher:
    """The one hasher of these settings in this process: it bounds what all requests ask for."""
    return Hasher(settings)


async def learn_costs(app: Litestar) -> float:
    """Find out what stored hashes cost, so that each check costs the same; returns the seconds until the next time."""
    hashes = hasher_for(app.state.settings).hashes
    async with own_transaction(app) as session:
        # A quarter of a second among a million users; a regular expression would take eight times as long.
        parameters = await session.scalars(select(func.split_part(User.password_hash, "$", 4)).distinct())
        hashes.learn(cost_of(decoy(f"{ARGON2ID}${each}")) for each in parameters)
    return LEARN_EVERY.total_seconds()


def is_same(one: str, another: str) -> bool:
    """Whether two passwords are one, however a keyboard writes them."""
    return _normalised(one) == _normalised(another)


def generate() -> str:
    """A random password of 128 bits."""
    return secrets.token_urlsafe(16)


def _normalised(password: str) -> str:
    # Keyboards write the same letter in different ways; this makes them one, when it is set and when it is checked.
    return unicodedata.normalize("NFC", password)
