"""Finds the sign-in and the user of a request, for every kind of credentials."""

from collections.abc import Awaitable
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from datetime import UTC
from datetime import datetime
from functools import cache
from typing import Any
from typing import ClassVar
from typing import TypeAlias

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
from app.auth.user_sessions import STRONG
from app.auth.user_sessions import idle_time
from app.auth.user_sessions import is_alive_at
from app.auth.user_sessions import note_seen
from app.database.sessions import request_session
from app.http.current_request import current_request
from app.http.problem_details import WORTHLESS_COOKIES
from app.http.program_tokens import presented_token
from app.settings import Settings

NEVER = datetime.min.replace(tzinfo=UTC)
# Reads a token for programs: the contents of `request.auth`, empty if it is invalid. app/users.py sets it.
TokenReader: TypeAlias = Callable[[ASGIConnection[Any, Any, Any, Any], str], Awaitable[dict[str, Any]]]


@cache
def _query_for(condition: ColumnElement[bool]) -> CurrentUserQuery:
    # Litestar creates several backends of one kind.
    now: BindParameter[datetime] = bindparam("now")
    seen_since: BindParameter[datetime] = bindparam("seen_since")
    return CurrentUserQuery(condition & is_alive_at(now, seen_since))


class CredentialBackend(BaseSessionBackend["CredentialConfig"]):
    """A session backend of Litestar that loads the current user and the sign-in, and stores nothing.

    Since nothing is written back after a request, a request under way cannot revive a sign-in that has ended.
    """

    # Selects the sign-in that a request presents; `presented` returns its parameters.
    condition: ClassVar[ColumnElement[bool]]
    read_token: ClassVar[TokenReader]

    def __init__(self, config: "CredentialConfig") -> None:
        super().__init__(config)
        self._idle = idle_time(config.settings)
        self._current_user_query = _query_for(self.condition)

    @classmethod
    def presented(cls, connection: ASGIConnection[Any, Any, Any, Any]) -> dict[str, Any] | None:
        """The parameters of `condition` for this request; None if it presents no valid credential."""
        raise NotImplementedError

    @classmethod
    def sign_in_of(cls, connection: ASGIConnection[Any, Any, Any, Any]) -> ColumnElement[bool] | None:
        """A condition that selects the sign-in of this request; None if it presents no valid credential."""
        values = cls.presented(connection)
        return None if values is None else cls.condition.params(values)

    async def worthless(self, connection: ASGIConnection[Any, Any, Any, Any]) -> list[Cookie]:  # noqa: ARG002  # for kinds with cookies
        """The cookies of this request that no longer work, unless the browser may have newer ones."""
        return []

    async def load_from_connection(self, connection: ASGIConnection[Any, Any, Any, Any]) -> dict[str, Any]:
        """The contents of `request.auth`; empty if the request is not signed in."""
        # A token is judged alone, whatever cookie is beside it.
        if "Authorization" in connection.headers and (token := presented_token(connection)) is not None:
            return await CredentialBackend.read_token(connection, token)
        session, now, values = request_session(connection), clock.now(), self.presented(connection)
        found = None
        if values is not None:
            values |= {"now": now, "seen_since": now - self._idle}
            found = await self._current_user_query.one(session, values)
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
            # A copy of a token that was just replaced must not count as recently confirmed.
            "authenticated_at": row.authenticated_at if is_current else NEVER,
            "is_strong": STRONG in row.amr,
        }

    def get_session_id(self, connection: ASGIConnection[Any, Any, Any, Any]) -> None:
        """None: callers who have not signed in get no session."""

    async def store_in_message(
        self, scope_session: ScopeSession, message: Message, connection: ASGIConnection[Any, Any, Any, Any]
    ) -> None:
        """Store nothing: only signing in and out write sign-ins."""


@dataclass
class CredentialConfig(BaseBackendConfig[CredentialBackend]):
    """The configuration for litestar-users; each kind of credentials has a subclass with its backend.

    The fields of the base class about cookies are left out: each kind makes its own cookies.
    """

    settings: Settings
    key: str
    scopes: Scopes = field(default_factory=lambda: {ScopeType.HTTP, ScopeType.WEBSOCKET})
    exclude: str | list[str] | None = None
    # Public routes need no look-up.
    exclude_opt_key: str = "exclude_from_auth"
