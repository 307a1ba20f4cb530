"""Guards that require permissions; litestar-users' `roles_accepted` and `roles_required` also work."""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.exceptions import PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.types import Guard

from app.permissions import Permission


def requires(*permissions: Permission) -> Guard:
    """A guard that requires all of these permissions."""

    def permission_guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        if not set(permissions) <= set(connection.user.permissions):
            raise PermissionDeniedException

    return permission_guard
