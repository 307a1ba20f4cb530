"""What all kinds of credentials share: a row in `user_session`, and the way from a request to that row."""

from dataclasses import dataclass
from dataclasses import field
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from functools import cache
from hashlib import sha256
from typing import Any
from typing import ClassVar
from typing import Literal
from uuid import UUID

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.exceptions import NotAuthorizedException
from litestar.middleware.session.base import BaseBackendConfig
from litestar.middleware.session.base import BaseSessionBackend
from litestar.types import Message
from litestar.types import Scopes
from litestar.types import ScopeSession
from sqlalchemy import BindParameter
from sqlalchemy import ColumnElement
from sqlalchemy import bindparam
from sqlalchemy import delete
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.callers import caller
from app.database import request_session
from app.models import User
from app.models import UserSession
from app.principals import PrincipalQuery
from app.settings import Settings

SEEN_AGAIN_AFTER = timedelta(minutes=1)
SHOWN_OF_USER_AGENT = 255
NEVER = datetime.min.replace(tzinfo=UTC)


def lifetime(settings: Settings) -> timedelta:
    """How long a sign-in lasts at most."""
    return timedelta(days=settings.session_lifetime_days)


def is_alive(settings: Settings) -> ColumnElement[bool]:
    """What is true of sign-ins that have neither ended nor been forgotten about (ASVS 7.3.1, 7.3.2)."""
    now = clock.now()
    return _is_alive(now, now - timedelta(days=settings.session_idle_days))


def _is_alive(
    now: datetime | BindParameter[datetime], seen_since: datetime | BindParameter[datetime]
) -> ColumnElement[bool]:
    return (UserSession.expires_at > now) & (UserSession.last_seen_at > seen_since)


async def start_session(request: Request[Any, Any, Any], user: User, secret: bytes) -> UserSession:
    """Store a new sign-in of this user; `secret` is what the caller will hold, and it is not stored."""
    settings: Settings = request.app.state.settings
    agent = request.headers.get("User-Agent", "")
    row = UserSession(
        user_id=user.id,
        secret_digest=digest(secret),
        expires_at=clock.now() + lifetime(settings),
        ip=caller().ip,
        user_agent="".join(filter(str.isprintable, agent))[:SHOWN_OF_USER_AGENT],
    )
    session = request_session(request)
    session.add(row)
    await session.flush()
    return row


async def note_seen(session: AsyncSession, row: UserSession) -> None:
    """Note that somebody uses this sign-in, once a minute at most."""
    if row.last_seen_at <= clock.now() - SEEN_AGAIN_AFTER:
        await session.execute(update(UserSession).where(UserSession.id == row.id).values(last_seen_at=clock.now()))
        # At once: signing out elsewhere must not wait for the end of this request.
        await session.commit()


async def note_proof(request: Request[Any, Any, Any]) -> None:
    """Note that the holder of the sign-in of this request has just shown who they are."""
    proven = update(UserSession).where(UserSession.id == request.auth["session_id"])
    await request_session(request).execute(proven.values(authenticated_at=clock.now()))


async def rotate_session(request: Request[Any, Any, Any], secret: bytes) -> UserSession:
    """Replace the secret of the sign-in of this request, whose holder has just shown who they are (ASVS 7.2.4).

    Raises:
        NotAuthorizedException: if the sign-in has ended, or another request has replaced its secret meanwhile.
    """
    rotated = (
        update(UserSession)
        .where(UserSession.id == request.auth["session_id"])
        .where(UserSession.generation == request.auth["generation"])
        .values(secret_digest=digest(secret), generation=UserSession.generation + 1)
        .values(secret_changed_at=clock.now(), authenticated_at=clock.now())
        .returning(UserSession)
    )
    found = await request_session(request).scalars(rotated, execution_options={"synchronize_session": False})
    row = found.one_or_none()
    if row is None:
        raise NotAuthorizedException
    return row


async def end_session(session: AsyncSession, session_id: UUID, *conditions: ColumnElement[bool]) -> UUID | None:
    """End a sign-in that meets the conditions: what its holder presents opens nothing from now on (ASVS 7.4.1).

    Returns the id of its user, or None if nothing was ended.
    """
    ended = delete(UserSession).where(UserSession.id == session_id, *conditions)
    user_id: UUID | None = await session.scalar(ended.returning(UserSession.user_id))
    return user_id


def digest(secret: bytes) -> bytes:
    """What is stored of a secret. Fast on purpose: 256 random bits cannot be guessed."""
    return sha256(secret).digest()


@cache
def _query_for(condition: ColumnElement[bool]) -> PrincipalQuery:
    # Litestar makes several backends of one kind.
    now: BindParameter[datetime] = bindparam("now")
    seen_since: BindParameter[datetime] = bindparam("seen_since")
    return PrincipalQuery(condition & _is_alive(now, seen_since))


class CredentialBackend(BaseSessionBackend["CredentialConfig"]):
    """Litestar's way in: whom a request belongs to, in which sign-in, and when a password was shown; or nothing.

    Nothing is ever written back at the end of a request, so one that is under way cannot revive a sign-in that has
    ended meanwhile.
    """

    # What is true of the sign-in that a request presents, once the parameters are known.
    condition: ClassVar[ColumnElement[bool]]

    def __init__(self, config: "CredentialConfig") -> None:
        super().__init__(config)
        self._idle = timedelta(days=config.settings.session_idle_days)
        self._principal = _query_for(self.condition)

    def presented(self, connection: ASGIConnection[Any, Any, Any, Any]) -> dict[str, Any] | None:
        """The parameters of `condition` in this request; None if it proves nothing."""
        raise NotImplementedError

    async def load_from_connection(self, connection: ASGIConnection[Any, Any, Any, Any]) -> dict[str, Any]:
        """What litestar-users asks `UserRepository` for the user with."""
        values = self.presented(connection)
        if values is None:
            return {}
        session, now = request_session(connection), clock.now()
        values |= {"now": now, "seen_since": now - self._idle}
        found = await self._principal.one(session, values)
        if found is None:
            return {}
        row, user = found
        noted = caller()
        noted.user, noted.user_id = user, row.user_id
        await note_seen(session, row)
        is_current = values.get("generation", row.generation) == row.generation
        return {
            "user_id": str(row.user_id),
            "session_id": row.id,
            "generation": row.generation,
            # A copy of what was just replaced must not be fresh because its owner has shown a password.
            "authenticated_at": row.authenticated_at if is_current else NEVER,
        }

    def get_session_id(self, connection: ASGIConnection[Any, Any, Any, Any]) -> None:
        """No id is made up for callers who have not signed in."""

    async def store_in_message(
        self, scope_session: ScopeSession, message: Message, connection: ASGIConnection[Any, Any, Any, Any]
    ) -> None:
        """Nothing: signing in and out are the only writers."""


@dataclass
class CredentialConfig(BaseBackendConfig[CredentialBackend]):
    """The configuration that litestar-users takes; each kind of credentials subclasses it with its backend."""

    settings: Settings
    key: str
    max_age: int = 0  # Each cookie says its own.
    scopes: Scopes = field(default_factory=lambda: {ScopeType.HTTP, ScopeType.WEBSOCKET})
    path: str = "/"
    domain: str | None = None
    secure: bool = True
    httponly: bool = True
    samesite: Literal["lax", "strict", "none"] = "lax"
    exclude: str | list[str] | None = None
    # Who asks for nothing but public routes costs no look-up.
    exclude_opt_key: str = "exclude_from_auth"
