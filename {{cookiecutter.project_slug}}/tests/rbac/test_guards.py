"""Guards: ours ask for permissions, litestar-users' for the names of roles."""

from typing import Any

import pytest
from litestar import Litestar
from litestar import get
from litestar.di import NamedDependency
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


def protect(app: Litestar, path: str, guard: Guard) -> None:
    """Put a route behind a guard."""

    @get(path, guards=[guard], sync_to_thread=False)
    def protected() -> str:
        return "in"

    app.register(protected)


@pytest.mark.parametrize(
    ("name", "guard", "status_code"),
    [
        ("permission", requires(Permission.ROLES_READ), 200),
        ("permissions", requires(Permission.ROLES_READ, Permission.ROLES_MANAGE), 403),
        ("role", roles_accepted("editors", ADMINISTRATOR), 200),
        ("roles", roles_required("editors", ADMINISTRATOR), 403),
    ],
)
async def test_a_guard_lets_through_who_holds_what_it_asks_for(  # noqa: PLR0913, PLR0917  # the cast and the table
    app: Litestar, ada: Person, grace: Person, editors: dict[str, Any], name: str, guard: Guard, status_code: int
) -> None:
    path = f"/protected/{name}"
    protect(app, path, guard)
    await grace.sign_in()
    assert (await grace.get(path)).status_code == 403
    user_id = await grace.id()
    await ada.client.put("/users/roles/assign", json={"user_id": user_id, "role_id": editors["id"]})
    assert (await grace.get(path)).status_code == status_code


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
