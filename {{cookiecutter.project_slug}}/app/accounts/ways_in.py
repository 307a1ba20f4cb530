"""Whether a user has a way to sign in; the last one cannot be removed."""

from collections.abc import Awaitable
from collections.abc import Callable
from http import HTTPStatus

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.passwords.hashes import is_hash
from app.http.error_responses import TABLE
from app.http.errors import Conflict
from app.models import User


class LastWayIn(Conflict):
    """Without it, the user could not sign in any more."""


async def has_password(_: AsyncSession, user: User) -> bool:
    """Whether the user has a password."""
    return is_hash(user.password_hash)


async def require_way_in(session: AsyncSession, user: User) -> None:
    """Require that the user, whose row is locked, can still sign in. Call it after the removal of a way.

    Raises:
        LastWayIn: if no way is left.
    """
    for has_way in WAYS_IN:
        if await has_way(session, user):
            return
    raise LastWayIn


# Features add theirs.
WAYS_IN: list[Callable[[AsyncSession, User], Awaitable[bool]]] = [has_password]
TABLE[LastWayIn] = (HTTPStatus.CONFLICT, "last-way-in", "This is your last way to sign in. Add another one first.")
