"""Guards that require permissions; litestar-users' `roles_accepted` and `roles_required` also work."""

from collections.abc import Collection
from typing import Any

from litestar.connection import ASGIConnection
from litestar.exceptions import PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.types import Guard

from app.http.errors import StrongSignInRequired
from app.permissions import Permission
from app.settings import Settings
from app.settings.factors import SecondFactor
from app.settings.factors import second_factor_of


def requires(*permissions: Permission) -> Guard:
    """A guard that requires all of these permissions, and a strong sign-in if one of them wants it."""

    def permission_guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        if not set(permissions) <= set(connection.user.permissions):
            raise PermissionDeniedException
        require_strength(permissions, connection.app.state.settings, is_strong=connection.auth["is_strong"])

    permission_guard.needs_strength = any(permission.is_strong for permission in permissions)  # type: ignore[attr-defined]  # for the OpenAPI document
    return permission_guard


def require_strength(permissions: Collection[Permission], settings: Settings, *, is_strong: bool) -> None:
    """Require a strong sign-in for permissions that want one.

    Raises:
        StrongSignInRequired: if the sign-in was made without a second factor and without a passkey.
    """
    wants = any(permission.is_strong for permission in permissions)
    if wants and not is_strong and second_factor_of(settings) is not SecondFactor.OPTIONAL:
        raise StrongSignInRequired
