"""Who gets an address that several accounts want, and what is left to a thief when its owner takes the account back."""

import asyncio

import pytest

from tests.cast import ANOTHER_PASSWORD
from tests.cast import PASSWORD
from tests.cast import Outbox
from tests.cast import Person
from tests.cast import Stage
from tests.cast import text_of
from tests.cast import token_in
from tests.tables import Tables

NEW = "hopper@example.com"
EVIL = "mallory@evil.example"


async def ask(person: Person, email: str) -> tuple[str, str]:
    """Ask for another address; the tokens that confirm and undo the change."""
    before = len(person.outbox.to(person))
    answer = await person.post("/users/me/email", email=email, password=person.password)
    assert answer.status_code == 202, answer.text
    [undo] = person.outbox.to(person)[before:]
    return token_in(person.outbox.to_address(email)[-1]), token_in(undo)


async def move(person: Person, email: str) -> str:
    """Change the address and sign in again; the token that undoes it."""
    confirmation, undo = await ask(person, email)
    assert (await person.post("/users/me/email/confirm", token=confirmation)).status_code == 200
    person.email = email
    assert (await person.sign_in()).status_code == 201
    return undo


async def removed(tables: Tables) -> list[object]:
    """The ids of the accounts that the trail says were removed."""
    return [row["target_id"] for row in await tables.trail("user.unproven-removed")]


@pytest.fixture
async def thief(stage: Stage, grace: Person) -> Person:  # noqa: ARG001  # she has an account
    """A person elsewhere who knows the password of grace and is signed in."""
    thief = stage.person("grace", "198.51.100.66")
    assert (await thief.sign_in()).status_code == 201
    return thief


@pytest.mark.checklist("A10", "D09")
@pytest.mark.parametrize("is_first", [True, False])
async def test_a_sign_up_with_the_new_address_does_not_keep_its_owner_from_confirming_it(
    signed_in: Person, visitor: Person, tables: Tables, *, is_first: bool
) -> None:
    visitor.email = NEW
    if is_first:
        await visitor.register()
    confirmation, _ = await ask(signed_in, NEW)
    if not is_first:
        await visitor.register()
    [stranger] = [row["id"] for row in await tables.rows("user") if row["email"] == NEW]
    answer = await signed_in.post("/users/me/email/confirm", token=confirmation)
    assert (answer.status_code, answer.json()["email"]) == (200, NEW)
    assert [row["email"] for row in await tables.rows("user")] == [NEW]
    assert await removed(tables) == [stranger]
    visitor.password = ANOTHER_PASSWORD
    assert (await visitor.sign_in()).status_code == 401


@pytest.mark.checklist("A10", "D12")
async def test_a_sign_up_with_the_former_address_does_not_keep_its_owner_from_undoing(
    signed_in: Person, visitor: Person, tables: Tables
) -> None:
    visitor.email, visitor.password = signed_in.email, ANOTHER_PASSWORD
    undo = await move(signed_in, NEW)
    await visitor.register()
    planted = visitor.outbox.token_for(visitor)
    answer = await signed_in.post("/users/me/email/undo", token=undo)
    assert (answer.status_code, answer.json()["email"]) == (200, visitor.email)
    assert [row["email"] for row in await tables.rows("user")] == [visitor.email]
    assert len(await removed(tables)) == 1
    assert (await visitor.post("/verify", token=planted)).status_code == 400
    assert (await visitor.sign_in()).status_code == 401


@pytest.mark.checklist("A10", "D09")
@pytest.mark.parametrize("path", ["confirm", "undo"])
async def test_an_address_that_another_account_has_proven_stays_with_it(
    signed_in: Person, stage: Stage, path: str
) -> None:
    former = signed_in.email
    if path == "undo":
        token = await move(signed_in, NEW)
        await stage.verified("grace")
    else:
        token, _ = await ask(signed_in, NEW)
        await stage.verified("hopper")
    answer = await signed_in.post(f"/users/me/email/{path}", token=token)
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/conflict")
    other = stage.person("grace" if path == "undo" else "hopper")
    assert (await other.sign_in()).status_code == 201
    assert (await signed_in.get("/users/me")).json()["email"] == (NEW if path == "undo" else former)


@pytest.mark.checklist("A10")
async def test_two_who_confirm_one_address_at_once_do_not_both_get_it(
    signed_in: Person, mallory: Person, visitor: Person, tables: Tables
) -> None:
    visitor.email = NEW
    await visitor.register()
    await mallory.sign_in()
    tokens = [(await ask(person, NEW))[0] for person in (signed_in, mallory)]
    answers = await asyncio.gather(*(visitor.post("/users/me/email/confirm", token=token) for token in tokens))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert sorted(row["email"] == NEW for row in await tables.rows("user")) == [False, True]


@pytest.mark.checklist("A10")
async def test_two_who_take_each_others_unproven_address_at_once_do_not_wait_for_each_other(
    signed_in: Person, mallory: Person, visitor: Person, tables: Tables
) -> None:
    await mallory.sign_in()
    tokens = []
    for person, other in ((signed_in, mallory), (mallory, signed_in)):
        unproven = f"UPDATE \"user\" SET is_verified = (email != '{other.email}')"  # noqa: S608  # written above
        await tables.execute(unproven)
        tokens.append((await ask(person, other.email))[0])
    await tables.execute('UPDATE "user" SET is_verified = false')
    # One account is free before the other, so a request that locked its own first would hold it and wait.
    held = "SELECT id FROM \"user\" WHERE email = '{}' FOR NO KEY UPDATE"
    async with tables.changing(held.format(mallory.email)):
        async with tables.changing(held.format(signed_in.email)):
            requests = [asyncio.create_task(visitor.post("/users/me/email/confirm", token=token)) for token in tokens]
            await tables.somebody_waits(2)
        await tables.somebody_waits(2)
    assert sorted([(await request).status_code for request in requests]) == [200, 400]
    assert len(await tables.rows("user")) == 1


@pytest.mark.checklist("A10")
async def test_sign_ups_while_an_address_is_confirmed_do_not_hold_it_up(
    signed_in: Person, visitor: Person, stage: Stage, tables: Tables
) -> None:
    confirmation, _ = await ask(signed_in, NEW)
    visitor.email, stage.delivers = NEW, False
    requests = [visitor.register() for _ in range(10)]
    requests.insert(5, signed_in.post("/users/me/email/confirm", token=confirmation))
    answers = await asyncio.gather(*requests)
    assert sorted(answer.status_code for answer in answers) == [200] + [202] * 10
    [row] = await tables.rows("user")
    assert (row["email"], row["is_verified"]) == (NEW, True)


@pytest.mark.checklist("D12")
async def test_undoing_leaves_nothing_to_the_thief(
    grace: Person, thief: Person, stage: Stage, outbox: Outbox, tables: Tables
) -> None:
    await thief.client.patch("/users/me", json={"display_name": "Your account is locked"})
    undo = await move(thief, EVIL)
    # Mails that wait for the server when the owner acts bring the thief nothing either.
    stage.delivers = False
    await thief.post("/forgot-password", email=EVIL)
    await thief.post("/users/me/email", email="second@evil.example", password=PASSWORD)
    before = len(outbox.messages)
    assert (await grace.post("/users/me/email/undo", token=undo)).status_code == 200
    stage.delivers = True
    await stage.deliver()

    assert (await thief.get("/users/me")).status_code == 401
    for email in (grace.email, EVIL):
        assert (await thief.post("/login", email=email, password=PASSWORD)).status_code == 401
    [row] = await tables.rows("user")
    assert (row["email"], row["password_hash"], row["display_name"]) == (grace.email, "!", "")
    [restored] = outbox.messages[before:]
    assert restored["To"] == grace.email
    assert "removed the password and the name" in text_of(restored)
    grace.password = ANOTHER_PASSWORD
    answer = await grace.post("/reset-password", token=token_in(restored), password=ANOTHER_PASSWORD)
    assert answer.status_code == 204
    assert (await grace.sign_in()).status_code == 201


@pytest.mark.checklist("D12")
async def test_a_thief_who_moves_the_account_away_and_back_keeps_no_link(
    grace: Person, thief: Person, outbox: Outbox
) -> None:
    await move(thief, EVIL)
    way_back = await move(thief, grace.email)
    await grace.post("/forgot-password", email=grace.email)
    reset = {"token": outbox.token_for(grace), "password": ANOTHER_PASSWORD}
    assert (await grace.post("/reset-password", **reset)).status_code == 204
    assert (await thief.post("/users/me/email/undo", token=way_back)).status_code == 400


@pytest.mark.checklist("D12")
async def test_a_thief_who_resets_the_password_leaves_the_owner_the_link_to_undo(
    grace: Person, thief: Person, stage: Stage, outbox: Outbox
) -> None:
    confirmation, _ = await ask(thief, EVIL)
    undo = outbox.token_for(grace)
    await thief.post("/users/me/email/confirm", token=confirmation)
    thief.email = EVIL
    await thief.post("/forgot-password", email=EVIL)
    reset = {"token": outbox.token_for(thief), "password": ANOTHER_PASSWORD}
    assert (await thief.post("/reset-password", **reset)).status_code == 204
    answer = await stage.person("grace").post("/users/me/email/undo", token=undo)
    assert (answer.status_code, answer.json()["email"]) == (200, grace.email)
    assert (await thief.post("/login", email=grace.email, password=ANOTHER_PASSWORD)).status_code == 401


@pytest.mark.checklist("D12")
async def test_a_reset_ends_a_change_of_address_that_waits(grace: Person, thief: Person, outbox: Outbox) -> None:
    confirmation, _ = await ask(thief, EVIL)
    await grace.post("/forgot-password", email=grace.email)
    reset = {"token": outbox.token_for(grace), "password": ANOTHER_PASSWORD}
    assert (await grace.post("/reset-password", **reset)).status_code == 204
    assert (await thief.post("/users/me/email/confirm", token=confirmation)).status_code == 400
    assert (await thief.get("/users/me")).status_code == 401
    assert "other devices" in text_of(outbox.to(grace)[-1])
