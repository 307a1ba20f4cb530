"""Renewing a sign-in, wherever its tokens travel."""

import asyncio
from datetime import timedelta

import pytest

from tests.cast import Clock
from tests.cast import Person
from tests.cast import Stage
from tests.credentials import kind
from tests.tables import Tables


@pytest.fixture
async def mallory(grace: Person, stage: Stage) -> Person:
    """Somebody who has copied the credentials of grace, who has just signed in."""
    await grace.sign_in()
    return stage.copy_of(grace)


async def require_the_end(tables: Tables, *people: Person) -> None:
    """Nobody gets in, nobody renews anything, and that is stored although each answer is a refusal."""
    assert await tables.rows("user_session") == []
    for person in people:
        await kind.keep_up(person.client)
        assert (await person.get("/users/me")).status_code == 401


@pytest.mark.checklist("F07")
async def test_parallel_refreshes_get_the_same_successor(grace: Person, stage: Stage) -> None:
    await grace.sign_in()
    first = kind.held(grace.client)
    tabs = [stage.copy_of(grace) for _ in range(20)]
    await asyncio.gather(*(kind.keep_up(tab.client) for tab in tabs))
    [successor] = {kind.held(tab.client) for tab in tabs}
    assert successor != first
    assert {(await tab.get("/users/me")).status_code for tab in tabs} == {200}
    await kind.keep_up(tabs[0].client)
    assert (await tabs[0].get("/users/me")).status_code == 200


@pytest.mark.checklist("F06")
async def test_a_copy_that_is_used_later_ends_the_sign_in(
    grace: Person, mallory: Person, clock: Clock, tables: Tables
) -> None:
    await kind.keep_up(grace.client)
    clock.advance(timedelta(seconds=11))
    await kind.keep_up(mallory.client)
    await require_the_end(tables, grace, mallory)
    [entry] = [row for row in await tables.rows("audit_event") if row["kind"] == "sign-in.copy-used"]
    assert (entry["actor_id"], entry["ip"]) == (None, "198.51.100.66")


@pytest.mark.checklist("F06")
async def test_a_copy_of_an_older_one_ends_the_sign_in_at_once(grace: Person, mallory: Person, tables: Tables) -> None:
    for _ in range(2):
        await kind.keep_up(grace.client)
    await kind.keep_up(mallory.client)
    await require_the_end(tables, grace, mallory)


@pytest.mark.checklist("F06")
async def test_a_copy_that_waited_for_two_renewals_ends_the_sign_in_too(
    grace: Person, mallory: Person, tables: Tables
) -> None:
    async with tables.holding(r"UPDATE user_session SET secret_digest = '\x00'"):
        late = asyncio.create_task(kind.keep_up(mallory.client))
    async with asyncio.timeout(10):
        await late
    await require_the_end(tables, grace, mallory)


@pytest.mark.checklist("F05")
async def test_signing_out_ends_renewal_too(grace: Person, mallory: Person, tables: Tables) -> None:
    await grace.sign_out()
    await require_the_end(tables, mallory)


@pytest.mark.checklist("E11")
async def test_a_deactivated_user_renews_nothing(grace: Person, tables: Tables) -> None:
    await grace.sign_in()
    token = kind.held(grace.client)
    await tables.execute('UPDATE "user" SET is_active = false')
    await kind.keep_up(grace.client)
    assert kind.held(grace.client) == token


@pytest.mark.checklist("E03")
async def test_the_table_holds_no_token(grace: Person, tables: Tables) -> None:
    await grace.sign_in()
    assert kind.held(grace.client) not in str(await tables.rows("user_session"))
