"""Renewing a sign-in, wherever its tokens travel."""

import asyncio

import pytest

from tests.cast import Person
from tests.credentials import kind
from tests.tables import Tables


@pytest.mark.checklist("F06")
async def test_a_copy_that_waited_for_two_renewals_ends_the_sign_in_too(grace: Person, tables: Tables) -> None:
    await grace.sign_in()
    async with tables.holding(r"UPDATE user_session SET secret_digest = '\x00'"):
        late = asyncio.create_task(kind.keep_up(grace.client))
    async with asyncio.timeout(10):
        await late
    assert await tables.rows("user_session") == []
    assert (await grace.get("/users/me")).status_code == 401
