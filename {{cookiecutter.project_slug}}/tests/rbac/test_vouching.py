"""An administrator vouches for an address, and for nothing that was done with it before."""

import asyncio
from typing import Any

import pytest

from tests.cast import PASSWORD
from tests.cast import Outbox
from tests.cast import Person
from tests.cast import Stage
from tests.cast import text_of
from tests.cast import token_in
from tests.rbac.conftest import give
from tests.rbac.test_users import id_of
from tests.tables import Tables

PLANTED = "a password of mallory's"
LIE = "Your account is locked: call 555-0100"


async def choose_password(person: Person) -> None:
    """Follow the link of the newest mail."""
    answer = await person.post("/reset-password", token=person.outbox.token_for(person), password=person.password)
    assert answer.status_code == 204


async def patch(ada: Person, person: Person, tables: Tables, **changes: Any) -> None:
    """Change a user as an administrator."""
    answer = await ada.client.patch(f"/users/{await id_of(person, tables)}", json=changes)
    assert answer.status_code == 200


@pytest.mark.checklist("A10")
@pytest.mark.parametrize("times", [1, 6])
async def test_vouching_leaves_nothing_of_the_sign_up_and_mails_its_owner_a_link(  # noqa: PLR0913, PLR0917  # fixtures
    ada: Person, visitor: Person, mallory: Person, outbox: Outbox, tables: Tables, times: int
) -> None:
    for _ in range(times):
        await mallory.post("/register", email=visitor.email, password=PLANTED, display_name=LIE)
    planted = outbox.token_for(visitor)
    await patch(ada, visitor, tables, is_verified=True)
    assert (await mallory.post("/login", email=visitor.email, password=PLANTED)).status_code == 401
    assert (await mallory.post("/verify", token=planted)).status_code == 400
    [row] = [row for row in await tables.rows("user") if row["email"] == visitor.email]
    assert (row["display_name"], row["unproven_until"], row["is_verified"]) == ("", None, True)
    assert "confirmed" in outbox.to(visitor)[-1]["Subject"]
    assert LIE not in text_of(outbox.to(visitor)[-1])
    await choose_password(visitor)
    assert (await visitor.sign_in()).status_code == 201


@pytest.mark.checklist("A10")
async def test_vouching_for_an_invited_user_mails_a_link_too(
    ada: Person, visitor: Person, outbox: Outbox, tables: Tables
) -> None:
    await ada.post("/users", email=visitor.email, roles=["member"])
    invitation = outbox.token_for(visitor)
    await patch(ada, visitor, tables, is_verified=True)
    assert (await visitor.post("/reset-password", token=invitation, password=PASSWORD)).status_code == 400
    await choose_password(visitor)
    assert (await visitor.sign_in()).status_code == 201
    assert (await visitor.get("/users/me")).json()["roles"] == ["member"]


@pytest.mark.checklist("A10")
async def test_vouching_for_a_proven_user_changes_nothing(
    ada: Person, grace: Person, outbox: Outbox, tables: Tables
) -> None:
    before = await tables.rows("user")
    await patch(ada, grace, tables, is_verified=True)
    assert await tables.rows("user") == before
    assert outbox.to(grace) == []
    assert (await grace.sign_in()).status_code == 201


@pytest.mark.checklist("A10")
async def test_taking_the_proof_from_a_user_keeps_the_account(ada: Person, grace: Person, tables: Tables) -> None:
    await patch(ada, grace, tables, display_name="Grace")
    before = [row for row in await tables.rows("user") if row["email"] == grace.email]
    await patch(ada, grace, tables, is_verified=False)
    after = [row for row in await tables.rows("user") if row["email"] == grace.email]
    assert after == [{**before[0], "is_verified": False}]
    assert after[0]["unproven_until"] is None
    assert (await grace.sign_in()).status_code == 401
    await grace.post("/verify/resend", email=grace.email)
    assert (await grace.verify()).status_code == 200
    assert (await grace.sign_in()).status_code == 201


@pytest.mark.checklist("A10")
async def test_a_sign_up_that_waits_for_a_vouching_keeps_nothing(
    ada: Person, visitor: Person, mallory: Person, stage: Stage, tables: Tables
) -> None:
    await visitor.register()
    stage.delivers = False
    path = f"/users/{await id_of(visitor, tables)}"
    requests = [ada.client.patch(path, json={"is_verified": True})]
    requests += [mallory.post("/register", email=visitor.email, password=PLANTED) for _ in range(5)]
    assert {answer.status_code for answer in await asyncio.gather(*requests)} == {200, 202}
    [row] = [row for row in await tables.rows("user") if row["email"] == visitor.email]
    assert (row["is_verified"], row["password_hash"]) == (True, "!")
    stage.delivers = True
    await stage.deliver()
    links = [mail for mail in stage.outbox.to(visitor) if "token=" in text_of(mail)]
    statuses = [
        (await visitor.post("/reset-password", token=token_in(mail), password=PASSWORD)).status_code
        for mail in reversed(links)
    ]
    assert 204 in statuses


@pytest.mark.checklist("D12")
async def test_a_reset_that_an_administrator_starts_ends_what_a_thief_holds(
    ada: Person, grace: Person, stage: Stage, outbox: Outbox, tables: Tables
) -> None:
    thief = stage.person("grace", "198.51.100.66")
    await thief.sign_in()
    await thief.post("/users/me/email", email="mallory@evil.example", password=PASSWORD)
    [confirmation] = outbox.to_address("mallory@evil.example")
    answer = await ada.client.post(f"/users/{await id_of(grace, tables)}/reset-password")
    assert answer.status_code == 202
    await grace.get("/health")
    grace.password = "wrong donkey socket paperclip"
    await choose_password(grace)
    assert (await thief.get("/users/me")).status_code == 401
    assert (await thief.post("/users/me/email/confirm", token=token_in(confirmation))).status_code == 400


@pytest.mark.checklist("A10")
async def test_a_deactivated_account_is_neither_invited_nor_proven(
    ada: Person, visitor: Person, tables: Tables
) -> None:
    await visitor.register()
    await patch(ada, visitor, tables, is_active=False)
    answer = await ada.post("/users", email=visitor.email, roles=[])
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/conflict")
    assert "deactivated" in answer.json()["detail"]


@pytest.mark.checklist("A10")
async def test_an_administrator_who_was_invited_gets_no_password_from_a_stranger(
    ada: Person, visitor: Person, mallory: Person, outbox: Outbox, tables: Tables
) -> None:
    await mallory.post("/register", email=visitor.email, password=PLANTED)
    await give(tables, visitor, "administrator")
    await visitor.register()
    await choose_password(visitor)
    assert (await mallory.post("/login", email=visitor.email, password=PLANTED)).status_code == 401
    assert (await visitor.sign_in()).status_code == 201
    assert outbox.to(visitor) != []
    assert (await ada.get("/users")).status_code == 200
