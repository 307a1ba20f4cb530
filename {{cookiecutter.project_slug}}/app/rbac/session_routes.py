"""The sign-ins of users, for callers with the permission to end them."""

from typing import Annotated
from uuid import UUID

from litestar import delete
from litestar import get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import Parameter

from app.accounts.routes import SERVICE
from app.auth.devices import Device
from app.permissions import Permission
from app.rbac.guards import requires
from app.rbac.user_administration import AdministrationService
from app.rbac.user_routes import UserId

MANAGE = requires(Permission.SESSIONS_MANAGE)
SessionId = Annotated[UUID, Parameter(description="From the list.")]


@get("/users/{user_id:uuid}/sessions", guards=[MANAGE], dependencies=SERVICE, tags=["Users"])
async def list_devices(user_id: UserId, service: NamedDependency[AdministrationService]) -> list[Device]:
    """List the sign-ins of a user, the latest seen first."""
    return await service.list_devices(user_id)


@delete("/users/{user_id:uuid}/sessions/{session_id:uuid}", guards=[MANAGE], dependencies=SERVICE, tags=["Users"])
async def end_device(user_id: UserId, session_id: SessionId, service: NamedDependency[AdministrationService]) -> None:
    """Sign a user out of one device."""
    await service.sign_out(user_id, session_id)


@delete("/users/{user_id:uuid}/sessions", guards=[MANAGE], dependencies=SERVICE, tags=["Users"])
async def end_all_devices(user_id: UserId, service: NamedDependency[AdministrationService]) -> None:
    """Sign a user out everywhere."""
    await service.sign_out_everywhere(user_id)


ROUTES: list[HTTPRouteHandler] = [list_devices, end_device, end_all_devices]
