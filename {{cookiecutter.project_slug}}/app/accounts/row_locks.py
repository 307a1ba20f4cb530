"""Lock rows before you check a rule on them, so that the rule still holds when the request is stored.

Every request locks in the same order, so no two wait for each other: an e-mail address (`ownership.lock_email`), then
the users concerned, then everything else; several rows of one table by id.
"""

from hashlib import sha256
from typing import TypeVar
from uuid import UUID

from advanced_alchemy.base import UUIDBase
from advanced_alchemy.exceptions import NotFoundError
from litestar.exceptions import NotAuthorizedException
from sqlalchemy import Select
from sqlalchemy import func
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.http.current_request import current_request
from app.models import AccessToken
from app.models import User
from app.models import UserSession

Row = TypeVar("Row", bound=UUIDBase)


async def lock(
    session: AsyncSession, model: type[Row], *ids: UUID | int, to_delete: bool = False
) -> dict[UUID | int, Row]:
    """The rows with these ids as they are now, by id; no other transaction changes them before this one ends.

    Rows that point to a locked one can still be added, unless it is locked `to_delete` it.
    """
    found = select(model).where(model.id.in_(ids)).order_by(model.id)
    locked = found.with_for_update(of=model, key_share=not to_delete)
    rows = await session.scalars(locked, execution_options={"populate_existing": True})
    return {row.id: row for row in rows.unique()}


async def lock_name(session: AsyncSession, name: str) -> None:
    """Make other transactions that lock this name wait until this one ends; there may be no row to lock yet."""
    key = int.from_bytes(sha256(name.encode()).digest()[:8], "big", signed=True)
    await session.execute(select(func.pg_advisory_xact_lock(key)))


async def lock_user(session: AsyncSession, user_id: UUID | int, *, to_delete: bool = False) -> User:
    """The user with this id as they are now, locked as by `lock`.

    Raises:
        NotAuthorizedException: if it is the caller, and the sign-in has ended; see `still_signed_in`.
        NotFoundError: if there is no such user.
    """
    user = (await lock(session, User, user_id, to_delete=to_delete)).get(user_id)
    if user_id == current_request().user_id:
        return await still_signed_in(session, user)
    if user is None:
        raise NotFoundError
    return user


async def still_signed_in(session: AsyncSession, user: User | None) -> User:
    """The caller, read again and locked, if the sign-in or token of this request has not ended.

    Raises:
        NotAuthorizedException: if the account was deleted or deactivated, or the sign-in has ended, since the request
            began. A body may take half a minute to arrive: a thief could begin requests and finish them after a reset.
    """
    if user is None or not (user.is_active and user.is_verified) or await session.scalar(presented()) is None:
        raise NotAuthorizedException
    return user


def presented() -> Select[tuple[UUID]]:
    """The sign-in or token of this request; it selects nothing once that has ended."""
    now = current_request()
    if now.token is None:
        return select(UserSession.id).where(UserSession.id == now.session_id)
    return select(AccessToken.id).where(AccessToken.id == now.token.id)
