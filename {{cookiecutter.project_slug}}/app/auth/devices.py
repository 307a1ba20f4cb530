"""The devices that a user is signed in on, and how to sign them out."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import delete
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.user_sessions import MAX_SIGN_INS
from app.auth.user_sessions import end_session
from app.auth.user_sessions import is_alive
from app.models import UserSession


class Device(Struct):
    """A sign-in of any user."""

    id: UUID
    created_at: datetime
    last_seen_at: datetime
    ip: str
    user_agent: str
    # How and when its holder last confirmed who they are (RFC 8176).
    amr: list[str]
    authenticated_at: datetime


class OwnDevice(Device):
    """A sign-in as its owner sees it."""

    current: bool


async def of_user(session: AsyncSession, user_id: UUID) -> list[Device]:
    """The sign-ins of this user that have not ended, the latest seen first."""
    theirs = select(UserSession).where(UserSession.user_id == user_id, is_alive(session.info["settings"]))
    rows = await session.scalars(theirs.order_by(UserSession.last_seen_at.desc()).limit(MAX_SIGN_INS))
    return [Device(**{name: getattr(row, name) for name in Device.__struct_fields__}) for row in rows]


async def of_caller(session: AsyncSession, user_id: UUID, current: UUID) -> list[OwnDevice]:
    """The sign-ins of the caller, with a mark on the `current` one."""
    theirs = await of_user(session, user_id)
    return [OwnDevice(**asdict(device), current=device.id == current) for device in theirs]


async def end(session: AsyncSession, user_id: UUID, session_id: UUID) -> bool:
    """End one sign-in of this user; False if it does not exist or has just ended."""
    return await end_session(session, session_id, UserSession.user_id == user_id) is not None


async def end_all(session: AsyncSession, user_id: UUID, *, but: UUID | None = None) -> bool:
    """End all sign-ins of this user except the one with the id `but`; False if there were none."""
    others = (UserSession.user_id == user_id) & (UserSession.id.is_distinct_from(but))
    ended = await session.scalars(delete(UserSession).where(others).returning(UserSession.id))
    return bool(ended.all())
