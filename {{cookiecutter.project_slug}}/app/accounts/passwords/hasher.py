"""Computes password hashes in threads, so that the event loop goes on, and limits how many requests wait for one."""

import asyncio
import os
import sys
import threading
from collections import Counter
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
from sqlalchemy import case
from sqlalchemy import func
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import email_address
from app.accounts.passwords.hashes import ARGON2ID
from app.accounts.passwords.hashes import Hashes
from app.accounts.passwords.hashes import cost_of
from app.accounts.passwords.hashes import decoy
from app.accounts.passwords.hashes import normalise_password
from app.database.transactions import new_transaction
from app.http.errors import RETRY_AFTER_SECONDS
from app.http.errors import TooBusy
from app.http.errors import TooManyAttempts
from app.models import User
from app.settings import Settings

# Added to the niceness of the process: when the processors are busy, a hash gets about a tenth of the time that other
# threads get.
NICE = 10
NICEST = 19
# How many requests wait for each hash that is being computed, and for each account. Further ones are refused at once.
MAX_WAITING = 25
# How many hashes of one account are computed or wait for a thread. Further requests for that account wait in its own
# queue, so that a flood of requests for one account does not hold up the other accounts.
MAX_FOR_ONE_ACCOUNT = 2
LEARN_EVERY = timedelta(hours=1)
# What stands before the salt in a hash of PBKDF2 or scrypt, and the salt, which can be short or have any characters.
AND_SALT = r"^(\$?(?:pbkdf2|scrypt)(?::[^$]*|[_-][^$]*\$[^$]*|\$[^$]*))\$[^$]*"
# Digests and other salts.
LONG_PARTS = "[./+=A-Za-z0-9]{11,}"
# Stored for users without a password. No password matches it.
NONE = "!"

Result = TypeVar("Result")


class Verdict(NamedTuple):
    """Whether a password is right, and whether its hash has another cost than the settings."""

    is_right: bool
    is_outdated: bool = False


class AccountQueue:
    """The requests for one account that wait for a hash."""

    def __init__(self) -> None:
        self.length = 0
        self.places = asyncio.Semaphore(MAX_FOR_ONE_ACCOUNT)


class Hasher:
    """Computes hashes in a small pool of threads."""

    def __init__(self, settings: Settings) -> None:
        self.hashes = Hashes(settings)
        # A hash needs its memory and a processor while it runs, so the number of threads is limited.
        self._threads = ThreadPoolExecutor(settings.hash_concurrency, "hash", _give_way)
        self._max = settings.hash_concurrency * (1 + MAX_WAITING)
        self._asked_for = 0
        self._queues: dict[tuple[str, bool], AccountQueue] = {}

    async def digest(self, password: str, email: str, *, is_sign_up: bool = False) -> str:
        """The hash to store.

        Raises:
            TooBusy: if too many hashes wait, or the machine has no memory left.
            TooManyAttempts: if too many requests for this account wait.
        """
        async with self.place_of(email, is_sign_up=is_sign_up):
            return await self._run(self.hashes.make, normalise_password(password))

    async def verify(self, password: str, stored: str | None, email: str, *, is_sign_up: bool = False) -> Verdict:
        """Whether the password matches the stored hash. Without a hash it takes as long, and the answer is no.

        Raises:
            TooBusy: if too many hashes wait, or the machine has no memory left.
            TooManyAttempts: if too many requests for this address wait, whether or not it has an account.
        """
        async with self.place_of(email, is_sign_up=is_sign_up):
            return await self._run(self._verify, normalise_password(password), stored)

    @asynccontextmanager
    async def place_of(self, email: str, *, is_sign_up: bool) -> AsyncIterator[None]:
        """A place for work on a password of this account.

        Raises:
            TooBusy: if too many have one.
            TooManyAttempts: if too many of this account wait for one.
        """
        # Sign-ups have their own queue: they are not throttled like wrong passwords, and must not hold up sign-ins.
        account = email_address.compared(email), is_sign_up
        queue = self._queues.setdefault(account, AccountQueue())
        if queue.length >= MAX_FOR_ONE_ACCOUNT + MAX_WAITING:
            raise TooManyAttempts(RETRY_AFTER_SECONDS)
        queue.length += 1
        try:
            async with queue.places:
                if self._asked_for >= self._max:
                    raise TooBusy
                self._asked_for += 1
                try:
                    yield
                finally:
                    self._asked_for -= 1
        finally:
            queue.length -= 1
            if not queue.length:
                del self._queues[account]

    async def _run(self, compute: Callable[..., Result], *arguments: str | None) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, compute, *arguments)

    def _verify(self, password: str, stored: str | None) -> Verdict:
        is_right = self.hashes.fits(password, stored)
        return Verdict(is_right, is_outdated=is_right and stored is not None and self.hashes.is_outdated(stored))


def _give_way() -> None:
    # Signing in is slow anyway, so other requests go first. Linux has a priority for each thread. Where it cannot be
    # set, hashes have the same priority as other work.
    if sys.platform == "linux":
        with suppress(OSError):
            thread = threading.get_native_id()
            os.setpriority(os.PRIO_PROCESS, thread, min(os.getpriority(os.PRIO_PROCESS, thread) + NICE, NICEST))


@cache
def hasher_for(settings: Settings) -> Hasher:
    """The one hasher of this process for these settings; its limits apply to all requests."""
    return Hasher(settings)


async def learn_costs(app: Litestar) -> float:
    """Read the costs of stored hashes, so that each check costs the same; returns the seconds until the next call."""
    async with new_transaction(app) as session:
        hasher_for(app.state.settings).hashes.learn(await stored_costs(session))
    return LEARN_EVERY.total_seconds()


async def stored_costs(session: AsyncSession) -> dict[str, int]:
    """The costs that stored hashes have, and how many users have one of each."""
    stored = User.password_hash.collate("C")
    is_ours = stored.startswith(ARGON2ID)
    # Without salts and digests. A regular expression takes eight times as long, so only imported hashes meet it.
    rest = func.regexp_replace(func.regexp_replace(stored, AND_SALT, r"\1"), LONG_PARTS, "", "g")
    kind = case((is_ours, func.split_part(stored, "$", 4)), else_=rest)
    # A damaged hash is rarely as long as those of its kind, for which it must not stand.
    kinds = select(is_ours, kind, func.max(stored), func.count()).group_by(is_ours, kind, func.length(stored))
    costs: Counter[str] = Counter()
    for ours, parameters, example, users in await session.execute(kinds):
        if cost := cost_of(decoy(f"{ARGON2ID}${parameters}") if ours else example):
            costs[cost] += users
    return costs
