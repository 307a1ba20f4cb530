"""Which routes need a strong sign-in: one with a passkey, or with a password and a second factor."""

from http import HTTPStatus
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import Guard

from app.http.error_responses import TABLE
from app.http.errors import StrongSignInRequired
from app.settings import Settings
from app.settings.factors import SecondFactor
from app.settings.factors import second_factor_of

# In the `opt` of a route: the methods that are open to other sign-ins too when every user needs a factor.
WITHOUT_FACTOR = "open_without_factor"
OPEN_WITHOUT_FACTOR = {WITHOUT_FACTOR: frozenset({"GET", "HEAD", "POST", "PATCH", "DELETE"})}
READ_WITHOUT_FACTOR = {WITHOUT_FACTOR: frozenset({"GET", "HEAD"})}


async def require_strong_sign_in(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """A guard for every route that needs a sign-in and does not say that it is open without a factor.

    Raises:
        StrongSignInRequired: if neither a passkey nor a second factor was part of the sign-in.
    """
    presented, open_to = connection.scope.get("auth"), handler.opt.get(WITHOUT_FACTOR, ())
    if presented and not presented["is_strong"] and connection.scope.get("method") not in open_to:
        raise StrongSignInRequired


def guards_for(settings: Settings) -> list[Guard]:
    """The guards of every route."""
    return [require_strong_sign_in] if second_factor_of(settings) is SecondFactor.EVERYBODY else []


TABLE[StrongSignInRequired] = (
    HTTPStatus.FORBIDDEN,
    "strong-sign-in-required",
    "Sign in with a second factor. If you have none, add one first: GET /users/me/factors.",
)
