"""Finds the sign-in and the user of a request, for every kind of credentials."""

from collections.abc import Awaitable
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from datetime import datetime
from functools import cache
from typing import Any
from typing import ClassVar
from typing import TypeAlias

from litestar.config.app import AppConfig
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.di import Provide
from litestar.exceptions import NotAuthorizedException
from litestar.middleware import AbstractAuthenticationMiddleware
from litestar.middleware import AuthenticationResult
from litestar.middleware import DefineMiddleware
from litestar.middleware._internal.exceptions import ExceptionHandlerMiddleware
from litestar.middleware.session.base import BaseBackendConfig
from litestar.types import ASGIApp
from litestar_users.anonymous import AnonymousUser
from litestar_users.anonymous import _route_allows_anonymous
from litestar_users.config import LitestarUsersConfig
from litestar_users.dependencies import provide_current_user
from sqlalchemy import BindParameter
from sqlalchemy import ColumnElement
from sqlalchemy import bindparam

from app import clock
from app.auth.current_user import current_row
from app.auth.current_user import read_row
from app.auth.current_user_query import CurrentUserQuery
from app.auth.user_sessions import STRONG
from app.auth.user_sessions import PresentedSignIn
from app.auth.user_sessions import SignIn
from app.auth.user_sessions import idle_time
from app.auth.user_sessions import is_alive_at
from app.auth.user_sessions import note_seen
from app.http.current_request import current_request
from app.http.problem_details import WORTHLESS_COOKIES
from app.http.program_tokens import presented_token
from app.models import UserSession
from app.settings import Settings

NEVER = datetime.min.replace(tzinfo=UTC)


# Reads a token for programs; None if it is invalid. app/users.py sets it.
TokenReader: TypeAlias = Callable[[ASGIConnection[Any, Any, Any, Any], str], Awaitable[AuthenticationResult | None]]


@cache
def _query_for(condition: ColumnElement[bool]) -> CurrentUserQuery[SignIn]:
    # Litestar creates a middleware for each route.
    now: BindParameter[datetime] = bindparam("now")
    seen_since: BindParameter[datetime] = bindparam("seen_since")
    return CurrentUserQuery(condition & is_alive_at(now, seen_since), UserSession, SignIn)


class CredentialBackend(AbstractAuthenticationMiddleware):
    """Sets `request.user` and `request.auth`.

    It takes the place of the middleware of litestar-users, which would read the user by another statement.
    """

    # Selects the sign-in that a request presents; `presented` returns its parameters.
    condition: ClassVar[ColumnElement[bool]]
    read_token: ClassVar[TokenReader]

    def __init__(self, app: ASGIApp, config: "CredentialConfig", exclude: list[str] | str | None) -> None:
        super().__init__(app, exclude)
        self.config = config
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

    async def authenticate_request(self, connection: ASGIConnection[Any, Any, Any, Any]) -> AuthenticationResult:
        """The user and the sign-in of a request.

        Raises:
            NotAuthorizedException: if it presents no sign-in that has not ended, and the route needs one.
        """
        # A token is judged alone, whatever cookie is beside it.
        if "Authorization" in connection.headers and (token := presented_token(connection)) is not None:
            found = await CredentialBackend.read_token(connection, token)
        else:
            found = await self._find(connection)
        if found is None:
            if _route_allows_anonymous(connection):
                return AuthenticationResult(AnonymousUser(), None)
            raise NotAuthorizedException
        if options := connection.route_handler.opt.get("user_load_options"):
            found.user = await read_row(connection, found.user.id, options)
        return found

    async def _find(self, connection: ASGIConnection[Any, Any, Any, Any]) -> AuthenticationResult | None:
        now, values = clock.now(), self.presented(connection)
        found = None
        if values is not None:
            values |= {"now": now, "seen_since": now - self._idle}
            found = await self._current_user_query.one(connection, values)
        if values is None or found is None:
            connection.state[WORTHLESS_COOKIES] = await self.worthless(connection)
            return None
        row, user = found
        noted = current_request()
        noted.user, noted.user_id, noted.session_id = user, user.id, row.id
        await note_seen(connection, row)
        is_current = values.get("generation", row.generation) == row.generation
        presented: PresentedSignIn = {
            "user_id": str(user.id),
            "session_id": row.id,
            "generation": row.generation,
            # A copy of a token that was just replaced must count neither as recently confirmed nor as strong.
            "authenticated_at": row.authenticated_at if is_current else NEVER,
            "is_strong": is_current and STRONG in row.amr,
        }
        return AuthenticationResult(user, presented)


@dataclass
class CredentialConfig(BaseBackendConfig[Any]):
    """The configuration for litestar-users; each kind of credentials has a subclass with its backend.

    The fields of the base class are left out: each kind makes its own cookies.
    """

    settings: Settings
    key: str
    backend: ClassVar[type[CredentialBackend]]


def install(app_config: AppConfig, options: LitestarUsersConfig[Any, Any]) -> None:
    """Put the middleware and the dependency of this service in place of those that litestar-users has just added."""
    config, exclude = options.auth_config, options.auth_exclude_paths
    assert isinstance(config, CredentialConfig)

    def answering(app: ASGIApp) -> ASGIApp:
        # Refusals are answered here, so that other middleware sees the responses.
        return ExceptionHandlerMiddleware(config.backend(app, config, exclude), debug=None)

    app_config.middleware[0] = DefineMiddleware(answering)
    if getattr(app_config.dependencies["current_user"], "dependency", None) is provide_current_user:
        app_config.dependencies["current_user"] = Provide(current_row)
