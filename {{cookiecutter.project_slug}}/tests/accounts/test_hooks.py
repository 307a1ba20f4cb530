"""The hooks of litestar-users are called when it documents that, with what it documents."""

import pytest
from sqlalchemy import Column
from sqlalchemy import ForeignKey
from sqlalchemy import Index
from sqlalchemy import MetaData
from sqlalchemy import String
from sqlalchemy import Table
from sqlalchemy import false
from sqlalchemy import func
from sqlalchemy import true

from app.accounts import trial_insert
from app.auth.library_options import NEVER_CALLED
from app.http.errors import InvalidField
from app.http.errors import TooBusy
from app.models import User
from app.settings import Settings
from tests.cast import PASSWORD
from tests.cast import Outbox
from tests.cast import Person
from tests.cast import Stage
from tests.command_line import Operator
from tests.library_hooks import ALLOWING
from tests.library_hooks import Recorder
from tests.library_hooks import documented
from tests.tables import Tables


def test_every_documented_hook_is_called_or_refused() -> None:
    assert documented() == ALLOWING.keys() | {method.__name__ for method in NEVER_CALLED} & documented()


async def test_hooks_are_called_in_the_documented_order(visitor: Person, hooks: Recorder) -> None:
    await visitor.post("/register", email=visitor.email, password=PASSWORD, display_name="Vi")
    before, after = hooks.calls
    assert before.first == {"email": visitor.email, "password": PASSWORD, "display_name": "Vi"}
    assert (after.first.email, after.first.display_name, after.first.is_verified) == (visitor.email, "Vi", False)
    assert after.first.created_at.tzinfo, "it was read from the table"
    assert {call.request.url.path for call in hooks.calls} == {"/register"}
    assert hooks.names == ["pre_registration_hook", "post_registration_hook"]
    await visitor.verify()
    [call] = hooks.calls
    assert (call.first.email, call.first.is_verified, call.request.url.path) == (visitor.email, True, "/verify")
    assert hooks.names == ["post_verification_hook"]
    await visitor.sign_in()
    assert hooks.calls[1].first.password == PASSWORD
    assert {call.request.url.path for call in hooks.calls} == {"/login"}
    assert hooks.names == ["get_additional_auth_filters", "pre_login_hook", "post_login_hook"]


async def test_a_known_address_is_not_registered_again(grace: Person, hooks: Recorder) -> None:
    await grace.register()
    assert hooks.names == ["pre_registration_hook"]


@pytest.mark.checklist("B01")
async def test_a_value_that_must_be_unique_is_refused_alike_for_known_and_unknown_addresses(
    visitor: Person, grace: Person, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial_insert, "IS_COMPARED", True)
    await tables.execute("UPDATE \"user\" SET display_name = 'taken'")
    await tables.execute('CREATE UNIQUE INDEX of_an_owner ON "user" (display_name)')
    # They compare answers with the document, which has no 409 for the shipped model.
    visitor.client.event_hooks = {}
    given = {"password": PASSWORD, "display_name": "taken"}
    before = await tables.rows("user")
    try:
        refused = [
            await visitor.post("/register", email=email, **given) for email in [grace.email] + [visitor.email] * 9
        ]
        assert {(answer.status_code, answer.text) for answer in refused} == {(409, refused[0].text)}
        assert (await tables.rows("user"), await tables.rows("outgoing_mail")) == (before, [])
        # None of them used up the mails of the address.
        assert (await visitor.register()).status_code == 202
        assert [mail["recipient"] for mail in await tables.rows("outgoing_mail")] == [visitor.email]
    finally:
        await tables.execute("DROP INDEX of_an_owner")


def test_a_table_is_noticed_whose_rows_are_compared_with_others() -> None:
    # Not the model itself: its owner may have added such a column.
    email = Column("email", String)
    address = Index("uq_user_email_lower", func.lower(email), unique=True)
    plain = Table("plain", MetaData(), Column("id", String, primary_key=True), email, address)
    assert not trial_insert.is_compared(plain)
    for more in (Column("name", String, unique=True), Column("team", ForeignKey("team.id"), index=True)):
        assert trial_insert.is_compared(Table("more", MetaData(), Column("id", String, primary_key=True), more))


async def test_a_hook_before_the_registration_refuses_it_or_adds_columns(
    visitor: Person, mallory: Person, hooks: Recorder, tables: Tables
) -> None:
    hooks.override("pre_registration_hook", InvalidField("email", "Members only."))
    refused = [await visitor.register(), await mallory.register()]
    assert [answer.status_code for answer in refused] == [400, 400]
    hooks.override("pre_registration_hook", lambda given: given.update(display_name="From the directory"))
    assert (await visitor.register()).status_code == 202
    [row] = [row for row in await tables.rows("user") if row["email"] == visitor.email]
    assert row["display_name"] == "From the directory"


@pytest.mark.parametrize("column", ["is_verified", "password_hash", "id"])
async def test_such_a_hook_does_not_set_what_the_service_decides(
    visitor: Person, hooks: Recorder, column: str, tables: Tables
) -> None:
    hooks.override("pre_registration_hook", lambda given: given.update({column: True}))
    assert (await visitor.register()).status_code == 202
    [row] = await tables.rows("user")
    assert row[column] is not True


async def test_a_refused_registration_stores_nothing(visitor: Person, hooks: Recorder, tables: Tables) -> None:
    hooks.override("post_registration_hook", InvalidField("email", "Not here."))
    assert (await visitor.register()).status_code == 400
    assert await tables.rows("user") == []


@pytest.mark.checklist("B03")
@pytest.mark.parametrize("verdict", [False, None])
async def test_a_hook_before_the_sign_in_refuses_it_like_a_wrong_password(
    grace: Person, hooks: Recorder, *, verdict: bool | None
) -> None:
    wrong = await grace.post("/login", email=grace.email, password="not the password of grace")
    hooks.override("pre_login_hook", verdict)
    refused = await grace.post("/login", email=grace.email, password=PASSWORD)
    assert (refused.status_code, refused.content) == (401, wrong.content)
    assert "post_login_hook" not in hooks.names
    hooks.override("pre_login_hook", TooBusy())
    assert (await grace.sign_in()).status_code == 503


async def test_filters_narrow_who_signs_in(grace: Person, hooks: Recorder) -> None:
    hooks.override("get_additional_auth_filters", [false()])
    assert (await grace.sign_in()).status_code == 401
    hooks.override("get_additional_auth_filters", [true(), User.email == grace.email])
    assert (await grace.sign_in()).status_code == 201


async def test_a_hook_after_the_sign_in_changes_the_user(grace: Person, hooks: Recorder) -> None:
    hooks.override("post_login_hook", lambda user: setattr(user, "display_name", "Seen"))
    assert (await grace.sign_in()).status_code == 201
    assert (await grace.get("/users/me")).json()["display_name"] == "Seen"


async def test_what_happens_to_signed_in_users_is_no_sign_in(signed_in: Person, hooks: Recorder) -> None:
    hooks.override("pre_login_hook", answer=False)
    assert (await signed_in.post("/reauthenticate", password=PASSWORD)).status_code == 204
    assert hooks.names == []


async def test_a_reset_that_proves_the_address_is_a_verification(
    visitor: Person, hooks: Recorder, outbox: Outbox
) -> None:
    await visitor.register()
    hooks.calls.clear()
    for expected in (["post_verification_hook"], []):
        await visitor.post("/forgot-password", email=visitor.email)
        token = outbox.token_for(visitor)
        assert (await visitor.post("/reset-password", token=token, password=PASSWORD)).status_code == 204
        assert hooks.names == expected


async def test_accounts_made_by_commands_are_registered_and_verified_too(
    settings: Settings, hooks: Recorder, stage: Stage, tables: Tables
) -> None:
    visitor = stage.person("visitor")
    operator = Operator(settings)
    await operator.types("create-user", "--email", "hopper@example.com", stdin=f"{PASSWORD}\n")
    assert [call.request for call in hooks.calls] == [None, None]
    assert hooks.names == ["post_registration_hook", "post_verification_hook"]
    await operator.types("invite-user", "--email", visitor.email)
    await operator.types("invite-user", "--email", visitor.email)
    assert hooks.names == ["post_registration_hook"]
    await stage.deliver()
    token = stage.outbox.token_for(visitor)
    assert (await visitor.post("/reset-password", token=token, password=PASSWORD)).status_code == 204
    assert hooks.names == ["post_verification_hook"]
    assert len(await tables.rows("user")) == 2
