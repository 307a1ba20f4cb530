"""What is asked of callers besides being signed in: that they have shown who they are lately."""

from datetime import timedelta
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from app import clock
from app.http.errors import RecentSignInRequired

RECENT_FOR = timedelta(minutes=10)


def require_recent_sign_in(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """A guard for what a stolen credential must not be enough for (ASVS 7.5.1).

    Raises:
        NotFresh: if that was longer ago; the answer says where to do it again.
    """
    if connection.auth["authenticated_at"] <= clock.now() - RECENT_FOR:
        raise RecentSignInRequired
