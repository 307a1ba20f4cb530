"""Renewing a sign-in, wherever its tokens travel."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from app.auth.refresh_tokens import RENEWALS_WITHIN_GRACE
from app.auth.user_sessions import GRACE
from app.settings import Settings
from tests.cast import Clock
from tests.cast import Person
from tests.cast import Stage
from tests.credentials import kind
from tests.tables import Tables


@pytest.fixture
async def mallory(grace: Person, stage: Stage) -> Person:
    """A thief with a copy of the credentials of grace, who has just signed in."""
    await grace.sign_in()
    return stage.copy_of(grace)


def copies_used(trail: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the audit trail says of copies."""
    return [entry for entry in trail if entry["kind"] == "sign-in.copy-used"]


async def require_the_end(tables: Tables, *people: Person) -> None:
    """Neither gets in or renews anything, and that is stored although each answer is a refusal."""
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


@pytest.mark.checklist("F09")
async def test_a_lost_answer_ends_no_sign_in_however_late_the_client_asks_again(
    grace: Person, stage: Stage, clock: Clock, tables: Tables
) -> None:
    await grace.sign_in()
    for _ in range(2):
        # The answer arrives elsewhere, and not at the phone.
        lost = stage.copy_of(grace)
        await kind.keep_up(lost.client)
        clock.advance(timedelta(days=6))
        await kind.keep_up(grace.client)
        assert kind.held(grace.client) == kind.held(lost.client), "the same answer"
        assert (await grace.get("/users/me")).status_code == 200
    assert copies_used(await tables.rows("audit_event")) == []


@pytest.mark.checklist("F06", "F09")
async def test_a_copy_is_answered_until_its_successor_is_used_and_then_ends_the_sign_in(
    grace: Person, mallory: Person, clock: Clock, tables: Tables
) -> None:
    copies = kind.held(mallory.client)
    await kind.keep_up(grace.client)
    await kind.keep_up(grace.client)
    clock.advance(GRACE)
    await kind.keep_up(mallory.client)
    assert kind.held(mallory.client) in {copies, ""}, "nothing new"
    await require_the_end(tables, grace, mallory)
    [entry] = copies_used(await tables.rows("audit_event"))
    assert (entry["actor_id"], entry["ip"]) == (None, "198.51.100.66")


@pytest.mark.checklist("F06")
async def test_a_thief_is_noticed_once_one_of_the_two_renews_twice_in_a_row(
    grace: Person, mallory: Person, clock: Clock, tables: Tables
) -> None:
    for _ in range(3):
        for person in (grace, mallory):
            await kind.keep_up(person.client)
            clock.advance(timedelta(minutes=10))
            assert (await person.get("/users/me")).status_code == 200
    for _ in range(2):
        await kind.keep_up(mallory.client)
    clock.advance(timedelta(minutes=10))
    await kind.keep_up(grace.client)
    await require_the_end(tables, grace, mallory)


@pytest.mark.checklist("F07", "F09")
@pytest.mark.parametrize("renewals", [2, 3])
async def test_a_request_that_others_of_its_client_overtake_gets_the_newest_token(
    grace: Person, stage: Stage, clock: Clock, renewals: int
) -> None:
    await grace.sign_in()
    late = stage.copy_of(grace)
    for _ in range(renewals):
        await kind.keep_up(grace.client)
    clock.advance(GRACE - timedelta(seconds=2))
    await kind.keep_up(late.client)
    assert kind.held(late.client) == kind.held(grace.client)
    assert [(await person.get("/users/me")).status_code for person in (grace, late)] == [200, 200]


@pytest.mark.checklist("F06")
async def test_a_copy_that_is_much_too_old_ends_the_sign_in_within_the_grace_too(
    grace: Person, mallory: Person, tables: Tables
) -> None:
    for _ in range(RENEWALS_WITHIN_GRACE + 1):
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
@pytest.mark.parametrize("presented", ["newest", "predecessor"])
async def test_a_deactivated_user_renews_nothing_and_is_not_taken_for_a_thief(
    grace: Person, stage: Stage, tables: Tables, presented: str
) -> None:
    await grace.sign_in()
    if presented == "predecessor":
        await kind.keep_up(stage.copy_of(grace).client)
    token = kind.held(grace.client)
    await tables.execute('UPDATE "user" SET is_active = false')
    await kind.keep_up(grace.client)
    assert kind.held(grace.client) == token
    assert len(await tables.rows("user_session")) == 1
    assert copies_used(await tables.rows("audit_event")) == []


@pytest.mark.checklist("E05")
async def test_a_token_that_comes_after_the_end_of_its_sign_in_is_not_taken_for_a_copy(
    grace: Person, clock: Clock, settings: Settings, tables: Tables
) -> None:
    await grace.sign_in()
    clock.advance(timedelta(days=settings.session_idle_days))
    await kind.keep_up(grace.client)
    assert (await grace.get("/users/me")).status_code == 401
    assert copies_used(await tables.rows("audit_event")) == []


@pytest.mark.checklist("E03")
async def test_the_table_holds_no_token(grace: Person, tables: Tables) -> None:
    await grace.sign_in()
    assert kind.held(grace.client) not in str(await tables.rows("user_session"))
