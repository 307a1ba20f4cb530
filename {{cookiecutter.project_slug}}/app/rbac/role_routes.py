"""The routes for roles. litestar-users has all but the list."""

from litestar import get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar_users.config import RoleManagementHandlerConfig

from app.accounts.routes import SERVICE
from app.models import Role
from app.permissions import Permission
from app.rbac.guards import requires
from app.rbac.role_service import RoleService
from app.rbac.schemas import RoleCreate
from app.rbac.schemas import RoleRead
from app.rbac.schemas import RoleUpdate
from app.repositories import RoleRepository


def role_management() -> RoleManagementHandlerConfig:
    """The routes of litestar-users that create, change, delete, assign and revoke roles."""
    return RoleManagementHandlerConfig(
        role_repository_class=RoleRepository,
        role_create_dto=RoleCreate,
        role_read_dto=RoleRead,
        role_update_dto=RoleUpdate,
        guards=[requires(Permission.ROLES_MANAGE)],
        tags=["Roles"],
    )


@get(
    "/users/roles",
    return_dto=RoleRead,
    guards=[requires(Permission.ROLES_READ)],
    dependencies=SERVICE,
    access_tokens="read",
    tags=["Roles"],
)
async def list_roles(service: NamedDependency[RoleService]) -> list[Role]:
    """List the roles by name."""
    return await service.list_roles()


ROUTES: list[HTTPRouteHandler] = [list_roles]
