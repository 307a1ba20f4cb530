"""What a request carries as its user, and the row that a handler asks for."""

import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from advanced_alchemy.extensions.litestar import SQLAlchemyDTOConfig
from litestar import Request
from litestar import get
from litestar.di import NamedDependency
from litestar.params import SkipValidation
from litestar_users.anonymous import AnonymousUser
from litestar_users.config import CurrentUserHandlerConfig
from sqlalchemy import orm
from sqlalchemy.ext.asyncio import AsyncSession

from app import users
from app.accounts import audit
from app.accounts.audit import Event
from app.accounts.schemas import READABLE
from app.asgi import create_app
from app.auth.current_user import CurrentUser
from app.auth.current_user import current_row
from app.auth.user_sessions import UserRequest
from app.database.sessions import request_session
from app.http.dto import ListedDTO
from app.models import User
from app.settings import Settings
from tests.cast import Outbox
from tests.cast import Person
from tests.cast import Stage
from tests.other_services import another_stage
from tests.tables import Tables
from tests.work import counting

seen: list[Any] = []


class WithDeadline(ListedDTO[User]):
    """What an owner may show: a column that no request carries."""

    config = SQLAlchemyDTOConfig(include=READABLE | {"unproven_until"})


@get("/looks")
async def look(request: UserRequest) -> None:
    """Keep what the request carries, and the row."""
    seen[:] = request.user, await current_row(request)


@get("/changes")
async def change(current_user: NamedDependency[User]) -> None:
    """Change the row, which is the dependency that litestar-users documents."""
    current_user.display_name = "Grace H."


@get("/finds")
async def find(request: UserRequest) -> bool:
    """Read the row twice."""
    return await current_row(request) is await request_session(request).get(User, request.user.id)


@get("/changes-what-it-carries")
async def change_what_it_carries(request: Request[Any, Any, Any]) -> None:
    """Forget to ask for the row."""
    request.user.display_name = "Grace H."


@get("/asks-for-more")
async def ask_for_more(request: Request[Any, Any, Any]) -> None:
    """Read a column that no request carries."""
    _ = request.user.unproven_until


@get("/deletes-itself")
async def delete_itself(request: UserRequest) -> None:
    """Ask for a row that is no longer there."""
    session = request_session(request)
    await session.delete(await current_row(request))
    await session.flush()
    await current_row(request)


@get("/adds")
async def add(request: UserRequest) -> None:
    """Add a row, and read nothing."""
    audit.record(request_session(request), Event.SIGNED_OUT)


@get("/loads", opt={"user_load_options": [orm.noload("*")]})
async def load_more(request: Request[User, Any, Any]) -> None:
    """Read the row with the sign-in."""
    assert isinstance(request.user, User)


@get("/greets")
async def greet(current_user: NamedDependency[SkipValidation[User | AnonymousUser]]) -> str:
    """Know the caller or not, as litestar-users documents it."""
    return "stranger" if isinstance(current_user, AnonymousUser) else current_user.email


ROUTES = (look, change, find, change_what_it_carries, ask_for_more, delete_itself, add, load_more, greet)


@pytest.fixture
async def another(settings: Settings) -> AsyncIterator[Stage]:
    """A service with these routes."""
    async with another_stage(settings, *ROUTES) as stage:
        yield stage


@pytest.fixture
async def caller(another: Stage, grace: Person) -> Person:
    """Grace, signed in there."""
    await grace.sign_in()
    return another.copy_of(grace)


async def test_a_request_carries_what_is_stored(caller: Person, tables: Tables) -> None:
    assert (await caller.get("/looks")).is_success
    carried, row = seen
    assert isinstance(carried, CurrentUser)
    [stored] = await tables.rows("user")
    for name in CurrentUser.__struct_fields__:
        if name in stored:
            assert getattr(carried, name) == stored[name]
    assert {name: getattr(row, name) for name in stored} == stored


async def test_the_row_is_that_of_the_session(caller: Person) -> None:
    assert (await caller.get("/finds")).json() is True


async def test_what_a_route_changes_of_the_row_is_stored(caller: Person, tables: Tables) -> None:
    assert (await caller.get("/changes")).is_success
    [stored] = await tables.rows("user")
    assert stored["display_name"] == "Grace H."


async def test_what_a_request_carries_cannot_be_changed(caller: Person, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        assert (await caller.get("/changes-what-it-carries")).status_code == 500
    assert "immutable type: 'CurrentUser'" in caplog.text


async def test_a_column_that_it_does_not_carry_is_named_with_what_to_do(
    caller: Person, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        assert (await caller.get("/asks-for-more")).status_code == 500
    assert "CurrentUser has no unproven_until. Read it from `await current_row(request)`, or add it" in caplog.text


async def test_a_row_that_is_gone_is_no_user(caller: Person) -> None:
    assert (await caller.get("/deletes-itself")).status_code == 401


async def test_a_row_that_a_route_adds_is_stored(caller: Person, tables: Tables) -> None:
    assert (await caller.get("/adds")).is_success
    assert [entry["actor_id"] for entry in await tables.trail(Event.SIGNED_OUT)] == [UUID(await caller.id())]


@pytest.mark.parametrize("lost", ['UPDATE "user" SET is_active = false', 'UPDATE "user" SET is_verified = false'])
async def test_a_user_who_may_not_sign_in_is_not_signed_in(caller: Person, tables: Tables, lost: str) -> None:
    # By hand, since the service ends the sign-ins with it.
    await tables.execute(lost)
    assert (await caller.get("/looks")).status_code == 401


async def test_a_row_that_was_deleted_meanwhile_is_no_user(caller: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await caller.get("/loads")).is_success

    async def find_nothing(*_: Any, **__: Any) -> None:
        return None

    monkeypatch.setattr(AsyncSession, "get", find_nothing)
    assert (await caller.get("/loads")).status_code == 401


async def test_a_route_may_be_open_to_anonymous_callers(grace: Person, caller: Person, another: Stage) -> None:
    assert (await caller.get("/greets")).text == grace.email
    assert (await another.person("visitor").get("/greets")).text == "stranger"
    # A sign-in that has ended is none.
    await grace.sign_out()
    assert (await caller.get("/greets")).text == "stranger"


async def test_the_row_costs_one_statement_more(
    another: Stage, caller: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    with counting(another.app, monkeypatch) as work:
        assert (await caller.get("/looks")).is_success
    assert len(work.statements) == 2, work.statements


async def test_the_options_of_the_library_for_the_current_user_have_an_effect(
    settings: Settings, grace: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, options = users.config, CurrentUserHandlerConfig(path="/me", tags=["Mine"], user_read_dto=WithDeadline)
    monkeypatch.setattr(users, "config", lambda given: replace(config(given), current_user_handler_config=options))
    app = create_app(settings)
    app.state.mailer = Outbox()
    await grace.sign_in()
    async with app.lifespan():
        stage = Stage(app, app.state.mailer)
        me = stage.copy_of(grace)
        # A column that no request carries is read from the row.
        assert (await me.get("/me")).json()["unproven_until"] is None
        assert (await me.client.patch("/me", json={"display_name": "Grace H."})).json()["display_name"] == "Grace H."
        await stage.close()
