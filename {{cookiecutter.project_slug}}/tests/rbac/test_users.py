"""Users, as administrators see and change them."""

import asyncio
from typing import Any

import pytest

from app.accounts.schemas import CHANGEABLE as CHANGEABLE_BY_THEMSELVES
from app.models import User
from tests.cast import ANOTHER_PASSWORD
from tests.cast import PASSWORD
from tests.cast import Outbox
from tests.cast import Person
from tests.cast import Stage
from tests.rbac.conftest import give
from tests.tables import Tables

NOBODY = "00000000-0000-4000-8000-000000000000"
CHANGEABLE = CHANGEABLE_BY_THEMSELVES | {"is_active", "is_verified"}


async def id_of(person: Person, tables: Tables) -> str:
    """The id of a user, signed in or not."""
    [user_id] = [row["id"] for row in await tables.rows("user") if row["email"] == person.email]
    return str(user_id)


@pytest.fixture
async def path(grace: Person, tables: Tables) -> str:
    """Where grace is."""
    return f"/users/{await id_of(grace, tables)}"


async def test_one_user_is_read(ada: Person, grace: Person, path: str) -> None:
    answer = await ada.get(path)
    assert (answer.status_code, answer.json()["email"]) == (200, grace.email)
    assert answer.json().keys() == (await ada.get("/users/me")).json().keys()
    assert (await ada.get(f"/users/{NOBODY}")).status_code == 404


async def test_an_invited_user_chooses_a_password(
    ada: Person, visitor: Person, outbox: Outbox, editors: dict[str, Any]
) -> None:
    answer = await ada.post("/users", email=visitor.email.upper(), roles=["EDITORS"])
    assert answer.status_code == 201
    seen = answer.json()
    assert (seen["email"], seen["is_verified"], seen["roles"]) == (visitor.email, False, [editors["name"]])
    assert (await visitor.sign_in()).status_code == 401
    token = outbox.token_for(visitor)
    assert (await visitor.post("/reset-password", token=token, password=PASSWORD)).status_code == 204
    assert (await visitor.sign_in()).status_code == 201
    assert (await visitor.get("/users/me")).json()["roles"] == ["editors"]


async def test_a_verified_user_is_not_invited(ada: Person, grace: Person) -> None:
    answer = await ada.post("/users", email=grace.email, roles=[])
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/conflict")
    assert (await grace.sign_in()).status_code == 201


async def test_an_earlier_sign_up_gains_nothing_by_the_invitation(
    ada: Person, visitor: Person, mallory: Person, outbox: Outbox
) -> None:
    planted = "a password of mallory's"
    await mallory.post("/register", email=visitor.email, password=planted)
    old_link = outbox.token_for(visitor)
    assert (await ada.post("/users", email=visitor.email, roles=["member"])).status_code == 201
    assert (await visitor.post("/verify", token=old_link)).status_code == 400
    await visitor.post("/reset-password", token=outbox.token_for(visitor), password=PASSWORD)
    assert (await mallory.post("/login", email=visitor.email, password=planted)).status_code == 401
    assert (await visitor.sign_in()).status_code == 201


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"email": "no address"}, "email"),
        ({"roles": []}, "email"),
        ({"email": "new@example.com", "roles": ["nothing"]}, "roles"),
        ({"email": "new@example.com", "roles": "member"}, "roles"),
        ({"email": "new@example.com", "password": PASSWORD}, "password"),
        ({"email": "new@example.com", "is_verified": True}, "is_verified"),
    ],
)
async def test_an_invitation_says_an_address_and_roles(
    ada: Person, tables: Tables, body: dict[str, Any], field: str
) -> None:
    answer = await ada.post("/users", **body)
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (400, [field])
    assert len(await tables.rows("user")) == 1


@pytest.mark.checklist("E11")
async def test_a_deactivated_user_is_out_at_once_and_signs_in_again_later(
    ada: Person, grace: Person, outbox: Outbox, path: str
) -> None:
    await grace.sign_in()
    await grace.post("/forgot-password", email=grace.email)
    answer = await ada.client.patch(path, json={"is_active": False})
    assert (answer.status_code, answer.json()["is_active"]) == (200, False)
    assert (await grace.get("/users/me")).status_code == 401
    assert (await grace.sign_in()).status_code == 401
    assert (await ada.client.patch(path, json={"is_active": True})).status_code == 200
    assert (await grace.get("/users/me")).status_code == 401, "what has ended does not come back"
    reset = {"token": outbox.token_for(grace), "password": ANOTHER_PASSWORD}
    assert (await grace.post("/reset-password", **reset)).status_code == 400, "nor do links"
    assert (await grace.sign_in()).status_code == 201


async def test_an_administrator_vouches_for_an_address_and_renames(
    ada: Person, visitor: Person, tables: Tables, outbox: Outbox
) -> None:
    await visitor.register()
    path = f"/users/{await id_of(visitor, tables)}"
    answer = await ada.client.patch(path, json={"is_verified": True, "display_name": "Visitor"})
    assert answer.status_code == 200
    reset = {"token": outbox.token_for(visitor), "password": visitor.password}
    assert (await visitor.post("/reset-password", **reset)).status_code == 204
    assert (await visitor.sign_in()).status_code == 201
    assert (await visitor.get("/users/me")).json()["display_name"] == "Visitor"


@pytest.mark.checklist("D11", "H01")
@pytest.mark.parametrize("field", sorted({*User.__mapper__.attrs.keys(), "password"} - CHANGEABLE))
async def test_administrators_change_nothing_else(ada: Person, tables: Tables, path: str, field: str) -> None:
    before = await tables.rows("user")
    answer = await ada.client.patch(path, json={"display_name": "Grace", field: True})
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (400, [field])
    assert await tables.rows("user") == before


@pytest.mark.checklist("D11")
async def test_a_reset_is_mailed_to_its_owner_and_not_shown(
    ada: Person, grace: Person, outbox: Outbox, path: str
) -> None:
    answer = await ada.client.post(f"{path}/reset-password")
    assert (answer.status_code, answer.json()) == (202, {"detail": "The user gets a mail with a link."})
    token = outbox.token_for(grace)
    assert (await grace.sign_in()).status_code == 201, "the present password works until another is chosen"
    assert (await grace.post("/reset-password", token=token, password=ANOTHER_PASSWORD)).status_code == 204
    assert (await grace.sign_in()).status_code == 401


async def test_a_deactivated_user_gets_no_reset(ada: Person, outbox: Outbox, path: str) -> None:
    await ada.client.patch(path, json={"is_active": False})
    before = len(outbox.messages)
    answer = await ada.client.post(f"{path}/reset-password")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/conflict")
    assert len(outbox.messages) == before


@pytest.mark.checklist("E11")
async def test_a_user_is_deleted_with_everything(ada: Person, grace: Person, tables: Tables, path: str) -> None:
    await grace.sign_in()
    assert (await ada.client.delete(path)).status_code == 204
    assert (await grace.get("/users/me")).status_code == 401
    assert [row["email"] for row in await tables.rows("user")] == [ada.email]
    assert (await ada.client.delete(path)).status_code == 404


LAST = [("PATCH", {"is_active": False}), ("PATCH", {"is_verified": False}), ("DELETE", None)]


@pytest.mark.checklist("H04")
@pytest.mark.parametrize(("method", "body"), LAST)
async def test_the_last_administrator_is_neither_disabled_nor_deleted(
    ada: Person, tables: Tables, method: str, body: dict[str, bool] | None
) -> None:
    answer = await ada.client.request(method, f"/users/{await id_of(ada, tables)}", json=body)
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/conflict")
    assert (await ada.client.delete("/users/me")).status_code == 409
    assert (await ada.get("/users")).status_code == 200


@pytest.mark.checklist("H04")
async def test_who_cannot_sign_in_is_no_other_administrator(ada: Person, tables: Tables) -> None:
    await ada.post("/users", email="invited@example.com", roles=["administrator"])
    answer = await ada.client.patch(f"/users/{await id_of(ada, tables)}", json={"is_active": False})
    assert answer.status_code == 409


@pytest.mark.checklist("H04")
@pytest.mark.parametrize(("method", "body"), LAST)
async def test_two_administrators_do_not_disable_each_other_at_once(
    ada: Person, stage: Stage, tables: Tables, method: str, body: dict[str, bool] | None
) -> None:
    other = await stage.verified("barbara")
    await give(tables, other, "administrator")
    await other.sign_in()
    paths = [f"/users/{await id_of(person, tables)}" for person in (other, ada)]
    answers = await asyncio.gather(
        *(person.client.request(method, path, json=body) for person, path in zip((ada, other), paths, strict=True))
    )
    assert sorted(answer.is_success for answer in answers) == [False, True]
    left = [row for row in await tables.rows("user") if row["is_active"] and row["is_verified"]]
    assert len(left) == 1
