"""A permission opens what the table says, and no other does."""

import pytest
from httpx import Response

from app.permissions import Permission
from tests.access_tokens.program import make
from tests.authorization import TABLE
from tests.cast import Person
from tests.cast import Stage
from tests.rbac.conftest import give
from tests.rbac.feature import ROUTES as ADMINISTRATION
from tests.tables import Tables
from tests.test_authorization import REFUSALS
from tests.test_authorization import call
from tests.test_authorization import kind_of

DENIED = (403, "/problems/permission-denied")
GUARDED = [(route, access) for route, access in TABLE.items() if access in set(Permission)]
# What the routes of administrators are sent.
BODIES = {
    "POST /users": {"email": "new@example.com"},
    "PATCH /users/{user_id}": {"display_name": "Grace Hopper"},
    "POST /users/roles": {"name": "new"},
    "PATCH /users/roles/{role_id}": {"description": "They edit."},
    "PUT /users/roles/assign": {"user_id": "{user_id}", "role_id": "{role_id}"},
    "PUT /users/roles/revoke": {"user_id": "{user_id}", "role_id": "{held_id}"},
}
ROLES = """
    INSERT INTO role (id, name, created_at) VALUES (gen_random_uuid(), 'held', now());
    INSERT INTO role (id, name, created_at) VALUES (gen_random_uuid(), 'spare', now())
"""


FACTOR = """
    INSERT INTO totp (id, user_id, secret, key_id, is_confirmed) SELECT gen_random_uuid(), id, '', '', true FROM "user"
"""


async def holding(stage: Stage, tables: Tables, *permissions: str) -> Person:
    """A signed-in user with exactly this permission."""
    held = ", ".join(f"'{permission}'" for permission in permissions)
    await tables.execute(
        "INSERT INTO role (id, name, created_at, permissions) "  # noqa: S608  # from the code
        f"VALUES (gen_random_uuid(), 'tested', now(), ARRAY[{held}]::varchar[])"
    )
    person = await stage.verified("barbara")
    await give(tables, person, "tested")
    await person.sign_in()
    return person


@pytest.fixture
async def ids(grace: Person, tables: Tables) -> dict[str, str]:
    """A user, the sign-in of that user, a role that the user has, and one that the user does not have."""
    await tables.execute_all(ROLES)
    await give(tables, grace, "held")
    await grace.sign_in()
    await make(grace)
    await tables.execute(FACTOR)
    [user], [sign_in] = await tables.rows("user"), await tables.rows("user_session")
    [token] = await tables.rows("access_token")
    roles = {row["name"]: str(row["id"]) for row in await tables.rows("role")}
    return {
        "user_id": str(user["id"]),
        "session_id": str(sign_in["id"]),
        "token_id": str(token["id"]),
        "role_id": roles["spare"],
        "held_id": roles["held"],
    }


async def act(person: Person, route: str, ids: dict[str, str]) -> Response:
    """Call the route with what there is, and with a body that is right."""
    method, path = route.split()
    body = {name: value.format(**ids) for name, value in BODIES.get(route, {}).items()}
    return await person.client.request(method, path.format(**ids), json=body or None)


@pytest.mark.checklist("H02")
@pytest.mark.parametrize(("route", "permission"), ADMINISTRATION.items())
async def test_the_permission_is_enough(
    stage: Stage, tables: Tables, ids: dict[str, str], route: str, permission: str
) -> None:
    answer = await act(await holding(stage, tables, permission), route, ids)
    assert answer.is_success, answer.text


@pytest.mark.checklist("H02")
@pytest.mark.parametrize(("route", "permission"), GUARDED)
async def test_a_caller_with_the_permission_is_let_in(
    stage: Stage, tables: Tables, route: str, permission: str
) -> None:
    answer = await call(await holding(stage, tables, permission), route)
    assert answer.status_code not in REFUSALS


@pytest.mark.checklist("H02")
@pytest.mark.parametrize(("route", "permission"), GUARDED)
async def test_a_caller_with_every_other_permission_is_refused(
    stage: Stage, tables: Tables, route: str, permission: str
) -> None:
    others = set(Permission) - {permission}
    assert kind_of(await call(await holding(stage, tables, *others), route)) == DENIED


@pytest.mark.checklist("H02")
async def test_ordinary_users_are_not(grace: Person) -> None:
    await grace.sign_in()
    answers = {route: kind_of(await call(grace, route)) for route, _ in GUARDED}
    assert set(answers.values()) == {DENIED}, answers


@pytest.mark.checklist("H02")
async def test_administrators_are_let_in(ada: Person) -> None:
    answers = {route: (await call(ada, route)).status_code for route, _ in GUARDED}
    assert REFUSALS.isdisjoint(answers.values()), answers
