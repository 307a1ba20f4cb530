"""What has expired goes, and nothing else does."""

from datetime import timedelta

import pytest
from litestar import Litestar

from app.operations import expired_rows
from app.operations.expired_rows import remove_expired_rows
from tests.cast import Clock
from tests.cast import Person
from tests.cast import Stage
from tests.tables import Tables

EXPIRING = ("attempts", "one_time_token", "user_session")
# Longer than anything lives.
LIFETIME = timedelta(days=31)


@pytest.fixture
def two_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each transaction removes two rows of a table at most."""
    monkeypatch.setattr(expired_rows, "ROWS_AT_ONCE", 2)


async def test_what_has_expired_goes(app: Litestar, grace: Person, tables: Tables, clock: Clock) -> None:
    await grace.sign_in()
    await grace.post("/forgot-password", email=grace.email)
    await remove_expired_rows(app)
    assert all([await tables.rows(name) for name in EXPIRING])
    users = await tables.rows("user")
    clock.advance(LIFETIME)
    assert await remove_expired_rows(app) == expired_rows.EVERY.total_seconds()
    assert [await tables.rows(name) for name in EXPIRING] == [[], [], []]
    assert await tables.rows("user") == users


@pytest.mark.usefixtures("two_at_once")
@pytest.mark.usefixtures("grace")
async def test_many_rows_go_in_several_transactions(app: Litestar, stage: Stage, tables: Tables, clock: Clock) -> None:
    for _ in range(5):
        await stage.person("grace").sign_in()
    clock.advance(LIFETIME)
    left = []
    while await remove_expired_rows(app) == 0:
        left.append(len(await tables.rows("user_session")))
    assert left == [3, 1]
    assert await tables.rows("user_session") == []


async def test_locked_rows_are_not_waited_for(app: Litestar, grace: Person, tables: Tables, clock: Clock) -> None:
    await grace.sign_in()
    clock.advance(LIFETIME)
    async with tables.changing("UPDATE user_session SET ip = '192.0.2.7'"):
        await remove_expired_rows(app)
    assert len(await tables.rows("user_session")) == 1
