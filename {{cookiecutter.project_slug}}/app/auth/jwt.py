"""Credentials for programs and apps: an access token in a header, and a refresh token that renews it."""

from dataclasses import dataclass
from typing import Annotated
from typing import Any
from typing import Literal
from typing import TypeAlias

from litestar import Request
from litestar import Response
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import SecurityScheme
from litestar.params import JSONBody
from msgspec import Meta
from msgspec import Struct

from app.auth import jwt_tokens
from app.auth import refresh_tokens
from app.auth.litestar_backend import CredentialBackend
from app.auth.litestar_backend import CredentialConfig
from app.auth.user_sessions import UserRequest
from app.auth.user_sessions import mark_reauthenticated
from app.models import User
from app.settings import Settings


class TokenPair(Struct):
    """The credentials of a signed-in program."""

    access_token: str
    refresh_token: str
    expires_in: Annotated[int, Meta(description="Seconds.")]
    token_type: Literal["bearer"] = "bearer"  # noqa: S105  # RFC 6750's name, not a password


class Refresh(Struct, forbid_unknown_fields=True):
    """A request for a new pair of tokens."""

    refresh_token: Annotated[str, Meta(max_length=256)]


SignedIn: TypeAlias = TokenPair
SignedInDTO = None


async def sign_in(request: Request[Any, Any, Any], user: User, **columns: Any) -> Response[SignedIn]:
    """A new pair of tokens."""
    renewal = await refresh_tokens.start(request, user, JWTBackend.sign_in_of(request), **columns)
    return Response(_pair(request, renewal), status_code=201)


async def rotate(request: UserRequest, **columns: Any) -> list[Cookie]:
    """No new tokens: the caller keeps its own, since another site cannot plant or read them; stores the columns."""
    if columns:
        await mark_reauthenticated(request, **columns)
    return []


@refresh_tokens.route
async def renew(request: Request[Any, Any, Any], data: JSONBody[Refresh]) -> TokenPair:
    """Trade the refresh token for a new pair. If the answer is lost, ask again with the same token.

    Once the new refresh token has been used, presenting the old one ends the sign-in.
    """
    return _pair(request, await refresh_tokens.renew(request, data.refresh_token))


ROUTES: list[HTTPRouteHandler] = [renew]


def cleared_cookies(settings: Settings) -> list[Cookie]:  # noqa: ARG001  # each kind has this function
    """Nothing: the caller drops the tokens."""
    return []


def auth_config(settings: Settings) -> CredentialConfig:
    """The configuration for litestar-users."""
    return JWTConfig(settings=settings, key="Authorization")


def security_scheme(settings: Settings) -> SecurityScheme:  # noqa: ARG001  # each kind has this function
    """The description in the OpenAPI document."""
    return SecurityScheme(type="http", scheme="bearer", bearer_format="JWT")


class JWTBackend(CredentialBackend):
    """Reads the header."""

    condition = jwt_tokens.CONDITION

    @classmethod
    def presented(cls, connection: ASGIConnection[Any, Any, Any, Any]) -> dict[str, Any] | None:
        """The claims of the access token in the header."""
        scheme, _, token = connection.headers.get("Authorization", "").partition(" ")
        return jwt_tokens.named(connection.app.state.settings, token) if scheme.lower() == "bearer" else None


@dataclass
class JWTConfig(CredentialConfig):
    """Bearer tokens."""

    backend = JWTBackend


def _pair(request: Request[Any, Any, Any], renewal: refresh_tokens.Renewal) -> TokenPair:
    return TokenPair(
        access_token=jwt_tokens.issue(request.app.state.settings, renewal.row),
        refresh_token=renewal.token,
        expires_in=int(jwt_tokens.LIFETIME.total_seconds()),
    )
