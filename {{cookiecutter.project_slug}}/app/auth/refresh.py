"""Refresh tokens: each works once, and its successor is derived from it, so parallel requests get the same one.

A token is the id of the sign-in, a secret, and a seal that shows that we made it; the database keeps the digest of the
newest secret alone. One of ours that was replaced longer ago than the grace is a copy in somebody else's hands, and
ends the sign-in (RFC 9700, 4.14.2).
"""

import hmac
import secrets
from base64 import urlsafe_b64decode
from base64 import urlsafe_b64encode
from datetime import timedelta
from enum import StrEnum
from typing import Any
from typing import NamedTuple
from uuid import UUID

from litestar import Request
from litestar import post
from litestar.exceptions import NotAuthorizedException
from litestar.handlers import HTTPRouteHandler
from litestar.types import AsyncAnyCallable
from sqlalchemy import select
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.accounts import audit
from app.auth.backend import digest
from app.auth.backend import end_session
from app.auth.backend import is_alive
from app.auth.backend import rename_session
from app.auth.backend import start_session
from app.database import aside
from app.database import request_session
from app.models import User
from app.models import UserSession
from app.settings import Settings

# A browser with several tabs asks for all of them at once.
GRACE = timedelta(seconds=10)
SUCCESSOR, SEAL = "refresh-token", "refresh-token-seal"
# Together a multiple of three, so Base64 needs no padding, which cookies would have to quote.
ID_BYTES, SECRET_BYTES, SEAL_BYTES = 16, 32, 18


class Event(StrEnum):
    """What the audit trail holds of it."""

    COPY_USED = "sign-in.copy-used"


class Renewal(NamedTuple):
    """A sign-in and the refresh token that renews it next time."""

    row: UserSession
    token: str


def route(renew: AsyncAnyCallable) -> HTTPRouteHandler:
    """`POST /refresh`, answered by the kind of credentials that is decorated with it."""
    return post(
        "/refresh",
        status_code=200,
        exclude_from_auth=True,
        refuses=[NotAuthorizedException],
        security=[{}],
        tags=["Credentials"],
    )(renew)


async def start(request: Request[Any, Any, Any], user: User) -> Renewal:
    """A new sign-in of this user."""
    secret = secrets.token_bytes(SECRET_BYTES)
    row = await start_session(request, user, secret)
    return _renewal(request, row, secret)


async def rename(request: Request[Any, Any, Any]) -> Renewal:
    """Another id and token for the sign-in of this request, since what its holder may do has changed."""
    secret = secrets.token_bytes(SECRET_BYTES)
    row = await rename_session(request_session(request), request.auth["session_id"], secret)
    return _renewal(request, row, secret)


async def renew(request: Request[Any, Any, Any], token: str) -> Renewal:
    """The sign-in to which the token belongs, and the token's successor.

    Raises:
        NotAuthorizedException: if it is no token of ours, or was replaced; in that case the sign-in is over.
    """
    settings: Settings = request.app.state.settings
    session_id, secret = _read(settings, token)
    successors = [hmac.digest(key, session_id.bytes + secret, "sha256") for key in settings.keys_for(SUCCESSOR)]
    row = await _replace(request_session(request), session_id, secret, successors)
    if row is None:
        await _end_for_good(request_session(request), session_id)
        raise NotAuthorizedException
    return _renewal(request, row, next(each for each in successors if digest(each) == row.secret_digest))


async def _end_for_good(session: AsyncSession, session_id: UUID) -> None:
    # Beside the request, which the refusal rolls back. It may hold a lock on the row: an update that had to wait for
    # another request keeps one, although it changes nothing.
    async with aside(session) as other:
        user_id = await end_session(other, session_id)
        if user_id is not None:
            audit.record(other, Event.COPY_USED, user_id)


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
    found = select(UserSession).where(UserSession.id == session_id, is_successor, just_now)
    return (await session.scalars(found.where(is_alive(session.info["settings"])))).one_or_none()


def _renewal(request: Request[Any, Any, Any], row: UserSession, secret: bytes) -> Renewal:
    content = row.id.bytes + secret
    seal = _seal(request.app.state.settings.key_for(SEAL), content)
    return Renewal(row, urlsafe_b64encode(content + seal).decode())


def _read(settings: Settings, token: str) -> tuple[UUID, bytes]:
    try:
        raw = urlsafe_b64decode(token)
    except ValueError as error:
        raise NotAuthorizedException from error
    content, seal = raw[:-SEAL_BYTES], raw[-SEAL_BYTES:]
    # Whoever knows the id of a sign-in, which access tokens say, must not be able to end it with a secret made up.
    if not any(hmac.compare_digest(seal, _seal(key, content)) for key in settings.keys_for(SEAL)):
        raise NotAuthorizedException
    return UUID(bytes=content[:ID_BYTES]), content[ID_BYTES:]


def _seal(key: bytes, content: bytes) -> bytes:
    return hmac.digest(key, content, "sha256")[:SEAL_BYTES]
