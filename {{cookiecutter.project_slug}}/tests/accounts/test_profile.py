"""What users see and change of themselves."""

import pytest

from app.accounts.schemas import CHANGEABLE
from app.accounts.schemas import READABLE
from app.accounts.schemas import RENAMED
from app.models import User
from tests.cast import Person
from tests.tables import Tables

VISIBLE = {"id", "email", "display_name", "is_active", "is_verified", "created_at"}


async def test_users_see_what_the_contract_lists(grace: Person) -> None:
    await grace.sign_in()
    seen = (await grace.get("/users/me")).json()
    assert seen.keys() == {RENAMED.get(name, name) for name in READABLE}
    assert seen.keys() >= VISIBLE


def test_users_see_no_secret() -> None:
    secrets = {column.key for column in User.__table__.columns if column.info.get("is_secret")}
    assert "password_hash" in secrets
    assert secrets.isdisjoint(READABLE)


async def test_users_change_their_display_name(grace: Person) -> None:
    await grace.sign_in()
    answer = await grace.client.patch("/users/me", json={"display_name": "Grace Hopper"})
    assert (answer.status_code, answer.json()["display_name"]) == (200, "Grace Hopper")
    assert (await grace.get("/users/me")).json()["display_name"] == "Grace Hopper"


@pytest.mark.checklist("H01")
@pytest.mark.parametrize("field", sorted({*User.__mapper__.attrs.keys()} - CHANGEABLE))
async def test_users_change_nothing_else(grace: Person, tables: Tables, field: str) -> None:
    await grace.sign_in()
    before = await tables.rows("user")
    answer = await grace.client.patch("/users/me", json={"display_name": "Grace", field: True})
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert await tables.rows("user") == before


@pytest.mark.parametrize("name", ["x" * 101, "a\x00b", "two\nlines", 1, None])
async def test_a_name_that_does_not_fit_is_refused_by_name(grace: Person, name: object) -> None:
    await grace.sign_in()
    answer = await grace.client.patch("/users/me", json={"display_name": name})
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/invalid-request")
    assert [error["field"] for error in answer.json()["errors"]] == ["display_name"]


async def test_an_empty_change_changes_nothing(grace: Person, tables: Tables) -> None:
    await grace.sign_in()
    before = await tables.rows("user")
    assert (await grace.client.patch("/users/me", json={})).status_code == 200
    assert await tables.rows("user") == before


async def test_strangers_see_and_change_nothing(visitor: Person) -> None:
    assert (await visitor.get("/users/me")).status_code == 401
    assert (await visitor.client.patch("/users/me", json={"display_name": "x"})).status_code == 401
