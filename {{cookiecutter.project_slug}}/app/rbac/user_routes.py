"""The routes for the administration of users."""

from typing import Annotated
from uuid import UUID

from litestar import delete
from litestar import get
from litestar import patch
from litestar import post
from litestar.di import NamedDependency
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.pagination import OffsetPagination
from litestar.params import JSONBody
from litestar.params import Parameter

from app.accounts.routes import SERVICE
from app.accounts.schemas import Accepted
from app.accounts.schemas import UserRead
from app.accounts.user_search import UserFilter
from app.accounts.user_search import users_matching
from app.http.pagination import PAGINATION
from app.http.pagination import Page
from app.http.pagination import paginate
from app.models import User
from app.permissions import Permission
from app.rbac.guards import requires
from app.rbac.schemas import Invitation
from app.rbac.schemas import ManagedUserUpdate
from app.rbac.user_administration import AdministrationService
from app.rbac.user_search import user_filter

UserId = Annotated[UUID, Parameter(description="From the list.")]
READ = requires(Permission.USERS_READ)
MANAGE = requires(Permission.USERS_MANAGE)
WANTED = {"wanted": Provide(user_filter, sync_to_thread=False)}


@get(
    "/users",
    return_dto=UserRead,
    guards=[READ],
    dependencies=SERVICE | PAGINATION | WANTED,
    access_tokens="read",
    tags=["Users"],
)
async def list_users(
    wanted: NamedDependency[UserFilter], part: NamedDependency[Page], service: NamedDependency[AdministrationService]
) -> OffsetPagination[User]:
    """List or search users."""
    return await paginate(service.session, users_matching(wanted), part)


@post("/users", return_dto=UserRead, guards=[MANAGE], dependencies=SERVICE, tags=["Users"])
async def invite_user(data: JSONBody[Invitation], service: NamedDependency[AdministrationService]) -> User:
    """Invite a user, who chooses a password through a link in a mail."""
    return await service.invite_with_roles(data.email, data.roles)


@get(
    "/users/{user_id:uuid}",
    return_dto=UserRead,
    guards=[READ],
    dependencies=SERVICE,
    access_tokens="read",
    tags=["Users"],
)
async def read_user(user_id: UserId, service: NamedDependency[AdministrationService]) -> User:
    """Read a user."""
    user: User = await service.get_user(user_id)
    return user


@patch(
    "/users/{user_id:uuid}",
    dto=ManagedUserUpdate,
    return_dto=UserRead,
    guards=[MANAGE],
    dependencies=SERVICE,
    tags=["Users"],
)
async def change_user(user_id: UserId, data: JSONBody[User], service: NamedDependency[AdministrationService]) -> User:
    """Change a user: activate, deactivate, confirm the address, rename."""
    return await service.change_user(user_id, data)


@delete("/users/{user_id:uuid}", guards=[MANAGE], dependencies=SERVICE, tags=["Users"])
async def delete_user(user_id: UserId, service: NamedDependency[AdministrationService]) -> None:
    """Delete a user and everything that belongs to them."""
    await service.remove(user_id)


@post(
    "/users/{user_id:uuid}/reset-password",
    status_code=202,
    guards=[MANAGE],
    dependencies=SERVICE,
    tags=["Users"],
)
async def start_reset(user_id: UserId, service: NamedDependency[AdministrationService]) -> Accepted:
    """Mail a user a link to set a new password."""
    await service.start_reset(user_id)
    return Accepted("The user gets a mail with a link.")


ROUTES: list[HTTPRouteHandler] = [list_users, invite_user, read_user, change_user, delete_user, start_reset]
