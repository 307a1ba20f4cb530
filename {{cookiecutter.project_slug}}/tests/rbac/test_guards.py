"""Guards: ours ask for permissions, litestar-users' for the names of roles."""

from typing import Any

from litestar import get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.types import Guard
from litestar_users.guards import roles_accepted
from litestar_users.guards import roles_required

from app.models import User
from app.permissions import ADMINISTRATOR
from app.permissions import Permission
from app.rbac.guards import requires
from app.settings import Settings
from tests.cast import Person
from tests.other_services import another_stage
from tests.tables import Tables


def behind(guard: Guard, name: str) -> HTTPRouteHandler:
    """A route behind a guard."""

    @get(f"/protected/{name}", guards=[guard], sync_to_thread=False)
    def protected() -> str:
        return "in"

    return protected


# Each route, and how it answers an editor, who may read roles.
ROUTES = {
    behind(requires(Permission.ROLES_READ), "permission"): 200,
    behind(requires(Permission.ROLES_READ, Permission.ROLES_MANAGE), "permissions"): 403,
    behind(roles_accepted("editors", ADMINISTRATOR), "role"): 200,
    behind(roles_required("editors", ADMINISTRATOR), "roles"): 403,
}


async def test_a_guard_lets_through_who_holds_what_it_asks_for(
    settings: Settings, ada: Person, grace: Person, editors: dict[str, Any]
) -> None:
    await grace.sign_in()
    async with another_stage(settings, *ROUTES) as another:

        async def statuses() -> list[int]:
            return [(await another.copy_of(grace).get(*route.paths)).status_code for route in ROUTES]

        assert await statuses() == [403] * len(ROUTES)
        body = {"user_id": await grace.id(), "role_id": editors["id"]}
        await ada.client.put("/users/roles/assign", json=body)
        assert await statuses() == [*ROUTES.values()]


async def test_what_a_route_changes_of_the_callers_roles_is_stored(
    settings: Settings, ada: Person, tables: Tables
) -> None:
    @get("/changes")
    async def change(current_user: NamedDependency[User]) -> None:
        [role] = current_user.roles
        role.description = "Changed."

    async with another_stage(settings, change) as another:
        assert (await another.copy_of(ada).get("/changes")).is_success
    assert "Changed." in [role["description"] for role in await tables.rows("role")]
