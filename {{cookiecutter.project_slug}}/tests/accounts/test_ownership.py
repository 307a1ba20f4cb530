"""An account belongs to the person who proves its address, regardless of its history."""

import asyncio
from collections.abc import Awaitable
from collections.abc import Callable

import pytest

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
from tests.tables import Tables

PLANTED = "a password of mallory's"
LIE = "Your account is locked: call 555-0100"
MAILS_AN_HOUR = LIMITS[Action.REGISTER][0].attempts


async def plant(mallory: Person, email: str) -> None:
    """Sign up with an address of another person."""
    answer = await mallory.post("/register", email=email, password=PLANTED, display_name=LIE)
    assert answer.status_code == 202


async def forget_and_reset(owner: Person, _: Operator) -> None:
    """Choose a password with the link of a mail that the owner asked for."""
    await owner.post("/forgot-password", email=owner.email)
    await choose_password(owner)


async def sign_up_and_reset(owner: Person, _: Operator) -> None:
    """Sign up, and follow the link of the mail that says that there is an account."""
    await owner.register()
    await choose_password(owner)


async def sign_up_and_ask_again(owner: Person, _: Operator) -> None:
    """Sign up, and ask for the mail once more."""
    await owner.register()
    await owner.post("/verify/resend", email=owner.email)
    await choose_password(owner)


async def accept_an_invitation(owner: Person, operator: Operator) -> None:
    """Be invited, and choose a password."""
    assert (await operator.types("invite-user", "--email", owner.email)).exit_code == 0
    await owner.get("/health")
    await choose_password(owner)


async def be_created(owner: Person, operator: Operator) -> None:
    """Get an account from the command line."""
    made = await operator.types("create-user", "--email", owner.email, stdin=f"{owner.password}\n")
    assert made.exit_code == 0, made.output


async def choose_password(owner: Person) -> None:
    """Use the link of the newest mail."""
    answer = await owner.post("/reset-password", token=owner.outbox.token_for(owner), password=owner.password)
    assert answer.status_code == 204


Proof = Callable[[Person, Operator], Awaitable[None]]
PROOFS: list[Proof] = [forget_and_reset, sign_up_and_reset, sign_up_and_ask_again, accept_an_invitation, be_created]


async def assert_is_the_owners(owner: Person, mallory: Person, tables: Tables) -> None:
    """Nothing that mallory knows, holds or wrote counts any more."""
    assert (await mallory.post("/login", email=owner.email, password=PLANTED)).status_code == 401
    for mail in owner.outbox.to(owner)[:-1]:
        if "token=" in text_of(mail):
            for path in ("/verify", "/reset-password"):
                body = {"password": ANOTHER_PASSWORD} if path == "/reset-password" else {}
                assert (await mallory.post(path, token=token_in(mail), **body)).status_code == 400, mail["Subject"]
    assert (await owner.sign_in()).status_code == 201
    assert (await owner.get("/users/me")).json()["display_name"] == ""
    [row] = [row for row in await tables.rows("user") if row["email"] == owner.email]
    assert (row["is_verified"], row["unproven_until"]) == (True, None)


@pytest.mark.checklist("A10")
@pytest.mark.parametrize("times", [1, MAILS_AN_HOUR + 1])
@pytest.mark.parametrize("prove", PROOFS)
async def test_a_proof_outweighs_a_sign_up_that_came_first(  # noqa: PLR0913, PLR0917  # fixtures and parameters
    mallory: Person, visitor: Person, operator: Operator, tables: Tables, prove: Proof, times: int
) -> None:
    for _ in range(times):
        await plant(mallory, visitor.email)
    if prove is sign_up_and_reset and times > 1:
        # The mails of this hour are used up, so the owner asks for one.
        await visitor.register()
        prove = forget_and_reset
    await prove(visitor, operator)
    await assert_is_the_owners(visitor, mallory, tables)


@pytest.mark.checklist("A10")
@pytest.mark.parametrize("is_delivered", [True, False])
async def test_a_sign_up_with_another_password_ends_the_link_of_the_first_although_no_mail_is_sent(
    mallory: Person, visitor: Person, stage: Stage, tables: Tables, *, is_delivered: bool
) -> None:
    for _ in range(MAILS_AN_HOUR):
        await plant(mallory, visitor.email)
    planted = stage.outbox.token_for(visitor)
    # With the mail server down, or with the mails of this hour used up: both is nothing to what is stored.
    stage.delivers = is_delivered
    assert (await visitor.register()).status_code == 202
    assert (await visitor.post("/verify", token=planted)).status_code == 400
    [row] = [row for row in await tables.rows("user") if row["email"] == visitor.email]
    assert (row["password_hash"], row["display_name"]) == ("!", "")
    assert [row["purpose"] for row in await tables.rows("one_time_token") if row["purpose"] == "verify"] == []


@pytest.mark.checklist("A10")
async def test_a_link_that_waits_for_the_mail_server_dies_too(
    mallory: Person, visitor: Person, stage: Stage, tables: Tables
) -> None:
    stage.delivers = False
    await plant(mallory, visitor.email)
    await visitor.register()
    assert [row["letter"] for row in await tables.rows("outgoing_mail")] == ["already-registered"]
    stage.delivers = True
    await stage.deliver()
    await choose_password(visitor)
    await assert_is_the_owners(visitor, mallory, tables)


@pytest.mark.checklist("A10")
async def test_links_that_wait_for_the_mail_server_end_with_the_proof(
    mallory: Person, visitor: Person, operator: Operator, stage: Stage, tables: Tables
) -> None:
    stage.delivers = False
    for _ in range(2):
        await plant(mallory, visitor.email)
    await visitor.register()
    await be_created(visitor, operator)
    assert await tables.rows("outgoing_mail") == []


@pytest.mark.checklist("A10")
async def test_a_link_that_is_being_prepared_confirms_no_password_of_another_sign_up(
    mallory: Person, visitor: Person, stage: Stage, tables: Tables
) -> None:
    stage.delivers = False
    await plant(mallory, visitor.email)
    # Another worker holds the mail, and waits for the account.
    async with tables.changing("UPDATE outgoing_mail SET attempts = 1"):
        await visitor.register()
    stage.delivers = True
    await stage.deliver()
    assert "Confirm" not in "".join(str(mail["Subject"]) for mail in stage.outbox.to(visitor))
    await choose_password(visitor)
    await assert_is_the_owners(visitor, mallory, tables)


@pytest.mark.checklist("A10")
async def test_repeated_sign_ups_do_not_keep_the_owner_out(
    mallory: Person, visitor: Person, tables: Tables, outbox: Outbox
) -> None:
    await visitor.register()
    for _ in range(MAILS_AN_HOUR + 1):
        await plant(mallory, visitor.email)
    await visitor.post("/forgot-password", email=visitor.email)
    token = outbox.token_for(visitor)
    await plant(mallory, visitor.email)
    assert (await visitor.post("/reset-password", token=token, password=PASSWORD)).status_code == 204
    await plant(mallory, visitor.email)
    await assert_is_the_owners(visitor, mallory, tables)


@pytest.mark.checklist("A10")
async def test_the_link_of_ones_own_sign_up_keeps_its_name(visitor: Person) -> None:
    for name in ("Grace", "Grace Hopper"):
        await visitor.post("/register", email=visitor.email, password=PASSWORD, display_name=name)
    assert (await visitor.verify()).json()["display_name"] == "Grace Hopper"
    assert (await visitor.sign_in()).status_code == 201


@pytest.mark.checklist("A10")
@pytest.mark.parametrize("attempt", range(4))
async def test_of_two_first_sign_ups_at_once_neither_confirms_the_password_of_the_other(
    mallory: Person, visitor: Person, stage: Stage, attempt: int
) -> None:
    stage.delivers = False
    requests = [plant(mallory, visitor.email), visitor.register()]
    await asyncio.gather(*(requests[::-1] if attempt % 2 else requests))
    stage.delivers = True
    await stage.deliver()
    assert ["Confirm" in mail["Subject"] for mail in stage.outbox.to(visitor)] == [False]
    await choose_password(visitor)
    assert (await mallory.post("/login", email=visitor.email, password=PLANTED)).status_code == 401
    assert (await visitor.sign_in()).status_code == 201


@pytest.mark.checklist("A10")
async def test_a_link_that_is_used_while_others_sign_up_confirms_its_own_password_or_none(
    mallory: Person, visitor: Person, stage: Stage, outbox: Outbox, tables: Tables
) -> None:
    await visitor.register()
    token = outbox.token_for(visitor)
    stage.delivers = False
    others = (plant(mallory, visitor.email) for _ in range(10))
    answers = asyncio.gather(*(visitor.post("/verify", token=token) for _ in range(10)))
    _, verified = await asyncio.gather(asyncio.gather(*others), answers)
    [row] = [row for row in await tables.rows("user") if row["email"] == visitor.email]
    statuses = [answer.status_code for answer in verified]
    assert statuses.count(200) == (1 if row["is_verified"] else 0)
    assert (row["password_hash"] == "!") is not row["is_verified"]
    assert row["display_name"] == ""
    assert (await visitor.sign_in()).status_code == (201 if row["is_verified"] else 401)
    assert (await mallory.post("/login", email=visitor.email, password=PLANTED)).status_code == 401


@pytest.mark.checklist("A10")
@pytest.mark.usefixtures("mallory")
async def test_a_password_that_changes_while_it_is_compared_is_compared_again(
    visitor: Person, stage: Stage, tables: Tables
) -> None:
    await visitor.register()
    stage.delivers = False
    # The sign-up of mallory is stored while that of the owner compares with what was there before.
    async with tables.holding("UPDATE \"user\" SET password_hash = '!' WHERE email = 'visitor@example.com'"):
        again = asyncio.create_task(visitor.register())
    assert (await again).status_code == 202
    letters = [row["letter"] for row in await tables.rows("outgoing_mail")]
    assert letters == ["already-registered"]


@pytest.mark.checklist("A10")
async def test_asking_for_the_mail_again_leads_to_a_password_where_there_is_none(
    mallory: Person, visitor: Person, outbox: Outbox
) -> None:
    await plant(mallory, visitor.email)
    await visitor.register()
    await visitor.post("/verify/resend", email=visitor.email)
    assert "/reset-password?token=" in text_of(outbox.to(visitor)[-1])
    await choose_password(visitor)
    assert (await visitor.sign_in()).status_code == 201


@pytest.mark.checklist("A10")
async def test_a_sign_up_leaves_an_invitation_and_a_proven_account_alone(
    mallory: Person, visitor: Person, grace: Person, operator: Operator, tables: Tables
) -> None:
    await operator.types("invite-user", "--email", visitor.email)
    await visitor.get("/health")
    invitation = visitor.outbox.token_for(visitor)
    for email in (visitor.email, grace.email):
        await plant(mallory, email)
    answer = await visitor.post("/reset-password", token=invitation, password=PASSWORD)
    assert answer.status_code == 204
    for owner in (visitor, grace):
        assert (await owner.sign_in()).status_code == 201
    assert (await mallory.post("/login", email=visitor.email, password=PLANTED)).status_code == 401
    assert LIE not in str(await tables.rows("user"))
