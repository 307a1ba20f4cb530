"""Signing in and out, with each kind of credentials."""

import asyncio
from datetime import timedelta
from typing import NamedTuple

import pytest
from litestar import get

from app.settings import Settings
from app.settings.types import Pooler
from tests.cast import PASSWORD
from tests.cast import Clock
from tests.cast import Person
from tests.cast import Stage
from tests.credentials import kind
from tests.other_services import another_stage
from tests.tables import Tables
from tests.work import Work

DAY = timedelta(days=1)


async def kept_up(person: Person) -> int:
    """How a request is answered when the credentials are kept working, as a client does it."""
    await kind.keep_up(person.client)
    return (await person.get("/users/me")).status_code


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
async def test_a_user_who_may_not_sign_in_gets_the_same_answer(grace: Person, tables: Tables, state: str) -> None:
    await tables.execute(f'UPDATE "user" SET {state}')  # noqa: S608  # from the table above
    assert (await grace.sign_in()).json()["type"] == "/problems/invalid-credentials"
    assert await tables.rows("user_session") == []


@pytest.mark.checklist("E11")
@pytest.mark.parametrize("state", ["is_active = false", "is_verified = false"])
async def test_deactivation_acts_on_the_next_request(grace: Person, tables: Tables, state: str) -> None:
    await grace.sign_in()
    await tables.execute(f'UPDATE "user" SET {state}')  # noqa: S608  # from the table above
    assert (await grace.get("/users/me")).status_code == 401


@pytest.mark.checklist("E11")
async def test_deleting_an_account_ends_its_sign_ins(grace: Person, tables: Tables) -> None:
    await grace.sign_in()
    await tables.execute('DELETE FROM "user"')
    assert (await grace.get("/users/me")).status_code == 401


@pytest.mark.checklist("E04")
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


@pytest.mark.checklist("E05")
async def test_a_sign_in_ends_in_the_end_however_much_it_is_used(
    grace: Person, clock: Clock, settings: Settings
) -> None:
    await grace.sign_in()
    for day in range(settings.session_lifetime_days):
        clock.advance(DAY - timedelta(seconds=10) if day == 0 else DAY)
        assert await kept_up(grace) == 200, day
    clock.advance(timedelta(seconds=10))
    assert await kept_up(grace) == 401


@pytest.mark.checklist("E05")
async def test_an_unused_sign_in_ends_earlier(grace: Person, clock: Clock, settings: Settings) -> None:
    await grace.sign_in()
    for _ in range(2):
        clock.advance(settings.session_idle_days * DAY - timedelta(minutes=2))
        assert await kept_up(grace) == 200
    clock.advance(settings.session_idle_days * DAY)
    assert await kept_up(grace) == 401


async def test_the_last_use_is_stored_once_a_minute(grace: Person, tables: Tables, clock: Clock) -> None:
    await grace.sign_in()
    [first] = await tables.rows("user_session")
    for seconds in (20, 20):
        clock.advance(timedelta(seconds=seconds))
        await grace.get("/users/me")
        assert await tables.rows("user_session") == [first]
    clock.advance(timedelta(seconds=20))
    await grace.get("/users/me")
    [row] = await tables.rows("user_session")
    assert row["last_seen_at"] - first["last_seen_at"] >= timedelta(minutes=1)


async def test_a_signed_in_request_costs_one_round_trip(
    grace: Person, work: Work, clock: Clock, settings: Settings
) -> None:
    await grace.sign_in()
    work.take()
    assert (await grace.get("/users/me")).status_code == 200
    # What stands between needs a transaction, to keep to one connection.
    assert work.transactions == (settings.database_pooler is Pooler.TRANSACTION)
    statements, _ = work.take()
    assert len(statements) == 1, statements
    clock.advance(timedelta(minutes=1))
    await grace.get("/users/me")
    [_, seen], _ = work.take()
    assert "last_seen_at" in seen


class Budget(NamedTuple):
    """What a request costs at most, for an account that has been used from here."""

    method: str
    path: str
    body: dict[str, str] | None
    statements: int
    transactions: int


@pytest.mark.parametrize(
    "budget",
    [
        Budget("GET", "/health", None, 0, 0),
        Budget("GET", "/users/me", None, 1, 0),
        Budget("GET", "/users/me/sessions", None, 2, 1),
        Budget("PATCH", "/users/me", {"display_name": "Grace"}, 5, 1),
        # One of them ends the sign-in that was presented, and those that are too many.
        Budget("POST", "/login", {"email": "grace@example.com", "password": PASSWORD}, 11, 3),
        Budget("POST", "/logout", None, 3, 1),
    ],
    ids=lambda budget: f"{budget.method} {budget.path}",
)
async def test_a_request_keeps_to_its_budget(grace: Person, work: Work, settings: Settings, budget: Budget) -> None:
    await grace.sign_in()
    await grace.sign_in()
    work.take()
    assert (await grace.client.request(budget.method, budget.path, json=budget.body)).is_success
    # What stands between needs a transaction for each look, to keep to one connection.
    assert work.transactions <= budget.transactions + (settings.database_pooler is Pooler.TRANSACTION)
    statements, _ = work.take()
    assert len(statements) <= budget.statements, statements


@pytest.mark.checklist("E04")
async def test_a_request_under_way_does_not_hold_up_signing_out_nor_revive_what_it_ended(
    settings: Settings, tables: Tables, clock: Clock
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    @get("/slow")
    async def answer_slowly() -> None:
        begun.set()
        await go_on.wait()

    async with another_stage(settings, answer_slowly) as stage:
        grace = await stage.verified("grace")
        await grace.sign_in()
        headers, cookies = dict(grace.client.headers), dict(grace.client.cookies)
        clock.advance(timedelta(minutes=2))
        slow = asyncio.create_task(grace.get("/slow"))
        await begun.wait()
        async with asyncio.timeout(5):
            assert (await grace.sign_out()).status_code == 204
        go_on.set()
        assert (await slow).status_code == 200
        grace.client.headers.update(headers)
        grace.client.cookies.update(cookies)
        assert (await grace.get("/users/me")).status_code == 401
    assert await tables.rows("user_session") == []


@pytest.mark.checklist("E02", "E06")
async def test_strangers_leave_no_trace(visitor: Person, tables: Tables) -> None:
    for _ in range(20):
        answer = await visitor.get("/users/me")
        assert "set-cookie" not in answer.headers
    assert await tables.rows("user_session") == []
