"""An account whose owner takes it back, or confirms its address, keeps no provider of another user."""

import asyncio
from collections.abc import Awaitable
from collections.abc import Callable
from contextlib import AsyncExitStack

import httpx
import pytest
from httpx import Response

from app.accounts.throttle import LIMITS
from app.accounts.throttle import Action
from tests.cast import ANOTHER_PASSWORD
from tests.cast import PASSWORD
from tests.cast import Outbox
from tests.cast import Person
from tests.cast import Stage
from tests.cast import text_of
from tests.cast import token_in
from tests.command_line import Operator
from tests.oauth.fake_network import FakeNetwork
from tests.oauth.fake_network import leave
from tests.oauth.fake_network import link
from tests.oauth.fake_network import problem_of
from tests.oauth.fake_network import sign_in
from tests.tables import Tables

EVIL = "mallory@evil.example"
# What a reset by mail or an undoing stores, as one statement of another transaction.
TAKEN_BACK = """
    WITH taken_back AS (UPDATE "user" SET password_hash = '!' RETURNING id),
    unlinked AS (DELETE FROM oauth_account WHERE user_id IN (SELECT id FROM taken_back))
    DELETE FROM user_session WHERE user_id IN (SELECT id FROM taken_back)
"""


async def reset(owner: Person, _: Operator) -> None:
    """Choose a password with the link of a mail."""
    await owner.post("/forgot-password", email=owner.email)
    await use_link(owner)


async def sign_up_and_reset(owner: Person, _: Operator) -> None:
    """The same, with the link of the mail that says that there is an account."""
    owner.password = ANOTHER_PASSWORD
    await owner.register()
    await use_link(owner)


async def undo(owner: Person, _: Operator) -> None:
    """Keep the address, which the thief wants to change."""
    mails = [mail for mail in owner.outbox.to(owner) if "about to change" in mail["Subject"]]
    assert (await owner.post("/users/me/email/undo", token=token_in(mails[-1]))).status_code == 200
    await owner.get("/health")
    await use_link(owner)


async def use_link(owner: Person) -> None:
    """Choose a password with the newest mail."""
    body = {"token": owner.outbox.token_for(owner), "password": ANOTHER_PASSWORD}
    assert (await owner.post("/reset-password", **body)).status_code == 204
    owner.password = ANOTHER_PASSWORD


async def verify(owner: Person, _: Operator) -> None:
    """Follow the link of the sign-up."""
    await owner.post("/verify/resend", email=owner.email)
    assert (await owner.verify()).status_code == 200


async def be_invited(owner: Person, operator: Operator) -> None:
    """Accept an invitation."""
    await operator.types("invite-user", "--email", owner.email)
    await owner.get("/health")
    await use_link(owner)


async def be_created(owner: Person, operator: Operator) -> None:
    """Get an account from the command line."""
    made = await operator.types("create-user", "--email", owner.email, stdin=f"{owner.password}\n")
    assert made.exit_code == 0, made.output


Proof = Callable[[Person, Operator], Awaitable[None]]
OF_PROVEN: list[Proof] = [reset, sign_up_and_reset, undo]
OF_UNPROVEN: list[Proof] = [reset, sign_up_and_reset, verify, be_invited, be_created]


@pytest.fixture
async def thief(stage: Stage, grace: Person, network: FakeNetwork) -> Person:  # noqa: ARG001  # she has an account
    """A person elsewhere who has the password of grace, has linked an account and wants to change the address."""
    thief = stage.person("grace", "198.51.100.66")
    await thief.sign_in()
    for provider in ("oidc", "google"):
        assert (await link(thief, network, provider, subject="the thief", email=EVIL)).status_code == 200
    answer = await thief.post("/users/me/email", email=EVIL, password=PASSWORD)
    assert answer.status_code == 202
    return thief


async def assert_gone(thief: Person, network: FakeNetwork, tables: Tables) -> None:
    """The thief gets in by nothing."""
    assert (await tables.rows("oauth_account"), await tables.rows("oauth_state")) == ([], [])
    assert (await thief.get("/users/me")).status_code == 401
    assert (await thief.sign_in()).status_code == 401
    answer = await sign_in(thief, network, subject="the thief", email="grace@example.com")
    assert problem_of(answer) == (409, "link-required")


@pytest.mark.checklist("D12")
@pytest.mark.parametrize("take_back", OF_PROVEN)
async def test_an_owner_who_takes_the_account_back_leaves_a_thief_no_provider(  # noqa: PLR0913, PLR0917  # fixtures
    grace: Person, thief: Person, operator: Operator, network: FakeNetwork, tables: Tables, take_back: Proof
) -> None:
    await leave(thief, "/oauth2-associate/gitlab/authorize")
    await take_back(grace, operator)
    await assert_gone(thief, network, tables)
    assert (await grace.sign_in()).status_code == 201
    told = [text_of(mail) for mail in grace.outbox.to(grace) if "ways to sign in were removed" in text_of(mail)]
    assert ["google, oidc" in text for text in told] == [True]
    entries = await tables.rows("audit_event")
    assert [row["before"] for row in entries if row["kind"] == "sign-in.ways-removed"] == [
        {"ways_in": ["google", "oidc"]}
    ]


@pytest.mark.checklist("D12")
async def test_nothing_is_said_of_providers_where_none_was_linked(
    grace: Person, operator: Operator, outbox: Outbox
) -> None:
    await reset(grace, operator)
    assert "ways to sign in" not in text_of(outbox.to(grace)[-1])


@pytest.mark.checklist("A10", "G06")
@pytest.mark.parametrize("prove", OF_UNPROVEN)
async def test_a_proof_ends_what_was_linked_before_the_address_was_proven(  # noqa: PLR0913, PLR0917  # fixtures
    grace: Person, thief: Person, operator: Operator, network: FakeNetwork, tables: Tables, prove: Proof
) -> None:
    # As far as it can go: the account was used and linked when its address turns out to be unproven.
    await tables.execute('UPDATE "user" SET is_verified = false')
    await prove(grace, operator)
    thief.password = "no password of grace"
    await assert_gone(thief, network, tables)
    assert (await grace.sign_in()).status_code == 201


@pytest.mark.checklist("A10", "G06")
@pytest.mark.parametrize("times", [1, LIMITS[Action.REGISTER][0].attempts + 1])
async def test_coming_from_a_provider_outweighs_every_sign_up_that_came_first(
    stage: Stage, network: FakeNetwork, tables: Tables, times: int
) -> None:
    owner, attacker = stage.person("grace", "203.0.113.9"), stage.person("grace", "198.51.100.66")
    stage.delivers = False
    for _ in range(times):
        await attacker.post("/register", email=owner.email, password=ANOTHER_PASSWORD, display_name="Call 555-0100")
    assert (await sign_in(owner, network)).status_code == 201
    assert [row["letter"] for row in await tables.rows("outgoing_mail")] == []
    [row] = await tables.rows("user")
    state = (row["password_hash"], row["display_name"], row["is_verified"], row["unproven_until"])
    assert state == ("!", "", True, None)


@pytest.mark.checklist("D12")
async def test_a_provider_is_not_linked_by_a_sign_in_that_ends_at_the_same_moment(
    signed_in: Person, network: FakeNetwork, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = await leave(signed_in, "/oauth2-associate/oidc/authorize")
    back = await network.consent(address, subject="the thief", email=EVIL)
    answer = network.handle_async_request
    async with AsyncExitStack() as other_request:

        async def answer_late(request: httpx.Request) -> Response:
            # The state is spent by now, and the sign-in has been looked at.
            monkeypatch.setattr(network, "handle_async_request", answer)
            await other_request.enter_async_context(tables.changing(TAKEN_BACK))
            return await answer(request)

        monkeypatch.setattr(network, "handle_async_request", answer_late)
        request = asyncio.create_task(signed_in.get(back))
        await tables.somebody_waits()
    assert (await request).status_code == 401
    assert await tables.rows("oauth_account") == []


@pytest.mark.checklist("D12")
async def test_a_sign_in_by_a_provider_that_is_unlinked_at_the_same_moment_is_refused(
    signed_in: Person, stage: Stage, network: FakeNetwork, tables: Tables
) -> None:
    await link(signed_in, network, subject="the thief", email=EVIL)
    thief = stage.person("mallory")
    back = await network.consent(await leave(thief), subject="the thief", email=EVIL)
    async with tables.holding(TAKEN_BACK):
        request = asyncio.create_task(thief.get(back))
    assert problem_of(await request) == (409, "link-required")
    assert await tables.rows("user_session") == []


@pytest.mark.checklist("D12")
async def test_no_password_is_set_by_a_sign_in_that_ends_at_the_same_moment(
    visitor: Person, network: FakeNetwork, tables: Tables
) -> None:
    await sign_in(visitor, network)
    async with tables.holding(TAKEN_BACK):
        body = {"new_password": ANOTHER_PASSWORD}
        request = asyncio.create_task(visitor.client.put("/users/me/password", json=body))
    assert (await request).status_code == 401
    assert [row["password_hash"] for row in await tables.rows("user")] == ["!"]
