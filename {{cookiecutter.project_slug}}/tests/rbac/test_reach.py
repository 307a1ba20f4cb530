"""No caller gives, takes or changes more than their own permissions."""

from datetime import timedelta
from typing import Any

import pytest

from tests.cast import Clock
from tests.cast import Person
from tests.cast import Stage
from tests.rbac.conftest import give
from tests.tables import Tables

DENIED = (403, "/problems/permission-denied")


@pytest.fixture
async def helper(ada: Person, stage: Stage, tables: Tables) -> Person:
    """A user who may manage users and roles, and nothing else."""
    permissions = ["roles:manage", "roles:read", "users:manage", "users:read"]
    await ada.post("/users/roles", name="helpers", permissions=permissions)
    helper = await stage.verified("helper")
    await give(tables, helper, "helpers")
    await helper.sign_in()
    return helper


async def test_a_role_with_more_permissions_cannot_be_given(
    helper: Person, grace: Person, administrators: dict[str, Any]
) -> None:
    await grace.sign_in()
    for person in (helper, grace):
        pair = {"user_id": await person.id(), "role_id": administrators["id"]}
        answer = await helper.client.put("/users/roles/assign", json=pair)
        assert (answer.status_code, answer.json()["type"]) == DENIED
    answer = await helper.post("/users", email="new@example.com", roles=["administrator"])
    assert (answer.status_code, answer.json()["type"]) == DENIED


async def test_a_role_with_more_permissions_cannot_be_revoked(
    helper: Person, ada: Person, administrators: dict[str, Any]
) -> None:
    pair = {"user_id": await ada.id(), "role_id": administrators["id"]}
    answer = await helper.client.put("/users/roles/revoke", json=pair)
    assert (answer.status_code, answer.json()["type"]) == DENIED


async def test_a_role_with_more_permissions_cannot_be_made_or_changed(helper: Person, ada: Person) -> None:
    auditors = (await ada.post("/users/roles", name="auditors", permissions=["audit:read"])).json()
    own = next(role for role in (await helper.get("/users/roles")).json() if role["name"] == "helpers")
    answers = [
        await helper.post("/users/roles", name="spies", permissions=["audit:read"]),
        await helper.client.patch(f"/users/roles/{own['id']}", json={"permissions": ["audit:read"]}),
        await helper.client.patch(f"/users/roles/{auditors['id']}", json={"permissions": []}),
        await helper.client.delete(f"/users/roles/{auditors['id']}"),
    ]
    assert {(answer.status_code, answer.json()["type"]) for answer in answers} == {DENIED}
    assert (await helper.post("/users/roles", name="readers", permissions=["users:read"])).status_code == 201


async def test_a_user_with_more_permissions_cannot_be_changed(helper: Person, ada: Person, grace: Person) -> None:
    path = f"/users/{await ada.id()}"
    answers = [
        await helper.client.patch(path, json={"is_active": False}),
        await helper.client.delete(path),
        await helper.client.post(f"{path}/reset-password"),
    ]
    assert {(answer.status_code, answer.json()["type"]) for answer in answers} == {DENIED}
    assert (await ada.get("/users/me")).status_code == 200
    await grace.sign_in()
    assert (await helper.client.delete(f"/users/{await grace.id()}")).status_code == 204


async def test_who_may_not_give_roles_invites_people_without_any(ada: Person, stage: Stage, tables: Tables) -> None:
    await ada.post("/users/roles", name="hosts", permissions=["users:manage"])
    host = await stage.verified("host")
    await give(tables, host, "hosts")
    await host.sign_in()
    assert (await host.post("/users", email="guest@example.com", roles=["member"])).status_code == 403
    assert (await host.post("/users", email="guest@example.com")).status_code == 201


async def test_an_invited_administrator_is_invited_again_by_administrators_alone(
    ada: Person, helper: Person, clock: Clock
) -> None:
    invitation = {"email": "new@example.com", "roles": ["administrator"]}
    assert (await ada.post("/users", **invitation)).status_code == 201
    clock.advance(timedelta(seconds=11))
    assert (await helper.post("/users", email="new@example.com")).status_code == 403
    assert (await ada.post("/users", **invitation)).status_code == 201
