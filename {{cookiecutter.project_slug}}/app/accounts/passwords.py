"""Hashing, away from the event loop: one hash takes as long as a hundred requests."""

import os

from anyio import CapacityLimiter
from anyio import to_thread
from litestar_users.password import PasswordManager

MIN_LENGTH = 15
MAX_LENGTH = 128

# Each hash holds tens of megabytes, so as many as there are cores run at once and the others wait.
_hashing = CapacityLimiter(os.cpu_count() or 1)
_manager = PasswordManager(["argon2"])


async def digest(password: str) -> str:
    """The argon2id hash to store."""
    return await to_thread.run_sync(_manager.hash, password, limiter=_hashing)


async def matches(password: str, stored: str | None) -> bool:
    """Whether the password belongs to the stored hash; without one it takes as long and says no."""
    return await to_thread.run_sync(_verify, password, stored, limiter=_hashing)


def generate() -> str:
    """A password that nobody guesses."""
    return _manager.generate()


def _verify(password: str, stored: str | None) -> bool:
    try:
        return _manager.verify_and_update(password, stored)[0]
    except ValueError:
        # A hash that nobody can read fits no password.
        return False
