"""Refresh tokens: each is used once, and its successor is derived from it, so parallel requests get the same one.

A token holds the id of the sign-in, a secret, and a signature of this service. The database only holds the digest of
the newest secret. The answers to older tokens (RFC 9700, 4.14.2):

| presented | answer |
| --- | --- |
| the newest token | its successor |
| the one before it | the newest token, at any time: the answer to that renewal may have been lost |
| two or three before it | the newest token within `GRACE` of the last renewal; later the sign-in ends |
| any older one | the sign-in ends, and the audit trail says so |
| one from before the last confirmation of a password | 401; the sign-in ends too unless that was within `GRACE` |

Within the grace, an older token gets the newest one instead of a refusal. Requests of one client may overtake each
other and share one store, and a refusal would make the client drop the token that another request has just received.

The price: a thief with a copy who renews in turn with the owner is not noticed. Once either of them renews twice in a
row, the token of the other is too old, and its next use ends the sign-in for both.
"""

import hmac
import secrets
from base64 import urlsafe_b64decode
from base64 import urlsafe_b64encode
from enum import StrEnum
from typing import Any
from typing import NamedTuple
from uuid import UUID

from litestar import Request
from litestar import post
from litestar.exceptions import NotAuthorizedException
from litestar.handlers import HTTPRouteHandler
from litestar.types import AsyncAnyCallable
from sqlalchemy import ColumnElement
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.accounts import audit
from app.auth.user_sessions import GRACE
from app.auth.user_sessions import UserRequest
from app.auth.user_sessions import end_session
from app.auth.user_sessions import is_alive
from app.auth.user_sessions import is_just_replaced
from app.auth.user_sessions import rotate_session
from app.auth.user_sessions import seen_from
from app.auth.user_sessions import sha256_of
from app.auth.user_sessions import start_session
from app.database.sessions import request_session
from app.database.transactions import separate_transaction
from app.models import User
from app.models import UserSession
from app.settings import Settings

# The tabs and processes of one client renew at the same moment, and their requests overtake each other.
RENEWALS_WITHIN_GRACE = 3
# The names that keys are derived by. Tokens depend on them.
SUCCESSOR, SIGNATURE = "refresh-token", "refresh-token-seal"
# Together a multiple of three, so Base64 needs no padding, which cookies would have to quote.
ID_BYTES, SECRET_BYTES, SIGNATURE_BYTES = 16, 32, 18


class TokenEvent(StrEnum):
    """Entries of the audit trail about refresh tokens."""

    COPY_USED = "sign-in.copy-used"


class Renewal(NamedTuple):
    """A sign-in and its next refresh token."""

    row: UserSession
    token: str


def route(renew: AsyncAnyCallable) -> HTTPRouteHandler:
    """`POST /refresh`, answered by the kind of credentials that is decorated with it."""
    return post(
        "/refresh",
        status_code=200,
        exclude_from_auth=True,
        refuses=[NotAuthorizedException],
        tags=["Credentials"],
    )(renew)


async def start(
    request: Request[Any, Any, Any], user: User, presented: ColumnElement[bool] | None, **columns: Any
) -> Renewal:
    """A new sign-in of this user."""
    secret = secrets.token_bytes(SECRET_BYTES)
    row = await start_session(request, user, secret, presented, **columns)
    return _renewal(request, row, secret)


async def rotate(request: UserRequest, **columns: Any) -> Renewal:
    """A new token for the sign-in of this request, whose holder has just confirmed who they are."""
    secret = secrets.token_bytes(SECRET_BYTES)
    return _renewal(request, await rotate_session(request, secret, **columns), secret)


async def renew(request: Request[Any, Any, Any], token: str) -> Renewal:
    """Trade a refresh token for the next one.

    Raises:
        NotAuthorizedException: if the token is forged, its sign-in has ended, or it is too old. In the last case the
            sign-in ends now.
    """
    settings: Settings = request.app.state.settings
    session_id, secret = _read(settings, token)
    row = await _locked(request_session(request), session_id)
    if row is None:
        raise NotAuthorizedException
    if sha256_of(secret) == row.secret_digest:
        successor = _successors(settings, row, secret)[0]
        row.secret_digest, row.secret_changed_at = sha256_of(successor), clock.now()
        for column, value in seen_from(request).items():
            setattr(row, column, value)
        return _renewal(request, row, successor)
    newest = _newest_after(settings, row, secret)
    if newest is None:
        await _end_for_good(request_session(request), session_id)
        raise NotAuthorizedException
    return _renewal(request, row, newest)


async def names_a_sign_in(request: Request[Any, Any, Any], token: str) -> bool:
    """Whether the token is genuine and its sign-in has not ended, so the caller may hold a newer token."""
    try:
        session_id, secret = _read(request.app.state.settings, token)
    except NotAuthorizedException:
        return False
    alive = select(UserSession.id).where(UserSession.id == session_id, is_alive(request.app.state.settings))
    session = request_session(request)
    return await session.scalar(alive) is not None or await is_just_replaced(session, secret)


async def _locked(session: AsyncSession, session_id: UUID) -> UserSession | None:
    # Requests at the same moment wait here; each sees the secret that the one before it has stored.
    found = (
        select(UserSession)
        .join(User, User.id == UserSession.user_id)
        .where(UserSession.id == session_id, is_alive(session.info["settings"]), User.is_active, User.is_verified)
        .with_for_update(of=UserSession)
        .execution_options(populate_existing=True)
    )
    return (await session.scalars(found)).one_or_none()


def _newest_after(settings: Settings, row: UserSession, secret: bytes) -> bytes | None:
    is_within_grace = row.secret_changed_at > clock.now() - GRACE
    later = [secret]
    for _ in range(RENEWALS_WITHIN_GRACE if is_within_grace else 1):
        later = [successor for each in later for successor in _successors(settings, row, each)]
        for each in later:
            if sha256_of(each) == row.secret_digest:
                return each
    return None


def _successors(settings: Settings, row: UserSession, secret: bytes) -> list[bytes]:
    # This process uses the first. While SECRET_KEY is being replaced, other processes may use the other key.
    return [hmac.digest(key, row.id.bytes + secret, "sha256") for key in settings.keys_for(SUCCESSOR)]


async def _end_for_good(session: AsyncSession, session_id: UUID) -> None:
    # In a separate transaction, since the refusal rolls back this one. It releases the lock on the row first.
    async with separate_transaction(session) as other:
        # While one tab confirms the password, another tab may present the token that this has just replaced.
        is_copy = (UserSession.generation == 0) | (UserSession.rotated_at <= clock.now() - GRACE)
        ended = await end_session(other, session_id, is_copy)
        if ended is not None:
            audit.record(other, TokenEvent.COPY_USED, ended.user_id)


def _renewal(request: Request[Any, Any, Any], row: UserSession, secret: bytes) -> Renewal:
    content = row.id.bytes + secret
    signature = _sign(request.app.state.settings.key_for(SIGNATURE), content)
    return Renewal(row, urlsafe_b64encode(content + signature).decode())


def _read(settings: Settings, token: str) -> tuple[UUID, bytes]:
    try:
        raw = urlsafe_b64decode(token)
    except ValueError as error:
        raise NotAuthorizedException from error
    content, signature = raw[:-SIGNATURE_BYTES], raw[-SIGNATURE_BYTES:]
    # Access tokens show the id of their sign-in. Without a signature, that id and any secret could end the sign-in.
    if not any(hmac.compare_digest(signature, _sign(key, content)) for key in settings.keys_for(SIGNATURE)):
        raise NotAuthorizedException
    return UUID(bytes=content[:ID_BYTES]), content[ID_BYTES:]


def _sign(key: bytes, content: bytes) -> bytes:
    return hmac.digest(key, content, "sha256")[:SIGNATURE_BYTES]
