"""Which factors a user has; the user's row is locked where a rule depends on it."""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlalchemy import exists
from sqlalchemy import select
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.row_locks import lock_user
from app.accounts.ways_in import WAYS_IN
from app.auth.user_sessions import STRONG
from app.auth.user_sessions import UserRequest
from app.database.sessions import request_session
from app.factors.models import Passkey
from app.factors.models import RecoveryCode
from app.factors.models import Totp
from app.http.errors import RecentSignInRequired
from app.models import User
from app.models import UserSession
from app.settings.factors import rp_id_of


class Factor(StrEnum):
    """What a user can confirm a sign-in with."""

    PASSKEY = "passkey"
    TOTP = "totp"
    RECOVERY_CODE = "recovery_code"


async def usable_factors(session: AsyncSession, user_id: UUID | int) -> list[Factor]:
    """The factors that this user can use now; a recovery code needs another factor that it stands in for."""
    is_held = {
        Factor.PASSKEY: is_usable(session, user_id),
        Factor.TOTP: (Totp.user_id == user_id) & Totp.is_confirmed,
        Factor.RECOVERY_CODE: (RecoveryCode.user_id == user_id) & ~RecoveryCode.is_used,
    }
    row = (await session.execute(select(*(exists().where(condition) for condition in is_held.values())))).one()
    held = [factor for factor, has in zip(is_held, row, strict=True) if has]
    return [] if held == [Factor.RECOVERY_CODE] else held


def is_usable(session: AsyncSession, user_id: UUID | int) -> ColumnElement[bool]:
    """The condition that a passkey is one of this user and of the present RP id; another one opens nothing."""
    return (Passkey.user_id == user_id) & (Passkey.rp_id == (rp_id_of(session.info["settings"]) or ""))


async def has_passkey(session: AsyncSession, user: User) -> bool:
    """Whether the user can sign in with a passkey."""
    return bool(await session.scalar(select(exists().where(is_usable(session, user.id)))))


async def lock_caller(request: UserRequest) -> tuple[User, list[Factor], list[str]]:
    """The user of this request, locked, with the factors that they have and the `amr` of the sign-in, as they are now.

    Raises:
        RecentSignInRequired: if the account has a factor, and the sign-in was made without one.
        NotAuthorizedException: if the sign-in has ended since the request began.
    """
    session = request_session(request)
    user = await lock_user(session, request.user.id)
    factors = await usable_factors(session, user.id)
    amr = await session.scalar(select(UserSession.amr).where(UserSession.id == request.auth["session_id"])) or []
    if factors and STRONG not in amr:
        raise RecentSignInRequired
    return user, factors, amr


async def handle_of(session: AsyncSession, user_id: UUID | int, new: bytes) -> bytes:
    """The bytes by which passkeys name this user: the stored ones, or these if there are none."""
    stored = select(User.user_handle).where(User.id == user_id)
    if (handle := await session.scalar(stored)) is None:
        # Of two requests at the same moment, the first one's is kept.
        given = update(User).where(User.id == user_id, User.user_handle.is_(None)).values(user_handle=new)
        await session.execute(given, execution_options={"synchronize_session": False})
        handle = await session.scalar(stored)
    return handle or new


WAYS_IN.append(has_passkey)
