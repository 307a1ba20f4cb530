"""Credentials for browsers: a cookie with a random secret. The database only holds its digest."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from typing import TypeAlias

from litestar import Request
from litestar import Response
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import SecurityScheme
from sqlalchemy import bindparam

from app.accounts.schemas import UserRead
from app.auth.litestar_backend import CredentialBackend
from app.auth.litestar_backend import CredentialConfig
from app.auth.user_sessions import UserRequest
from app.auth.user_sessions import is_just_replaced
from app.auth.user_sessions import lifetime
from app.auth.user_sessions import rotate_session
from app.auth.user_sessions import sha256_of
from app.auth.user_sessions import start_session
from app.database.sessions import request_session
from app.http.cookies import single_cookie
from app.models import User
from app.models import UserSession
from app.settings import Settings

SignedIn: TypeAlias = User
SignedInDTO = UserRead
ROUTES: list[HTTPRouteHandler] = []
NO_TIME = timedelta()


async def sign_in(request: Request[Any, Any, Any], user: User, **columns: Any) -> Response[SignedIn]:
    """The user, and a cookie with a new value; a value that the caller sent is never used (ASVS 7.2.4)."""
    secret = secrets.token_urlsafe(32)
    await start_session(request, user, secret.encode(), SessionBackend.sign_in_of(request), **columns)
    return Response(user, status_code=201, cookies=[_cookie(request.app.state.settings, secret)])


async def rotate(request: UserRequest, **columns: Any) -> list[Cookie]:
    """A new value for the cookie, since its holder has just confirmed who they are; stores these columns too."""
    secret = secrets.token_urlsafe(32)
    await rotate_session(request, secret.encode(), **columns)
    return [_cookie(request.app.state.settings, secret)]


def cleared_cookies(settings: Settings) -> list[Cookie]:
    """The cookies that sign a browser out."""
    return [_cookie(settings, "", NO_TIME)]


def auth_config(settings: Settings) -> CredentialConfig:
    """The configuration for litestar-users."""
    return SessionConfig(settings=settings, key=_cookie_name(settings))


def security_scheme(settings: Settings) -> SecurityScheme:
    """The description in the OpenAPI document."""
    return SecurityScheme(type="apiKey", name=_cookie_name(settings), security_scheme_in="cookie")


class SessionBackend(CredentialBackend):
    """Reads the cookie."""

    condition = UserSession.secret_digest == bindparam("presented_digest")

    @classmethod
    def presented(cls, connection: ASGIConnection[Any, Any, Any, Any]) -> dict[str, Any] | None:
        """The digest of the secret in the cookie."""
        secret = single_cookie(connection, _cookie_name(connection.app.state.settings))
        return {"presented_digest": sha256_of(secret.encode())} if secret else None

    async def worthless(self, connection: ASGIConnection[Any, Any, Any, Any]) -> list[Cookie]:
        """The cookie, unless another request of this browser has just received a new one."""
        secret = single_cookie(connection, self.config.key)
        if secret is None or await is_just_replaced(request_session(connection), secret.encode()):
            return []
        return cleared_cookies(self.config.settings)


@dataclass
class SessionConfig(CredentialConfig):
    """Session cookies."""

    backend = SessionBackend


def _cookie(settings: Settings, value: str, lasting: timedelta | None = None) -> Cookie:
    lasting = lifetime(settings) if lasting is None else lasting
    return Cookie(
        key=_cookie_name(settings),
        value=value,
        max_age=int(lasting.total_seconds()),
        httponly=True,
        secure=settings.serves_https,
        samesite="lax",
    )


def _cookie_name(settings: Settings) -> str:
    # Browsers accept this prefix only from the host itself, over TLS, so no subdomain can plant the cookie.
    return "__Host-session" if settings.serves_https else "session"
