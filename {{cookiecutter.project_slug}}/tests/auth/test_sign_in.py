"""Signing in and out, whatever the kind of credentials."""

from datetime import timedelta

import pytest

from app.auth.backend import SESSION_LIFETIME
from tests.cast import Clock
from tests.cast import Person
from tests.cast import Stage
from tests.tables import Tables

DAY = timedelta(days=1)


async def test_an_address_and_its_password_open_the_account(grace: Person) -> None:
    assert (await grace.sign_in()).status_code == 201
    assert (await grace.get("/users/me")).json()["email"] == grace.email


async def test_the_address_may_be_spelled_in_any_case(grace: Person) -> None:
    answer = await grace.post("/login", email=f" {grace.email.upper()} ", password=grace.password)
    assert answer.status_code == 201


@pytest.mark.checklist("B01")
async def test_unknown_and_wrong_get_the_same_answer(grace: Person, visitor: Person) -> None:
    wrong = await visitor.post("/login", email=grace.email, password="not her password")
    unknown = await visitor.post("/login", email="nobody@example.com", password="not her password")
    absurd = await visitor.post("/login", email="no address", password="")
    assert wrong.status_code == 401
    assert wrong.json()["type"] == "/problems/invalid-credentials"
    assert wrong.content == unknown.content == absurd.content
    assert wrong.headers == unknown.headers == absurd.headers


@pytest.mark.checklist("A08", "B03", "C05")
@pytest.mark.parametrize("state", ["is_active = false", "is_verified = false", "password_hash = 'no hash'"])
async def test_whoever_may_not_sign_in_gets_that_answer_too(grace: Person, tables: Tables, state: str) -> None:
    await tables.execute(f'UPDATE "user" SET {state}')  # noqa: S608  # from the table above
    assert (await grace.sign_in()).json()["type"] == "/problems/invalid-credentials"
    assert await tables.rows("user_session") == []


@pytest.mark.parametrize("state", ["is_active = false", "is_verified = false"])
async def test_deactivation_acts_on_the_next_request(grace: Person, tables: Tables, state: str) -> None:
    await grace.sign_in()
    await tables.execute(f'UPDATE "user" SET {state}')  # noqa: S608  # from the table above
    assert (await grace.get("/users/me")).status_code == 401


async def test_deleting_an_account_ends_its_sign_ins(grace: Person, tables: Tables) -> None:
    await grace.sign_in()
    await tables.execute('DELETE FROM "user"')
    assert (await grace.get("/users/me")).status_code == 401


async def test_signing_out_kills_what_was_presented(grace: Person, tables: Tables) -> None:
    await grace.sign_in()
    headers, cookies = dict(grace.client.headers), dict(grace.client.cookies)
    answer = await grace.sign_out()
    assert (answer.status_code, answer.content) == (204, b"")
    assert await tables.rows("user_session") == []
    grace.client.headers.update(headers)
    grace.client.cookies.update(cookies)
    assert (await grace.get("/users/me")).status_code == 401
    assert (await grace.sign_out()).status_code == 401


async def test_signing_out_leaves_other_devices_signed_in(grace: Person, stage: Stage) -> None:
    phone = stage.person("grace")
    await grace.sign_in()
    await phone.sign_in()
    await grace.sign_out()
    assert (await phone.get("/users/me")).status_code == 200


async def test_a_sign_in_ends_by_itself(grace: Person, tables: Tables, clock: Clock) -> None:
    await grace.sign_in()
    [row] = await tables.rows("user_session")
    assert row["expires_at"] - row["created_at"] <= SESSION_LIFETIME + timedelta(seconds=1)
    clock.advance(SESSION_LIFETIME)
    assert (await grace.get("/users/me")).status_code == 401


async def test_strangers_leave_no_trace(visitor: Person, tables: Tables) -> None:
    for _ in range(20):
        answer = await visitor.get("/users/me")
        assert "set-cookie" not in answer.headers
    assert await tables.rows("user_session") == []


@pytest.mark.parametrize("path", ["/users/me", "/logout", "/private/schema-x", "/schemata"])
async def test_what_needs_credentials_says_so(visitor: Person, path: str) -> None:
    answer = await visitor.client.request("POST" if path == "/logout" else "GET", path)
    assert answer.status_code in {401, 404}
