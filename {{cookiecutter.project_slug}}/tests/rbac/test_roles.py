"""Roles over HTTP."""

import asyncio
from typing import Any

import pytest

from app.permissions import ADMINISTRATOR
from app.permissions import Permission
from tests.cast import Person
from tests.cast import Stage
from tests.rbac.conftest import give
from tests.tables import Tables

NOBODY = "00000000-0000-4000-8000-000000000000"


async def test_the_migration_stores_two_roles_without_permissions(tables: Tables) -> None:
    stored = {row["name"]: row["permissions"] for row in await tables.rows("role")}
    assert stored == {ADMINISTRATOR: [], "member": []}


async def test_an_administrator_may_do_everything(ada: Person, administrators: dict[str, Any]) -> None:
    seen = (await ada.get("/users/me")).json()
    assert (seen["roles"], seen["permissions"]) == ([ADMINISTRATOR], sorted(Permission))
    assert administrators["permissions"] == sorted(Permission)


async def test_an_ordinary_user_may_do_nothing(grace: Person) -> None:
    await grace.sign_in()
    seen = (await grace.get("/users/me")).json()
    assert (seen["roles"], seen["permissions"]) == ([], [])


async def test_a_role_is_made_listed_changed_and_deleted(ada: Person) -> None:
    made = await ada.post("/users/roles", name="editors", description="They edit.", permissions=["roles:read"])
    assert made.status_code == 201
    role = made.json()
    assert [listed["name"] for listed in (await ada.get("/users/roles")).json()] == [ADMINISTRATOR, "editors", "member"]
    changed = await ada.client.patch(f"/users/roles/{role['id']}", json={"description": "They write."})
    assert (changed.status_code, changed.json()) == (200, role | {"description": "They write."})
    deleted = await ada.client.delete(f"/users/roles/{role['id']}")
    assert deleted.status_code == 200
    assert [listed["name"] for listed in (await ada.get("/users/roles")).json()] == [ADMINISTRATOR, "member"]


@pytest.mark.checklist("H04")
async def test_a_role_is_given_and_taken_and_acts_on_the_next_request(
    ada: Person, grace: Person, editors: dict[str, Any]
) -> None:
    await grace.sign_in()
    pair = {"user_id": await grace.id(), "role_id": editors["id"]}
    given = await ada.client.put("/users/roles/assign", json=pair)
    assert (given.status_code, given.json()["roles"]) == (200, ["editors"])
    assert (await grace.get("/users/roles")).status_code == 200
    taken = await ada.client.put("/users/roles/revoke", json=pair)
    assert (taken.status_code, taken.json()["roles"]) == (200, [])
    assert (await grace.get("/users/roles")).status_code == 403


@pytest.mark.parametrize("way", ["assign", "revoke"])
async def test_giving_and_taking_twice_contradicts(
    ada: Person, grace: Person, editors: dict[str, Any], way: str
) -> None:
    await grace.sign_in()
    pair = {"user_id": await grace.id(), "role_id": editors["id"]}
    if way == "assign":
        await ada.client.put("/users/roles/assign", json=pair)
    answer = await ada.client.put(f"/users/roles/{way}", json=pair)
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/conflict")
    assert "editors" in answer.json()["detail"]


@pytest.mark.parametrize("way", ["assign", "revoke"])
async def test_unknown_users_and_roles_are_not_found(ada: Person, editors: dict[str, Any], way: str) -> None:
    for pair in (
        {"user_id": NOBODY, "role_id": editors["id"]},
        {"user_id": await ada.id(), "role_id": NOBODY},
    ):
        assert (await ada.client.put(f"/users/roles/{way}", json=pair)).status_code == 404


@pytest.mark.usefixtures("editors")
@pytest.mark.parametrize("name", ["editors", "Editors", " EDITORS ", "Administrator"])
async def test_a_name_is_taken_once_in_whatever_case(ada: Person, name: str) -> None:
    answer = await ada.post("/users/roles", name=name, permissions=[])
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/conflict")


async def test_a_user_with_an_unverified_address_gets_no_role(
    ada: Person, visitor: Person, tables: Tables, editors: dict[str, Any]
) -> None:
    await visitor.register()
    [user_id] = [row["id"] for row in await tables.rows("user") if row["email"] == visitor.email]
    answer = await ada.client.put("/users/roles/assign", json={"user_id": str(user_id), "role_id": editors["id"]})
    assert (answer.status_code, answer.json()["detail"]) == (409, "The user has not confirmed the address yet.")


async def test_a_permission_that_does_not_exist_is_refused_by_name(ada: Person, editors: dict[str, Any]) -> None:
    made = await ada.post("/users/roles", name="dreamers", permissions=["the:moon"])
    changed = await ada.client.patch(f"/users/roles/{editors['id']}", json={"permissions": ["the:moon"]})
    for answer in (made, changed):
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"] == "permissions"
        assert "the:moon" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("body", [{"id": NOBODY}, {"created_at": "2020-01-01T00:00:00Z"}, {"users": []}])
async def test_a_body_says_nothing_that_is_not_offered(
    ada: Person, editors: dict[str, Any], body: dict[str, Any]
) -> None:
    assert (await ada.client.patch(f"/users/roles/{editors['id']}", json=body)).status_code == 400
    assert (await ada.post("/users/roles", name="x", permissions=[], **body)).status_code == 400


LIKE_ANOTHER = {
    "Cyrillic letter": "administr\u0430tor",
    "fullwidth": "\uff41dministrator",
    "zero width": "admin\u200bistrator",
    "soft hyphen": "admin\u00adistrator",
    "combining mark": "administrato\u0323r",
    "ligature": "o\ufb03cer",
    "no-break space": "editors\u00a0two",
    "right to left": "\u202eadministrator",
    "two spaces": "editors  two",
    "space before a dot": "editors .two",
    "end": "administrator.",
}


@pytest.mark.checklist("H07")
@pytest.mark.parametrize("name", ["", " ", "x" * 256, "a\x00b", "a\nb", 1, None, *LIKE_ANOTHER.values()])
async def test_a_name_that_cannot_be_told_from_another_or_stored_is_refused(
    ada: Person, editors: dict[str, Any], name: str
) -> None:
    made = await ada.post("/users/roles", name=name, permissions=[])
    changed = await ada.client.patch(f"/users/roles/{editors['id']}", json={"name": name})
    for answer in (made, changed):
        assert answer.status_code == 400
        assert [error["field"] for error in answer.json()["errors"]] == ["name"]


async def test_a_role_from_before_the_rule_about_names_keeps_its_name_and_works(
    ada: Person, grace: Person, tables: Tables
) -> None:
    name = "R\u00e9dacteurs"
    await tables.execute(f"INSERT INTO role (id, name, created_at) VALUES (gen_random_uuid(), '{name}', now())")  # noqa: S608  # as above
    await grace.sign_in()
    [role] = [each for each in (await ada.get("/users/roles")).json() if each["name"] == name]
    changed = await ada.client.patch(f"/users/roles/{role['id']}", json={"name": name, "permissions": ["roles:read"]})
    assert changed.status_code == 200
    pair = {"user_id": await grace.id(), "role_id": role["id"]}
    assert (await ada.client.put("/users/roles/assign", json=pair)).json()["roles"] == [name]
    assert (await ada.post("/users", email="new@example.com", roles=[name.upper()])).status_code == 201
    renamed = await ada.client.patch(f"/users/roles/{role['id']}", json={"name": "Editors-1_b.c d"})
    assert (renamed.status_code, renamed.json()["name"]) == (200, "Editors-1_b.c d")


@pytest.mark.checklist("H04")
async def test_the_last_administrator_stays(ada: Person, administrators: dict[str, Any]) -> None:
    pair = {"user_id": await ada.id(), "role_id": administrators["id"]}
    answer = await ada.client.put("/users/roles/revoke", json=pair)
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/conflict")
    assert (await ada.get("/users/me")).json()["roles"] == [ADMINISTRATOR]


@pytest.mark.checklist("H04")
async def test_two_administrators_cannot_remove_each_other_at_once(
    ada: Person, stage: Stage, tables: Tables, administrators: dict[str, Any]
) -> None:
    other = await stage.verified("barbara")
    await give(tables, other, ADMINISTRATOR)
    await other.sign_in()
    ids = [await ada.id(), await other.id()]
    revocations = (
        person.client.put("/users/roles/revoke", json={"user_id": victim, "role_id": administrators["id"]})
        for person, victim in zip((ada, other), reversed(ids), strict=True)
    )
    answers = await asyncio.gather(*revocations)
    assert sorted(answer.status_code for answer in answers) in ([200, 403], [200, 409])
    assert len(await tables.rows("user_role")) == 1


@pytest.mark.parametrize("change", [{"name": "x"}, {"permissions": []}])
async def test_the_administrators_role_keeps_its_name_and_permissions(
    ada: Person, administrators: dict[str, Any], change: dict[str, Any]
) -> None:
    path = f"/users/roles/{administrators['id']}"
    assert (await ada.client.patch(path, json=change)).status_code == 409
    assert (await ada.client.delete(path)).status_code == 409
    assert (await ada.client.patch(path, json={"description": "All of it."})).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/users/roles"),
        ("POST", "/users/roles"),
        ("PATCH", f"/users/roles/{NOBODY}"),
        ("DELETE", f"/users/roles/{NOBODY}"),
        ("PUT", "/users/roles/assign"),
        ("PUT", "/users/roles/revoke"),
    ],
)
async def test_roles_are_for_those_who_may(grace: Person, visitor: Person, method: str, path: str) -> None:
    assert (await visitor.client.request(method, path)).status_code == 401
    await grace.sign_in()
    answer = await grace.client.request(method, path)
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/permission-denied")
