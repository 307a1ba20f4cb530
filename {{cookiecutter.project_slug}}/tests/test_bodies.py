"""What callers send is bounded, in size and in time."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from litestar import Litestar

from app.database.sessions import engine_of
from app.http import request_limits
from tests.cast import Person

JSON = {"Content-Type": "application/json"}
HUGE = b'{"email": "' + b"x" * request_limits.MAX_BODY_BYTES + b'"}'


async def in_pieces(*, never_ends: bool) -> AsyncIterator[bytes]:
    """A body without a length in its headers."""
    for start in range(0, len(HUGE), 1000):
        yield HUGE[start : start + 1000]
    while never_ends:
        await asyncio.sleep(0.01)
        yield b" "


async def slowly() -> AsyncIterator[bytes]:
    """A body that begins, and never ends."""
    yield b'{"email": "'
    await asyncio.Event().wait()


@pytest.mark.parametrize("is_announced", [True, False], ids=["announced", "in pieces"])
async def test_a_body_that_is_too_large_is_refused(visitor: Person, *, is_announced: bool) -> None:
    content = HUGE if is_announced else in_pieces(never_ends=True)
    async with asyncio.timeout(10):
        answer = await visitor.client.post("/register", content=content, headers=JSON)
    assert (answer.status_code, answer.json()["type"]) == (413, "/problems/body-too-large")


async def test_a_body_that_never_arrives_is_given_up_and_holds_nothing_up(
    app: Litestar, grace: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_limits, "BODY_SECONDS", 0.5)
    await grace.sign_in()
    waiting = asyncio.create_task(grace.client.patch("/users/me", content=slowly(), headers=JSON))
    await asyncio.sleep(0.2)
    assert engine_of(app).pool.checkedout() == 0, "a slow client must hold no connection"  # type: ignore[attr-defined]  # it counts
    answer = await waiting
    assert (answer.status_code, answer.json()["type"]) == (408, "/problems/body-too-slow")
    assert (await grace.get("/users/me")).json()["display_name"] == ""
