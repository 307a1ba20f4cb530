"""The signed-in user, built from driver rows: in a route it behaves as if the ORM had loaded it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from litestar import Request
from litestar import get
from sqlalchemy import event

from app.database.sessions import request_session
from app.models import User
from app.settings import Settings
from tests.cast import Person
from tests.other_services import another_stage
from tests.tables import Tables

seen: list[User] = []


@get("/looks")
async def look(request: Request[Any, Any, Any]) -> None:
    """Do nothing."""
    seen.append(request.user)


@get("/finds")
async def find(request: Request[Any, Any, Any]) -> bool:
    """Read the user again."""
    return await request_session(request).get_one(User, request.user.id) is request.user


@get("/reads-again")
async def read_again(request: Request[Any, Any, Any]) -> None:
    """Read all of it again."""
    await request_session(request).refresh(request.user)


@get("/changes")
async def change(request: Request[Any, Any, Any]) -> None:
    """Change the user, and nothing else."""
    request.user.display_name = "Grace H."


@get("/changes-then-reads")
async def change_then_read(request: Request[Any, Any, Any]) -> None:
    """Use the session after it."""
    request.user.display_name = "Grace H."
    await request_session(request).get(User, request.user.id)


@get("/reads-then-changes")
async def read_then_change(request: Request[Any, Any, Any]) -> None:
    """Use the session before it."""
    await request_session(request).get(User, request.user.id)
    request.user.display_name = "Grace H."


@pytest.fixture
async def caller(settings: Settings, grace: Person) -> AsyncIterator[Person]:
    """Grace, signed in, at a service with these routes."""
    await grace.sign_in()
    async with another_stage(settings, look, find, read_again, change, change_then_read, read_then_change) as another:
        yield another.copy_of(grace)


async def test_every_column_holds_what_is_stored(caller: Person, tables: Tables) -> None:
    seen.clear()
    assert (await caller.get("/looks")).is_success
    [user], [stored] = seen, await tables.rows("user")
    assert {name: getattr(user, name) for name in stored} == stored


async def test_it_is_told_that_they_were_read(caller: Person) -> None:
    told: list[User] = []

    def listen(user: User, _: Any) -> None:
        told.append(user)

    seen.clear()
    event.listen(User, "load", listen)
    await caller.get("/looks")
    event.remove(User, "load", listen)
    assert told == seen


async def test_a_session_that_reads_the_user_finds_the_one_who_calls(caller: Person) -> None:
    assert (await caller.get("/finds")).json() is True


async def test_a_route_reads_all_of_the_user_again(caller: Person) -> None:
    assert (await caller.get("/reads-again")).is_success


@pytest.mark.parametrize("path", ["/changes", "/changes-then-reads", "/reads-then-changes"])
async def test_what_a_route_changes_is_stored(caller: Person, tables: Tables, path: str) -> None:
    assert (await caller.get(path)).is_success
    [stored] = await tables.rows("user")
    assert stored["display_name"] == "Grace H."
