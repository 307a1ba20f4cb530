"""The way from a request to its sign-in, which all kinds of credentials share."""

from dataclasses import dataclass
from dataclasses import field
from datetime import UTC
from datetime import datetime
from functools import cache
from typing import Any
from typing import ClassVar
from typing import Literal

from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.enums import ScopeType
from litestar.middleware.session.base import BaseBackendConfig
from litestar.middleware.session.base import BaseSessionBackend
from litestar.types import Message
from litestar.types import Scopes
from litestar.types import ScopeSession
from sqlalchemy import BindParameter
from sqlalchemy import ColumnElement
from sqlalchemy import bindparam

from app import clock
from app.auth.current_user import CurrentUserQuery
from app.auth.user_sessions import idle_time
from app.auth.user_sessions import is_alive_at
from app.auth.user_sessions import note_seen
from app.database.sessions import request_session
from app.http.current_request import current_request
from app.http.problem_details import WORTHLESS_COOKIES
from app.settings import Settings

NEVER = datetime.min.replace(tzinfo=UTC)


@cache
def _query_for(condition: ColumnElement[bool]) -> CurrentUserQuery:
    # Litestar makes several backends of one kind.
    now: BindParameter[datetime] = bindparam("now")
    seen_since: BindParameter[datetime] = bindparam("seen_since")
    return CurrentUserQuery(condition & is_alive_at(now, seen_since))


class CredentialBackend(BaseSessionBackend["CredentialConfig"]):
    """Litestar's way in: whom a request belongs to, in which sign-in, and when a password was shown; or nothing.

    Nothing is ever written back at the end of a request, so one that is under way cannot revive a sign-in that has
    ended meanwhile.
    """

    # What is true of the sign-in that a request presents, once the parameters are known.
    condition: ClassVar[ColumnElement[bool]]

    def __init__(self, config: "CredentialConfig") -> None:
        super().__init__(config)
        self._idle = idle_time(config.settings)
        self._principal = _query_for(self.condition)

    @classmethod
    def presented(cls, connection: ASGIConnection[Any, Any, Any, Any]) -> dict[str, Any] | None:
        """The parameters of `condition` in this request; None if it proves nothing."""
        raise NotImplementedError

    @classmethod
    def sign_in_of(cls, connection: ASGIConnection[Any, Any, Any, Any]) -> ColumnElement[bool] | None:
        """The condition of the sign-in that this request presents; None if it presents none."""
        values = cls.presented(connection)
        return None if values is None else cls.condition.params(values)

    async def worthless(self, connection: ASGIConnection[Any, Any, Any, Any]) -> list[Cookie]:  # noqa: ARG002  # for kinds with cookies
        """The cookies to expire, since they are in this request and open nothing; none if a newer one may be there."""
        return []

    async def load_from_connection(self, connection: ASGIConnection[Any, Any, Any, Any]) -> dict[str, Any]:
        """What litestar-users asks `UserRepository` for the user with."""
        session, now, values = request_session(connection), clock.now(), self.presented(connection)
        found = None
        if values is not None:
            values |= {"now": now, "seen_since": now - self._idle}
            found = await self._principal.one(session, values)
        if values is None or found is None:
            connection.state[WORTHLESS_COOKIES] = await self.worthless(connection)
            return {}
        row, user = found
        noted = current_request()
        noted.user, noted.user_id, noted.session_id = user, row.user_id, row.id
        await note_seen(connection, row)
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
