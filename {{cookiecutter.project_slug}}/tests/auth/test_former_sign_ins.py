"""A sign-in takes the place of the one that its request presents, and an account has few at the same time."""

import asyncio
from typing import Any

import pytest

from app.auth.user_sessions import MAX_SIGN_INS
from tests.cast import Person
from tests.cast import Stage
from tests.credentials import kind
from tests.tables import Tables

MANY = """
    INSERT INTO user_session (id, user_id, secret_digest, expires_at, last_seen_at, user_agent)
    SELECT gen_random_uuid(), "user".id, sha256((number || email)::bytea), now() + interval '1 day',
        now() - interval '1 hour' * number, number
    FROM "user", generate_series(1, {count}) number
"""


async def ended(tables: Tables) -> list[tuple[Any, Any]]:
    """Who ended whose sign-ins, as the trail says."""
    trail = await tables.rows("audit_event")
    return [(row["actor_id"], row["target_id"]) for row in trail if row["kind"] == "sign-in.ended"]


async def ids(tables: Tables) -> dict[str, Any]:
    """The users by their addresses."""
    return {row["email"]: row["id"] for row in await tables.rows("user")}


@pytest.mark.checklist("E01")
async def test_signing_in_again_ends_the_former_sign_in(signed_in: Person, stage: Stage, tables: Tables) -> None:
    former, elsewhere = stage.copy_of(signed_in), stage.person("grace")
    await elsewhere.sign_in()
    assert (await signed_in.sign_in()).status_code == 201
    assert (await former.get("/users/me")).status_code == 401
    assert (await signed_in.get("/users/me")).status_code == 200
    assert (await elsewhere.get("/users/me")).status_code == 200, "it was not presented"
    grace = (await ids(tables))[signed_in.email]
    assert await ended(tables) == [(grace, grace)]


@pytest.mark.checklist("E01")
async def test_signing_in_where_another_user_is_signed_in_ends_that(
    signed_in: Person, mallory: Person, stage: Stage, tables: Tables
) -> None:
    elsewhere = stage.person("grace")
    await elsewhere.sign_in()
    kind.copy(signed_in.client, mallory.client)
    assert (await mallory.sign_in()).status_code == 201
    assert (await mallory.get("/users/me")).json()["email"] == mallory.email
    assert (await signed_in.get("/users/me")).status_code == 401
    assert (await elsewhere.get("/users/me")).status_code == 200
    grace = (await ids(tables))[signed_in.email]
    assert await ended(tables) == [(grace, grace)]


@pytest.mark.checklist("E01")
@pytest.mark.parametrize("state", ["is_active = false", "is_verified = false", "password_hash = '!'", "email = email"])
async def test_a_sign_in_that_fails_ends_nothing(
    signed_in: Person, mallory: Person, stage: Stage, tables: Tables, state: str
) -> None:
    browser = stage.copy_of(signed_in)
    await tables.execute(f"UPDATE \"user\" SET {state} WHERE email LIKE 'mallory%'")  # noqa: S608  # written above
    password = "wrong" if state == "email = email" else mallory.password
    answer = await browser.post("/login", email=mallory.email, password=password)
    assert answer.status_code == 401
    assert (await browser.get("/users/me")).json()["email"] == signed_in.email
    assert await ended(tables) == []


@pytest.mark.checklist("E01")
@pytest.mark.parametrize("end", ["expires_at = now()", "last_seen_at = now() - interval '8 days'"])
async def test_what_is_over_is_not_ended_once_more(signed_in: Person, tables: Tables, end: str) -> None:
    await tables.execute(f"UPDATE user_session SET {end}")  # noqa: S608  # written above
    assert (await signed_in.sign_in()).status_code == 201
    assert await ended(tables) == []
    kind.make_up(signed_in.client, "made-up")
    assert (await signed_in.post("/login", email=signed_in.email, password=signed_in.password)).status_code == 201
    assert await ended(tables) == []


@pytest.mark.checklist("E01")
async def test_two_sign_ins_at_once_end_the_former_one_once(signed_in: Person, stage: Stage, tables: Tables) -> None:
    tabs, body = [signed_in, stage.copy_of(signed_in)], {"email": signed_in.email, "password": signed_in.password}
    answers = await asyncio.gather(*(tab.post("/login", **body) for tab in tabs))
    assert [answer.status_code for answer in answers] == [201, 201]
    assert len(await ended(tables)) == 1
    assert len(await tables.rows("user_session")) == 2


@pytest.mark.checklist("E01", "E06")
async def test_a_request_that_a_sign_in_overtakes_does_not_expire_the_new_cookies(
    signed_in: Person, stage: Stage
) -> None:
    tab = stage.copy_of(signed_in)
    await signed_in.sign_in()
    held = kind.held(tab.client)
    assert (await tab.get("/users/me")).status_code == 401
    await kind.keep_up(tab.client)
    assert kind.held(tab.client) == held
    assert (await signed_in.get("/users/me")).status_code == 200


@pytest.mark.checklist("E10")
async def test_of_too_many_sign_ins_those_end_that_were_not_used_for_longest(
    grace: Person, mallory: Person, tables: Tables
) -> None:
    await tables.execute(MANY.format(count=MAX_SIGN_INS + 5))
    await grace.sign_in()
    users = await ids(tables)
    rows = await tables.rows("user_session")
    kept = [row["user_agent"] for row in rows if row["user_id"] == users[grace.email]]
    assert len(kept) == MAX_SIGN_INS
    assert {str(number) for number in range(1, MAX_SIGN_INS)} <= {*kept}, "those that were used last"
    assert await ended(tables) == [(users[grace.email], users[grace.email])] * 6
    assert len((await grace.get("/users/me/sessions")).json()) == MAX_SIGN_INS
    of_mallory = [row for row in rows if row["user_id"] == users[mallory.email]]
    assert len(of_mallory) == MAX_SIGN_INS + 5, "each account has its own"


@pytest.mark.checklist("E10")
async def test_parallel_sign_ins_keep_to_the_limit(grace: Person, stage: Stage, tables: Tables) -> None:
    await tables.execute(MANY.format(count=MAX_SIGN_INS - 1))
    devices = [stage.person("grace") for _ in range(4)]
    answers = await asyncio.gather(*(device.sign_in() for device in [grace, *devices]))
    assert {answer.status_code for answer in answers} == {201}
    assert len(await tables.rows("user_session")) == MAX_SIGN_INS


@pytest.mark.checklist("E10")
async def test_signing_in_again_at_the_limit_ends_no_other_device(signed_in: Person, tables: Tables) -> None:
    await tables.execute(MANY.format(count=MAX_SIGN_INS - 1))
    await signed_in.sign_in()
    assert len(await tables.rows("user_session")) == MAX_SIGN_INS
    assert len(await ended(tables)) == 1


@pytest.mark.checklist("E10")
async def test_many_more_than_allowed_go_in_steps(grace: Person, tables: Tables) -> None:
    await tables.execute(MANY.format(count=3 * MAX_SIGN_INS))
    for expected in (2 * MAX_SIGN_INS + 1, MAX_SIGN_INS + 1, MAX_SIGN_INS):
        await grace.sign_in()
        assert len(await tables.rows("user_session")) == expected
        assert len((await grace.get("/users/me/sessions")).json()) == MAX_SIGN_INS
