"""Credentials for browsers: an access token and a refresh token, each in a cookie that no script can read."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated
from typing import Any
from typing import NamedTuple
from typing import TypeAlias

from litestar import Request
from litestar import Response
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.exceptions import NotAuthorizedException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import SecurityScheme
from msgspec import Meta
from msgspec import Struct

from app.accounts.schemas import UserRead
from app.auth import jwt_tokens
from app.auth import refresh_tokens
from app.auth.litestar_backend import CredentialBackend
from app.auth.litestar_backend import CredentialConfig
from app.auth.user_sessions import UserRequest
from app.auth.user_sessions import lifetime
from app.http.cookies import single_cookie
from app.http.problem_details import WORTHLESS_COOKIES
from app.models import User
from app.settings import Settings

SignedIn: TypeAlias = User
SignedInDTO = UserRead
NO_TIME = timedelta()


async def sign_in(request: Request[Any, Any, Any], user: User, **columns: Any) -> Response[SignedIn]:
    """The user, and both cookies."""
    renewal = await refresh_tokens.start(request, user, JWTCookieBackend.sign_in_of(request), **columns)
    return Response(user, status_code=201, cookies=_cookies(request, renewal))


async def rotate(request: UserRequest, **columns: Any) -> list[Cookie]:
    """New values for both cookies, since their holder has just confirmed who they are; stores these columns too."""
    return _cookies(request, await refresh_tokens.rotate(request, **columns))


class Renewed(Struct):
    """The response to a renewal; the new cookies are in its headers."""

    expires_in: Annotated[int, Meta(description="Seconds until the access cookie has to be renewed.")]


@refresh_tokens.route
async def renew(request: Request[Any, Any, Any]) -> Response[Renewed]:
    """Trade the refresh cookie for two new cookies. If the answer is lost, ask again with the same cookie.

    Once the new refresh cookie has been used, presenting the old one ends the sign-in.
    """
    settings: Settings = request.app.state.settings
    token = single_cookie(request, _names(settings).refresh)
    try:
        cookies = _cookies(request, await refresh_tokens.renew(request, token or ""))
    except NotAuthorizedException:
        if token is not None and not await refresh_tokens.names_a_sign_in(request, token):
            request.state[WORTHLESS_COOKIES] = cleared_cookies(settings)
        raise
    return Response(Renewed(expires_in=int(jwt_tokens.LIFETIME.total_seconds())), cookies=cookies)


ROUTES: list[HTTPRouteHandler] = [renew]


def cleared_cookies(settings: Settings) -> list[Cookie]:
    """The cookies that sign a browser out."""
    return [_access_cookie(settings, "", NO_TIME), _refresh_cookie(settings, "", NO_TIME)]


def auth_config(settings: Settings) -> CredentialConfig:
    """The configuration for litestar-users."""
    return JWTCookieConfig(settings=settings, key=_names(settings).access)


def security_scheme(settings: Settings) -> SecurityScheme:
    """The description in the OpenAPI document."""
    return SecurityScheme(type="apiKey", name=_names(settings).access, security_scheme_in="cookie")


class JWTCookieBackend(CredentialBackend):
    """Reads the access cookie; it ignores headers."""

    condition = jwt_tokens.CONDITION

    @classmethod
    def presented(cls, connection: ASGIConnection[Any, Any, Any, Any]) -> dict[str, Any] | None:
        """The claims of the access token in the cookie."""
        settings: Settings = connection.app.state.settings
        return jwt_tokens.named(settings, single_cookie(connection, _names(settings).access) or "")

    async def worthless(self, connection: ASGIConnection[Any, Any, Any, Any]) -> list[Cookie]:
        """The access cookie. The refresh cookie may still work; the browser only sends it to `/refresh`."""
        is_there = single_cookie(connection, self.config.key) is not None
        return [_access_cookie(self.config.settings, "", NO_TIME)] if is_there else []


@dataclass
class JWTCookieConfig(CredentialConfig):
    """Tokens in cookies."""

    backend = JWTCookieBackend


class Names(NamedTuple):
    """The names of the two cookies."""

    access: str
    refresh: str


def _names(settings: Settings) -> Names:
    # Browsers accept a `__Host-` cookie only from this host, over TLS and with Path=/. The refresh cookie has its own.
    return Names("__Host-access", "__Secure-refresh") if settings.serves_https else Names("access", "refresh")


def _cookies(request: Request[Any, Any, Any], renewal: refresh_tokens.Renewal) -> list[Cookie]:
    settings = request.app.state.settings
    access_token = jwt_tokens.issue(settings, renewal.row)
    return [
        _access_cookie(settings, access_token, jwt_tokens.LIFETIME),
        _refresh_cookie(settings, renewal.token, lifetime(settings)),
    ]


def _access_cookie(settings: Settings, value: str, lifetime: timedelta) -> Cookie:
    return Cookie(
        key=_names(settings).access,
        value=value,
        max_age=int(lifetime.total_seconds()),
        httponly=True,
        secure=settings.serves_https,
        samesite="lax",
    )


def _refresh_cookie(settings: Settings, value: str, lifetime: timedelta) -> Cookie:
    # The browser sends it to this one path only.
    return Cookie(
        key=_names(settings).refresh,
        value=value,
        max_age=int(lifetime.total_seconds()),
        path="/refresh",
        httponly=True,
        secure=settings.serves_https,
        samesite="strict",
    )
