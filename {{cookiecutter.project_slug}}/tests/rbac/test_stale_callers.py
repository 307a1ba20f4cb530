"""A permission that another act takes away counts for nothing, also in a request that came in before."""

import asyncio
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from tests.cast import Person
from tests.cast import Stage
from tests.rbac.conftest import give
from tests.rbac.test_parallel_acts import ids_of
from tests.tables import Tables

# What happens to the helper, and holds the rows that the helper's act locks until it is committed.
CHANGES = {
    "role revoked": """
        WITH helper AS (SELECT id FROM "user" WHERE email = 'helper@example.com' FOR UPDATE)
        DELETE FROM user_role USING helper WHERE user_id = helper.id
    """,
    "role changed": "UPDATE role SET permissions = '{}' WHERE name = 'helpers'",
    "role deleted": "DELETE FROM role WHERE name = 'helpers'",
    "deactivated": "UPDATE \"user\" SET is_active = false WHERE email = 'helper@example.com'",
    "deleted": "DELETE FROM \"user\" WHERE email = 'helper@example.com'",
    "signed out": """
        WITH helper AS (SELECT id FROM "user" WHERE email = 'helper@example.com' FOR UPDATE)
        DELETE FROM user_session USING helper WHERE user_id = helper.id
    """,
}
REFUSED = {
    "role revoked": 403,
    "role changed": 403,
    "role deleted": 403,
    "deactivated": 401,
    "deleted": 401,
    "signed out": 401,
}
# What the helper does at that moment: method, path and body.
ACTS: dict[str, Callable[[dict[str, str]], tuple[str, str, dict[str, Any] | None]]] = {
    "invite": lambda _: ("POST", "/users", {"email": "new@example.com"}),
    "change user": lambda ids: ("PATCH", f"/users/{ids['grace']}", {"display_name": "G."}),
    "delete user": lambda ids: ("DELETE", f"/users/{ids['grace']}", None),
    "reset": lambda ids: ("POST", f"/users/{ids['grace']}/reset-password", None),
    "make role": lambda _: ("POST", "/users/roles", {"name": "friends", "permissions": []}),
    "change role": lambda ids: ("PATCH", f"/users/roles/{ids['member']}", {"description": "Friends."}),
    "delete role": lambda ids: ("DELETE", f"/users/roles/{ids['member']}", None),
    "assign": lambda ids: ("PUT", "/users/roles/assign", {"user_id": ids["grace"], "role_id": ids["member"]}),
    "revoke": lambda ids: ("PUT", "/users/roles/revoke", {"user_id": ids["grace"], "role_id": ids["member"]}),
}


@pytest.fixture
async def helper(ada: Person, grace: Person, stage: Stage, tables: Tables) -> Person:
    """A user who may manage users and roles, signed in."""
    await ada.post("/users/roles", name="helpers", permissions=["roles:manage", "users:manage"])
    helper = await stage.verified("helper")
    for person, role in ((helper, "helpers"), (grace, "member")):
        await give(tables, person, role)
    await helper.sign_in()
    return helper


@pytest.mark.checklist("H07")
@pytest.mark.parametrize(
    ("change", "act"), [*product(CHANGES, ["change user"]), *product(["role changed", "signed out"], ACTS)]
)
async def test_an_act_is_judged_by_what_its_caller_may_do_after_the_locks(
    helper: Person, tables: Tables, change: str, act: str
) -> None:
    method, path, body = ACTS[act](await ids_of(tables))
    before = [await tables.rows(name) for name in ("role", "user", "user_role")]
    async with tables.changing(CHANGES[change]):
        answer = asyncio.ensure_future(helper.client.request(method, path, json=body))
        await tables.somebody_waits()
    assert (await answer).status_code == REFUSED[change]
    if act != "change user":
        after = [await tables.rows(name) for name in ("role", "user", "user_role")]
        assert [len(rows) for rows in after] == [len(rows) for rows in before]
