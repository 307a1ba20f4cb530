"""An account whose address is never proven goes after a while, and no other account does."""

import asyncio
import logging
from datetime import timedelta

import pytest
from litestar import Litestar

from app.operations.expired_rows import EVERY
from app.operations.expired_rows import remove_expired_rows
from app.settings import Settings
from tests.cast import ANOTHER_PASSWORD
from tests.cast import PASSWORD
from tests.cast import Clock
from tests.cast import Person
from tests.cast import Stage
from tests.command_line import Operator
from tests.other_services import another_stage
from tests.tables import Tables

# A link works for 24 hours by default.
KEPT = timedelta(days=8)
SECOND = timedelta(seconds=1)


async def emails(tables: Tables) -> list[str]:
    """The addresses of all accounts."""
    return sorted(row["email"] for row in await tables.rows("user"))


@pytest.mark.checklist("A11")
async def test_an_account_that_is_not_proven_goes_and_leaves_nothing_personal(
    app: Litestar, visitor: Person, grace: Person, clock: Clock, tables: Tables
) -> None:
    await visitor.post("/register", email=visitor.email, password=PASSWORD, display_name="Grace Hopper")
    [account] = [row["id"] for row in await tables.rows("user") if row["email"] == visitor.email]
    clock.advance(KEPT - 10 * SECOND)
    await remove_expired_rows(app)
    assert visitor.email in await emails(tables)
    clock.advance(10 * SECOND)
    # Workers do this at the same moment.
    pauses = await asyncio.gather(*(remove_expired_rows(app) for _ in range(3)))
    assert set(pauses) == {EVERY.total_seconds()}
    assert await emails(tables) == [grace.email]
    trail = await tables.rows("audit_event")
    assert [row["target_id"] for row in trail if row["kind"] == "user.unproven-removed"] == [account]
    assert {(row["ip"], row["before"], row["after"]) for row in trail if row["target_id"] == account} == {
        ("", None, None)
    }
    for table in tables.names:
        rows = str(await tables.rows(table))
        assert not any(trace in rows for trace in (visitor.email, "Hopper")), table
    assert (await visitor.register()).status_code == 202
    assert (await visitor.verify()).status_code == 200


@pytest.mark.checklist("A11")
@pytest.mark.parametrize("password", [PASSWORD, ANOTHER_PASSWORD])
async def test_another_sign_up_with_the_address_keeps_the_account_for_longer(
    app: Litestar, visitor: Person, clock: Clock, tables: Tables, password: str
) -> None:
    await visitor.register()
    clock.advance(KEPT - 10 * SECOND)
    visitor.password = password
    await visitor.register()
    clock.advance(KEPT - 10 * SECOND)
    await remove_expired_rows(app)
    assert await emails(tables) == [visitor.email]
    clock.advance(20 * SECOND)
    await remove_expired_rows(app)
    assert await emails(tables) == []


@pytest.mark.checklist("A11")
async def test_a_sign_up_does_not_make_an_account_go_that_would_stay(
    app: Litestar, grace: Person, visitor: Person, clock: Clock, tables: Tables
) -> None:
    # As one that the version before has stored, or that was proven once.
    await tables.execute('UPDATE "user" SET is_verified = false')
    for password in (PASSWORD, ANOTHER_PASSWORD):
        await visitor.post("/register", email=grace.email, password=password)
    clock.advance(KEPT)
    await remove_expired_rows(app)
    assert await emails(tables) == [grace.email]


@pytest.mark.checklist("A11")
@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize(("days", "hours", "kept"), [(30, 24, 30), (1, 72, 3), (None, 48, 9)])
async def test_how_long_is_a_setting(  # noqa: PLR0913, PLR0917  # fixtures and parameters
    settings: Settings, clock: Clock, tables: Tables, days: int | None, hours: int, kept: int
) -> None:
    changes = {"unproven_account_days": days, "verification_link_hours": hours}
    async with another_stage(settings, **changes) as stage:
        visitor = stage.person("visitor")
        await visitor.register()
        clock.advance(timedelta(days=kept) - 10 * SECOND)
        await remove_expired_rows(stage.app)
        assert await emails(tables) == [visitor.email]
        clock.advance(10 * SECOND)
        await remove_expired_rows(stage.app)
        assert await emails(tables) == []


@pytest.mark.checklist("A11")
async def test_an_invited_account_outlives_its_invitation_by_a_week(
    app: Litestar, settings: Settings, visitor: Person, clock: Clock, tables: Tables
) -> None:
    await Operator(settings).types("invite-user", "--email", visitor.email)
    await visitor.get("/health")
    clock.advance(timedelta(days=14) - 10 * SECOND)
    await remove_expired_rows(app)
    assert await emails(tables) == [visitor.email]
    clock.advance(10 * SECOND)
    await remove_expired_rows(app)
    assert await emails(tables) == []


@pytest.mark.checklist("A11")
async def test_a_proven_account_stays_whatever_is_stored(app: Litestar, grace: Person, tables: Tables) -> None:
    await tables.execute("UPDATE \"user\" SET unproven_until = now() - interval '1 day'")
    await remove_expired_rows(app)
    assert await emails(tables) == [grace.email]


@pytest.mark.checklist("A11")
async def test_an_account_that_is_being_proven_is_left_alone(app: Litestar, visitor: Person, tables: Tables) -> None:
    await visitor.register()
    await tables.execute("UPDATE \"user\" SET unproven_until = now() - interval '1 day'")
    async with tables.changing('UPDATE "user" SET is_verified = true'):
        await remove_expired_rows(app)
    assert await emails(tables) == [visitor.email]


@pytest.mark.checklist("A11")
async def test_sign_ups_while_the_account_goes_are_stored(
    app: Litestar, visitor: Person, stage: Stage, tables: Tables
) -> None:
    await visitor.register()
    await tables.execute("UPDATE \"user\" SET unproven_until = now() - interval '1 day'")
    stage.delivers = False
    sign_ups = asyncio.gather(*(visitor.register() for _ in range(10)))
    answers, _ = await asyncio.gather(sign_ups, remove_expired_rows(app))
    assert {answer.status_code for answer in answers} == {202}
    [row] = await tables.rows("user")
    assert row["password_hash"] != "!"


@pytest.mark.checklist("A11")
async def test_an_account_that_a_table_of_the_owner_refers_to_is_logged_and_does_not_keep_the_others(
    app: Litestar, stage: Stage, tables: Tables, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("grace", "hopper", "barbara"):
        await stage.person(name).register()
    await tables.execute("UPDATE \"user\" SET unproven_until = now() - interval '1 day'")
    await tables.execute('CREATE TABLE profile (user_id uuid CONSTRAINT fk_profile_user REFERENCES "user"(id))')
    try:
        await tables.execute("INSERT INTO profile SELECT id FROM \"user\" WHERE email LIKE 'hopper%'")
        with caplog.at_level(logging.ERROR):
            await remove_expired_rows(app)
            assert await emails(tables) == ["hopper@example.com"]
            await remove_expired_rows(app)
        [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
        assert "fk_profile_user" in record.getMessage()
        assert "CASCADE" in record.getMessage()
        assert "hopper" not in caplog.text
    finally:
        await tables.execute("DROP TABLE profile")
    removed = await tables.trail("user.unproven-removed")
    assert len(removed) == 2


async def test_a_table_that_cannot_be_cleared_is_logged_and_does_not_keep_the_others(  # noqa: PLR0913, PLR0917  # fixtures
    app: Litestar, grace: Person, visitor: Person, clock: Clock, tables: Tables, caplog: pytest.LogCaptureFixture
) -> None:
    await grace.sign_in()
    await visitor.register()
    clock.advance(timedelta(days=31))
    await tables.execute("CREATE TABLE visit (session_id uuid REFERENCES user_session(id))")
    try:
        await tables.execute("INSERT INTO visit SELECT id FROM user_session")
        with caplog.at_level(logging.ERROR):
            assert await remove_expired_rows(app) == EVERY.total_seconds()
    finally:
        await tables.execute("DROP TABLE visit")
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR] == [
        "Expired rows of the table user_session cannot be removed"
    ]
    assert (await tables.rows("attempts"), await tables.rows("one_time_token")) == ([], [])
    assert await emails(tables) == [grace.email]
