"""The hooks of litestar-users hold for users who come from a provider, too."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from litestar import Request
from litestar import get
from sqlalchemy import false
from sqlalchemy import orm

from app.asgi import create_app
from app.models import OAuthAccount
from app.models import User
from app.oauth.errors import SignUpClosed
from app.settings import Settings
from app.settings import SettingsError
from tests.cast import Person
from tests.cast import Stage
from tests.library_hooks import Recorder
from tests.oauth.fake_network import FakeNetwork
from tests.oauth.fake_network import problem_of
from tests.oauth.fake_network import sign_in
from tests.other_services import another_stage
from tests.tables import Tables


async def test_a_first_sign_in_registers_and_verifies(visitor: Person, network: FakeNetwork, hooks: Recorder) -> None:
    await sign_in(visitor, network)
    registration = next(call for call in hooks.calls if call.hook == "pre_registration_hook")
    assert registration.first == {"email": visitor.email, "display_name": ""}
    assert {call.request is not None for call in hooks.calls} == {True}
    assert hooks.names == [
        "get_additional_auth_filters",
        "pre_login_hook",
        "pre_registration_hook",
        "post_registration_hook",
        "post_verification_hook",
        "post_login_hook",
    ]
    await sign_in(visitor, network)
    assert (hooks.calls[1].first.email, hooks.calls[1].first.password) == (visitor.email, "")
    assert hooks.names == ["get_additional_auth_filters", "pre_login_hook", "post_login_hook"]


async def test_a_hook_that_refuses_a_sign_in_refuses_it_here(
    visitor: Person, network: FakeNetwork, hooks: Recorder, tables: Tables
) -> None:
    hooks.override("pre_login_hook", answer=False)
    assert problem_of(await sign_in(visitor, network))[0] == 401
    assert await tables.rows("user") == []
    hooks.override("pre_login_hook", answer=True)
    assert (await sign_in(visitor, network)).status_code == 201
    hooks.override("pre_login_hook", answer=False)
    assert problem_of(await sign_in(visitor, network))[0] == 401
    assert len(await tables.rows("user_session")) == 1


async def test_so_do_filters(visitor: Person, network: FakeNetwork, hooks: Recorder) -> None:
    assert (await sign_in(visitor, network)).status_code == 201
    hooks.override("get_additional_auth_filters", [false()])
    assert problem_of(await sign_in(visitor, network))[0] == 401


async def test_a_hook_that_refuses_registrations_refuses_this_one(
    visitor: Person, network: FakeNetwork, hooks: Recorder, tables: Tables
) -> None:
    hooks.override("pre_registration_hook", SignUpClosed())
    assert (await sign_in(visitor, network)).status_code == 403
    assert await tables.rows("user") == []


async def test_such_a_hook_adds_columns_and_moves_no_account_to_another_address(
    visitor: Person, network: FakeNetwork, hooks: Recorder, tables: Tables
) -> None:
    given = {"display_name": "From the directory", "email": "mallory@example.com", "is_verified": False}
    hooks.override("pre_registration_hook", lambda data: data.update(given))
    assert (await sign_in(visitor, network)).status_code == 201
    [row] = await tables.rows("user")
    assert (row["email"], row["display_name"], row["is_verified"]) == (visitor.email, "From the directory", True)


@get("/linked", opt={"user_load_options": [orm.selectinload(User.oauth_accounts)]}, security=[{}])
async def linked(request: Request[User, Any, Any]) -> list[str]:
    """The providers of the caller, which no other route loads."""
    return [account.oauth_name for account in request.user.oauth_accounts]


@pytest.fixture
async def loading(settings: Settings, tables: Tables) -> AsyncIterator[Stage]:  # noqa: ARG001  # empties them
    """A service with that route."""
    async with another_stage(settings, linked) as stage:
        yield stage


async def test_load_options_of_a_route_apply_to_its_user(loading: Stage, network: FakeNetwork) -> None:
    visitor = loading.person("visitor")
    await sign_in(visitor, network)
    assert (await visitor.get("/linked")).json() == ["oidc"]


@pytest.mark.checklist("A10")
@pytest.mark.parametrize(
    "key", [{"ondelete": None}, {"info": {}}], ids=["as litestar-users documents it", "without its mark"]
)
def test_a_way_to_sign_in_that_a_reset_would_leave_is_refused_at_start(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, key: dict[str, Any]
) -> None:
    column = OAuthAccount.__table__.c.user_id
    [foreign_key] = column.foreign_keys
    for name, value in key.items():
        monkeypatch.setattr(foreign_key if name == "ondelete" else column, name, value)
    with pytest.raises(SettingsError) as refused:
        create_app(settings)
    assert refused.value.message == (
        'OAuthAccount.user_id needs ForeignKey("user.id", ondelete="CASCADE"), index=True and info={WAY_IN: ...}, '
        "so that a deletion and a reset remove its rows: docs/columns.md."
    )
