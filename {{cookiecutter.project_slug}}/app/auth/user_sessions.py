"""The rows of `user_session`, one for each sign-in, for every kind of credentials."""

from datetime import datetime
from datetime import timedelta
from hashlib import sha256
from typing import Any
from typing import TypeAlias
from typing import TypedDict
from uuid import UUID

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.exceptions import NotAuthorizedException
from msgspec import Struct
from sqlalchemy import BindParameter
from sqlalchemy import ColumnElement
from sqlalchemy import Row
from sqlalchemy import delete
from sqlalchemy import select
from sqlalchemy import sql
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.accounts import audit
from app.accounts.audit import Event
from app.auth.current_user import CurrentUser
from app.database.sessions import request_session
from app.database.transactions import separate_transaction
from app.http.current_request import current_request
from app.models import User
from app.models import UserSession
from app.settings import Settings


class SignIn(Struct):
    """The columns of a sign-in that every request needs."""

    id: UUID
    generation: int
    last_seen_at: datetime
    authenticated_at: datetime
    amr: list[str]


class PresentedSignIn(TypedDict):
    """The sign-in that a request presents, in `request.auth`."""

    user_id: str
    session_id: UUID
    generation: int
    # When its holder last confirmed who they are.
    authenticated_at: datetime
    # Whether a second factor or a passkey was part of that.
    is_strong: bool


# The request of a signed-in user: a handler that takes one asks for this type.
UserRequest: TypeAlias = Request[CurrentUser, PresentedSignIn, State]
# How long requests with a secret that was just replaced may still arrive.
GRACE = timedelta(seconds=10)
SEEN_AGAIN_AFTER = timedelta(minutes=1)
SHOWN_OF_USER_AGENT = 255
# Sign-ins of one account at the same time. It keeps lists short, and bounds the rows of programs that sign in often.
MAX_SIGN_INS = 100
# In the `amr` of a sign-in: how it was made (RFC 8176). With "mfa" it is strong.
PASSWORD, STRONG = "pwd", "mfa"


def lifetime(settings: Settings) -> timedelta:
    """How long a sign-in lasts at most."""
    return timedelta(days=settings.session_lifetime_days)


def idle_time(settings: Settings) -> timedelta:
    """How long an unused sign-in lasts."""
    return timedelta(days=settings.session_idle_days)


def is_alive(settings: Settings) -> ColumnElement[bool]:
    """The condition that a sign-in has not expired and was used recently enough (ASVS 7.3.1, 7.3.2)."""
    now = clock.now()
    return is_alive_at(now, now - idle_time(settings))


def is_alive_at(
    now: datetime | BindParameter[datetime], seen_since: datetime | BindParameter[datetime]
) -> ColumnElement[bool]:
    """The same condition with given times, for statements that are built once."""
    return (UserSession.expires_at > now) & (UserSession.last_seen_at > seen_since)


async def start_session(
    request: Request[Any, Any, Any], user: User, secret: bytes, presented: ColumnElement[bool] | None, **columns: Any
) -> UserSession:
    """Store a new sign-in, and end the one that the request presents (ASVS 7.2.4), which may be of another user.

    If the user has too many sign-ins, those end that were not used for the longest time.
    """
    session = request_session(request)
    replaced = sql.false() if presented is None else presented & is_alive(session.info["settings"])
    others = select(UserSession.id).where(UserSession.user_id == user.id, ~replaced)
    last_used = others.order_by(UserSession.last_seen_at.desc()).offset(MAX_SIGN_INS - 1).limit(MAX_SIGN_INS)
    over = select(UserSession.id).where(replaced).union_all(select(last_used.subquery()))
    ended = delete(UserSession).where(UserSession.id.in_(over))
    shown = (UserSession.user_id, UserSession.secret_digest, replaced.label("is_replaced"))
    # Pending changes are flushed together with the entries below.
    for row in await session.execute(ended.returning(*shown), execution_options={"autoflush": False}):
        audit.record(session, Event.SIGNED_OUT, row.user_id, actor=row.user_id)
        columns |= {"former_digest": row.secret_digest} if row.is_replaced else {}
    return await store_session(request, user, secret, **columns)


async def store_session(request: Request[Any, Any, Any], user: User, secret: bytes, **columns: Any) -> UserSession:
    """Store a sign-in of this user, with the digest of the `secret` that the caller will hold."""
    session = request_session(request)
    expires_at = clock.now() + lifetime(session.info["settings"])
    known = {"user_id": user.id, "secret_digest": sha256_of(secret), "expires_at": expires_at, **seen_from(request)}
    row = UserSession(**{**known, **columns})
    session.add(row)
    await session.flush()
    return row


def seen_from(connection: ASGIConnection[Any, Any, Any, Any]) -> dict[str, Any]:
    """The columns for the time, IP address and program of the last use."""
    agent = "".join(filter(str.isprintable, connection.headers.get("User-Agent", "")))
    return {"last_seen_at": clock.now(), "ip": current_request().ip, "user_agent": agent[:SHOWN_OF_USER_AGENT]}


async def note_seen(connection: ASGIConnection[Any, Any, Any, Any], row: SignIn) -> None:
    """Store the time and place of this use, once a minute at most."""
    if row.last_seen_at <= clock.now() - SEEN_AGAIN_AFTER:
        # Of parallel requests, the first one writes.
        seen = update(UserSession).where(UserSession.id == row.id, UserSession.last_seen_at == row.last_seen_at)
        # Stored at once: a sign-out on another device must not wait for the end of this request.
        async with separate_transaction(request_session(connection)) as session:
            await session.execute(seen.values(seen_from(connection)))


def confirmed(*amr: str) -> dict[str, Any]:
    """The columns of a sign-in whose holder has just confirmed who they are in this way."""
    return {"authenticated_at": clock.now(), "amr": [*amr]}


def confirmed_by_password(request: UserRequest) -> dict[str, Any]:
    """The same after a password alone; it does not make a strong sign-in recent."""
    return {} if request.auth["is_strong"] else confirmed(PASSWORD)


async def mark_reauthenticated(request: UserRequest, **columns: Any) -> None:
    """Store that the holder of this sign-in has just confirmed who they are, or these columns instead of the time."""
    changed = update(UserSession).where(UserSession.id == request.auth["session_id"])
    await request_session(request).execute(changed.values(columns or {"authenticated_at": clock.now()}))


async def rotate_session(request: UserRequest, secret: bytes, **columns: Any) -> UserSession:
    """Replace the secret of this sign-in, whose holder has just confirmed who they are (ASVS 7.2.4).

    The other columns are stored too.

    Raises:
        NotAuthorizedException: if the sign-in has ended, or another request has replaced its secret meanwhile.
    """
    rotated = (
        update(UserSession)
        .where(UserSession.id == request.auth["session_id"])
        .where(UserSession.generation == request.auth["generation"])
        .values(secret_digest=sha256_of(secret), former_digest=UserSession.secret_digest)
        .values(generation=UserSession.generation + 1, secret_changed_at=clock.now(), rotated_at=clock.now())
        .values(columns)
        .returning(UserSession)
    )
    found = await request_session(request).scalars(rotated, execution_options={"synchronize_session": False})
    row = found.one_or_none()
    if row is None:
        raise NotAuthorizedException
    return row


async def is_just_replaced(session: AsyncSession, secret: bytes) -> bool:
    """Whether another request has just replaced this secret, so that the caller may already hold the new one."""
    is_it = (UserSession.former_digest == sha256_of(secret)) & (UserSession.secret_changed_at > clock.now() - GRACE)
    return await session.scalar(select(UserSession.id).where(is_it).limit(1)) is not None


async def end_session(session: AsyncSession, session_id: UUID, *conditions: ColumnElement[bool]) -> Row[Any] | None:
    """End a sign-in, if it meets the conditions: its credentials stop working (ASVS 7.4.1).

    Returns its columns, or None if nothing was ended.
    """
    ended = delete(UserSession).where(UserSession.id == session_id, *conditions)
    return (await session.execute(ended.returning(*UserSession.__table__.columns))).one_or_none()


def sha256_of(secret: bytes) -> bytes:
    """The digest of a secret that is stored. A fast hash is enough: 256 random bits cannot be guessed."""
    return sha256(secret).digest()
