"""Hashing, away from the event loop: one hash takes as long as a hundred requests."""

import os
import secrets
from functools import cache

from anyio import CapacityLimiter
from anyio import to_thread
from passlib.context import CryptContext

from app.settings import Settings

MIN_LENGTH = 15
MAX_LENGTH = 128


class Hasher:
    """Computes argon2id hashes at the cost that the settings name."""

    def __init__(self, settings: Settings) -> None:
        self._context = CryptContext(
            schemes=["argon2"],
            argon2__type="ID",
            argon2__memory_cost=settings.hash_memory_kib,
            argon2__time_cost=settings.hash_iterations,
            argon2__parallelism=settings.hash_parallelism,
        )
        self._nobody = self._context.hash(secrets.token_urlsafe())
        # A hash holds its memory and a core while it runs, so the others wait.
        self._limiter = CapacityLimiter(os.cpu_count() or 1)

    async def digest(self, password: str) -> str:
        """The hash to store."""
        return await to_thread.run_sync(self._context.hash, password, limiter=self._limiter)

    async def matches(self, password: str, stored: str | None) -> bool:
        """Whether the password belongs to the stored hash; without one it takes as long and says no."""
        return await to_thread.run_sync(self._matches, password, stored, limiter=self._limiter)

    def _matches(self, password: str, stored: str | None) -> bool:
        # A hash that nobody can read fits no password, and costs what any other does.
        is_readable = stored is not None and self._context.identify(stored) is not None
        is_right: bool = self._context.verify(password, stored if is_readable else self._nobody)
        return is_right and is_readable


@cache
def hasher_for(settings: Settings) -> Hasher:
    """The one hasher of these settings: making one costs a hash."""
    return Hasher(settings)


def generate() -> str:
    """A password that nobody guesses."""
    return secrets.token_urlsafe(16)
