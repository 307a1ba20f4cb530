"""Where somebody is signed in, and how they end it from elsewhere."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct
from sqlalchemy import delete
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.backend import is_alive
from app.models import User
from app.models import UserSession


class Device(Struct):
    """A sign-in as its owner sees it."""

    id: UUID
    created_at: datetime
    last_seen_at: datetime
    ip: str
    user_agent: str
    current: bool


async def of_user(session: AsyncSession, user: User, current: UUID) -> list[Device]:
    """The sign-ins of this user that have not ended, the latest seen first."""
    theirs = select(UserSession).where(UserSession.user_id == user.id, is_alive(session.info["settings"]))
    rows = await session.scalars(theirs.order_by(UserSession.last_seen_at.desc()))
    return [
        Device(row.id, row.created_at, row.last_seen_at, row.ip, row.user_agent, current=row.id == current)
        for row in rows
    ]


async def end(session: AsyncSession, user: User, session_id: UUID) -> bool:
    """End one of them; False if this user has none with this id."""
    ended = delete(UserSession).where(UserSession.id == session_id, UserSession.user_id == user.id)
    return await session.scalar(ended.returning(UserSession.id)) is not None


async def end_others(session: AsyncSession, user: User, current: UUID) -> None:
    """End all of them except the one with the id `current`."""
    await session.execute(delete(UserSession).where(UserSession.user_id == user.id, UserSession.id != current))
