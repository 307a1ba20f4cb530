"""Refresh tokens: each works once, and its successor is derived from it, so parallel requests get the same one.

A token is the id of the sign-in and a secret; the database keeps the digest of the newest secret alone. One that was
replaced longer ago than the grace is a copy in somebody else's hands, and ends the sign-in (RFC 9700, 4.14.2).
"""

import hmac
import secrets
from base64 import urlsafe_b64decode
from base64 import urlsafe_b64encode
from datetime import timedelta
from typing import Any
from typing import NamedTuple
from uuid import UUID

from litestar import Request
from litestar.exceptions import NotAuthorizedException
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.auth.backend import digest
from app.auth.backend import end_session
from app.auth.backend import find_session
from app.auth.backend import is_alive
from app.auth.backend import rename_session
from app.auth.backend import start_session
from app.database import own_transaction
from app.database import request_session
from app.models import User
from app.models import UserSession

# A browser with several tabs asks for all of them at once.
GRACE = timedelta(seconds=10)
SECRET_BYTES = 32


class Renewal(NamedTuple):
    """A sign-in and the refresh token that renews it next time."""

    row: UserSession
    token: str


async def start(request: Request[Any, Any, Any], user: User) -> Renewal:
    """A new sign-in of this user."""
    secret = secrets.token_bytes(SECRET_BYTES)
    row = await start_session(request, user, secret)
    return Renewal(row, _written(row.id, secret))


async def rename(request: Request[Any, Any, Any]) -> Renewal:
    """Another id and token for the sign-in of this request, since what its holder may do has changed."""
    secret = secrets.token_bytes(SECRET_BYTES)
    row = await rename_session(request_session(request), request.auth["session_id"], secret)
    return Renewal(row, _written(row.id, secret))


async def renew(request: Request[Any, Any, Any], token: str) -> Renewal:
    """The sign-in to which the token belongs, and the token's successor.

    Raises:
        NotAuthorizedException: if the token is not the newest one; its sign-in is over then.
    """
    session_id, secret = _read(token)
    keys = request.app.state.settings.keys_for("refresh-token")
    successors = [hmac.digest(key, session_id.bytes + secret, "sha256") for key in keys]
    row = await _replace(request_session(request), session_id, secret, successors)
    if row is None:
        # In its own transaction, since the refusal rolls back that of the request.
        async with own_transaction(request.app) as session:
            await end_session(session, session_id)
        raise NotAuthorizedException
    successor = next(each for each in successors if digest(each) == row.secret_digest)
    return Renewal(row, _written(session_id, successor))


async def _replace(
    session: AsyncSession, session_id: UUID, secret: bytes, successors: list[bytes]
) -> UserSession | None:
    replaced = await session.scalar(
        update(UserSession)
        .where(UserSession.id == session_id, UserSession.secret_digest == digest(secret))
        .where(is_alive(session.info["settings"]))
        .where(UserSession.user_id == User.id, User.is_active, User.is_verified)
        .values(secret_digest=digest(successors[0]), secret_changed_at=clock.now(), last_seen_at=clock.now())
        .returning(UserSession)
    )
    if replaced is not None:
        return replaced
    just_now = UserSession.secret_changed_at > clock.now() - GRACE
    # Whichever key the other request had, if the key is being changed.
    is_successor = UserSession.secret_digest.in_([digest(each) for each in successors])
    return await find_session(session, (UserSession.id == session_id) & is_successor & just_now)


def _written(session_id: UUID, secret: bytes) -> str:
    return urlsafe_b64encode(session_id.bytes + secret).decode()


def _read(token: str) -> tuple[UUID, bytes]:
    try:
        content = urlsafe_b64decode(token)
        session_id, secret = UUID(bytes=content[:16]), content[16:]
    except ValueError as error:
        raise NotAuthorizedException from error
    if len(secret) != SECRET_BYTES:
        raise NotAuthorizedException
    return session_id, secret
