"""Removing the second factors of a user who has lost them all."""

from advanced_alchemy.exceptions import NotFoundError
from litestar import delete
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler

from app.accounts.routes import SERVICE
from app.factors.enrolment import remove_all
from app.http.current_request import current_request
from app.http.errors import Conflict
from app.permissions import Permission
from app.rbac.user_administration import AdministrationService
from app.rbac.user_routes import MANAGE
from app.rbac.user_routes import UserId


@delete("/users/{user_id:uuid}/factors", guards=[MANAGE], dependencies=SERVICE, tags=["Users"])
async def remove_factors(user_id: UserId, service: NamedDependency[AdministrationService]) -> None:
    """Remove every second factor of a user, who is signed out everywhere and told by mail."""
    user = await service.within_reach(user_id, Permission.USERS_MANAGE)
    if user_id == current_request().user_id:
        raise Conflict("Remove your own factors at /users/me/factors.")
    if not await remove_all(service.session, user):
        raise NotFoundError


ROUTES: list[HTTPRouteHandler] = [remove_factors]
