"""A permission opens what the table says, and no other does."""

import pytest

from app.permissions import Permission
from tests.authorization import TABLE
from tests.cast import Person
from tests.cast import Stage
from tests.rbac.conftest import give
from tests.tables import Tables
from tests.test_authorization import call
from tests.test_authorization import kind_of

DENIED = (403, "/problems/permission-denied")
GUARDED = [(route, access) for route, access in TABLE.items() if access in set(Permission)]


async def holding(stage: Stage, tables: Tables, *permissions: str) -> Person:
    """Somebody who may do exactly this, signed in."""
    held = ", ".join(f"'{permission}'" for permission in permissions)
    await tables.execute(
        "INSERT INTO role (id, name, permissions) "  # noqa: S608  # from the code
        f"VALUES (gen_random_uuid(), 'tested', ARRAY[{held}]::varchar[])"
    )
    person = await stage.verified("barbara")
    await give(tables, person, "tested")
    await person.sign_in()
    return person


@pytest.mark.checklist("H02")
@pytest.mark.parametrize(("route", "permission"), GUARDED)
async def test_whoever_holds_the_permission_is_let_in(
    stage: Stage, tables: Tables, route: str, permission: str
) -> None:
    answer = await call(await holding(stage, tables, permission), route)
    assert answer.status_code in {200, 400, 404}


@pytest.mark.checklist("H02")
@pytest.mark.parametrize(("route", "permission"), GUARDED)
async def test_whoever_holds_every_other_permission_is_not(
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
    assert set(answers.values()) == {200, 400, 404}, answers
