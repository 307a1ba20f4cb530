"""Passwords: which are good enough, and their hashes, computed away from the event loop."""

import asyncio
import os
import secrets
import sys
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from typing import NamedTuple
from typing import TypeVar

from app.accounts.argon2id import Argon2id
from app.accounts.argon2id import is_hash
from app.accounts.common_passwords import is_common
from app.errors import InvalidField
from app.errors import TooBusy
from app.settings import PROJECT_NAME
from app.settings import Settings

MAX_LENGTH = 128
# A tenth of the share of those that do not give way, when the processors are busy.
NICE = 10
# Shorter words are parts of too many sentences.
CONTEXT_WORD_MIN_LENGTH = 4
# For each hash that is computed; who comes then is told to come again, instead of waiting for seconds.
MOST_WAITING = 25
# Sign-ins that follow one another use the same memory; after them it is given back.
MEMORY_KEPT_SECONDS = 0.5
# Stored where there is no password: no hash, so nothing fits it.
NONE = "!"

Result = TypeVar("Result")


def require_good(password: str, email: str, settings: Settings, field: str = "password") -> None:
    """Refuse what attackers try first; any character may be used and none has to be (NIST SP 800-63B-4, 3.1.1.2).

    Raises:
        InvalidField: says what to do instead.
    """
    password = _normalised(password)
    if not settings.password_min_length <= len(password) <= MAX_LENGTH:
        raise InvalidField(field, f"Use {settings.password_min_length} to {MAX_LENGTH} characters.")
    folded = password.casefold()
    if is_common(folded):
        raise InvalidField(field, "Many people use this password, so attackers try it first. Use another.")
    for word in (PROJECT_NAME.casefold(), email.strip().partition("@")[0].casefold()):
        if len(word) >= CONTEXT_WORD_MIN_LENGTH and word in folded:
            raise InvalidField(field, "Leave out your address and our name: attackers try them first.")


class Verdict(NamedTuple):
    """Whether a password is right, and the hash to store instead of one that costs less than the settings ask for."""

    is_right: bool
    new_hash: str | None


class Hasher:
    """Computes argon2id hashes at the cost that the settings name."""

    def __init__(self, settings: Settings) -> None:
        self._argon2id = Argon2id(settings.hash_memory_kib, settings.hash_iterations, settings.hash_parallelism)
        self._nobody = self._argon2id.digest(secrets.token_urlsafe())
        # A hash holds its memory and a core while it runs, so the others wait; and only so many of them.
        self._threads = ThreadPoolExecutor(settings.hash_concurrency, "hash", _give_way)
        self._most = settings.hash_concurrency * (1 + MOST_WAITING)
        self._asked_for = 0
        self._resting: asyncio.TimerHandle | None = None

    async def digest(self, password: str) -> str:
        """The hash to store.

        Raises:
            TooBusy: if too many wait to be computed.
        """
        return await self._run(self._argon2id.digest, _normalised(password))

    async def verify(self, password: str, stored: str | None) -> Verdict:
        """Whether the password belongs to the stored hash; without one it takes as long and says no.

        Raises:
            TooBusy: if too many wait to be computed.
        """
        return await self._run(self._verify, _normalised(password), stored)

    async def _run(self, compute: Callable[..., Result], *arguments: str | None) -> Result:
        if self._asked_for >= self._most:
            raise TooBusy
        self._asked_for += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, compute, *arguments)
        finally:
            self._asked_for -= 1
            self._rest_soon()

    def _rest_soon(self) -> None:
        if self._resting:
            self._resting.cancel()
        self._resting = asyncio.get_running_loop().call_later(MEMORY_KEPT_SECONDS, self._argon2id.give_back)

    def _verify(self, password: str, stored: str | None) -> Verdict:
        # A hash that nobody can read fits no password, and costs what any other does.
        if stored is None or not is_hash(stored):
            self._argon2id.verify(password, self._nobody)
            return Verdict(is_right=False, new_hash=None)
        is_right = self._argon2id.verify(password, stored)
        is_replaced = is_right and self._argon2id.is_outdated(stored)
        return Verdict(is_right, self._argon2id.digest(password) if is_replaced else None)


def _give_way() -> None:
    # Whoever signs in waits for a hash anyway; everybody else goes first. Linux has a priority for each thread; where
    # it may not be set, hashes are computed all the same.
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)


@cache
def hasher_for(settings: Settings) -> Hasher:
    """The one hasher of these settings: making one costs a hash."""
    return Hasher(settings)


def generate() -> str:
    """A password that nobody guesses."""
    return secrets.token_urlsafe(16)


def _normalised(password: str) -> str:
    # Keyboards write the same letter in different ways; this makes them one, when it is set and when it is checked.
    return unicodedata.normalize("NFC", password)
