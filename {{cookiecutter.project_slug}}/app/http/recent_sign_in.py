"""A guard for routes that need a recently confirmed password."""

from datetime import timedelta
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from app import clock
from app.http.errors import RecentSignInRequired

RECENT_FOR = timedelta(minutes=10)


def require_recent_sign_in(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """A guard for routes for which a stolen credential must not be enough (ASVS 7.5.1).

    Raises:
        RecentSignInRequired: if the password was confirmed more than `RECENT_FOR` ago.
    """
    if connection.auth["authenticated_at"] <= clock.now() - RECENT_FOR:
        raise RecentSignInRequired
