"""Recent means recent at the strength of the account, and no way in goes around a factor."""

from base64 import urlsafe_b64decode
from datetime import timedelta
from json import loads
from typing import Any

import pytest

from tests.cast import ANOTHER_PASSWORD
from tests.cast import Clock
from tests.cast import Person
from tests.cast import Stage
from tests.cast import token_in
from tests.command_line import Operator
from tests.credentials import kind
from tests.factors.authenticator import Authenticator
from tests.factors.steps import add_passkey
from tests.factors.steps import add_totp
from tests.factors.steps import amr_of
from tests.factors.steps import code_of
from tests.factors.steps import first_step
from tests.factors.steps import second_step
from tests.factors.steps import sign_in_by_passkey
from tests.factors.steps import type_of
from tests.tables import Tables

LATER = timedelta(minutes=11)


async def is_recent(person: Person) -> bool:
    """Whether what needs a recent sign-in is open."""
    return (await person.get("/users/me/export")).status_code == 200


async def wait(person: Person, clock: Clock) -> None:
    """Let eleven minutes pass."""
    clock.advance(LATER)
    await kind.keep_up(person.client)


@pytest.mark.checklist("K05", "K14")
async def test_a_password_alone_confirms_no_account_with_a_factor(signed_in: Person, clock: Clock) -> None:
    secret, _ = await add_totp(signed_in)
    await wait(signed_in, clock)
    answer = await signed_in.post("/reauthenticate", password=signed_in.password)
    assert type_of(answer) == (400, "invalid-factor")
    assert answer.json()["errors"][0]["field"] == "totp"
    assert not await is_recent(signed_in)
    wrong = await signed_in.post("/reauthenticate", password=signed_in.password, totp="00000x")
    assert type_of(wrong) == (400, "invalid-factor")
    answer = await signed_in.post("/reauthenticate", password="wrong", totp=code_of(secret))
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "password")
    assert not await is_recent(signed_in)
    right = await signed_in.post("/reauthenticate", password=signed_in.password, totp=code_of(secret))
    assert right.status_code == 204
    assert await is_recent(signed_in)
    assert await amr_of(signed_in) == ["pwd", "otp", "mfa"]


@pytest.mark.checklist("K09", "K14")
async def test_a_recovery_code_confirms_once(signed_in: Person, clock: Clock) -> None:
    _, codes = await add_totp(signed_in)
    await wait(signed_in, clock)
    sent = {"password": signed_in.password, "recovery_code": codes[0]}
    assert [(await signed_in.post("/reauthenticate", **sent)).status_code for _ in range(2)] == [204, 400]
    assert await is_recent(signed_in)


@pytest.mark.checklist("K01", "K14")
async def test_a_passkey_confirms_alone(signed_in: Person, clock: Clock, mallory: Person) -> None:
    device = Authenticator()
    await add_passkey(signed_in, device)
    await wait(signed_in, clock)
    asked = (await signed_in.post("/reauthenticate/options")).json()
    sent = {"challenge": asked["challenge"], "credential": device.get(asked["publicKey"])}
    await mallory.sign_in()
    assert type_of(await mallory.post("/reauthenticate", **sent)) == (400, "invalid-challenge")
    assert (await signed_in.post("/reauthenticate", **sent)).status_code == 204
    assert await is_recent(signed_in)
    assert await amr_of(signed_in) == ["pop", "user", "mfa"]
    assert type_of(await signed_in.post("/reauthenticate", **sent))[0] == 400


@pytest.mark.checklist("K14")
@pytest.mark.parametrize("sent", [{}, {"totp": "1", "recovery_code": "1"}, {"totp": "123456"}, {"credential": {}}])
async def test_what_confirms_nothing_names_a_field(signed_in: Person, sent: dict[str, object]) -> None:
    answer = await signed_in.post("/reauthenticate", **sent)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"]


@pytest.mark.checklist("K12", "K05")
async def test_a_new_password_makes_no_strong_sign_in_recent(signed_in: Person, clock: Clock) -> None:
    await add_totp(signed_in)
    await wait(signed_in, clock)
    changed = await signed_in.post(
        "/users/me/password", current_password=signed_in.password, new_password=ANOTHER_PASSWORD
    )
    assert changed.status_code == 204
    assert not await is_recent(signed_in)
    assert type_of(await signed_in.post("/users/me/passkeys/options")) == (403, "reauthentication-required")


@pytest.mark.checklist("K05")
async def test_a_sign_in_that_is_weaker_than_the_account_adds_nothing(signed_in: Person, tables: Tables) -> None:
    await add_totp(signed_in)
    await tables.execute("UPDATE user_session SET amr = '{pwd}'")
    for path in ("/users/me/passkeys/options", "/users/me/totp", "/users/me/recovery-codes"):
        answer = await signed_in.post(path)
        assert type_of(answer) == (403, "reauthentication-required")
        assert answer.json()["reauthenticate"] == "/reauthenticate"


@pytest.mark.checklist("K10", "K14", "D04")
async def test_a_reset_leaves_the_factors_in_force(signed_in: Person, tables: Tables) -> None:
    device = Authenticator()
    await add_passkey(signed_in, device)
    secret, _ = await add_totp(signed_in)
    await signed_in.post("/forgot-password", email=signed_in.email)
    token = signed_in.outbox.token_for(signed_in)
    await signed_in.post("/reset-password", token=token, password=ANOTHER_PASSWORD)
    assert (await signed_in.get("/users/me")).status_code == 401
    signed_in.password = ANOTHER_PASSWORD
    assert (await signed_in.post("/login", email=signed_in.email, password=ANOTHER_PASSWORD)).status_code == 202
    asked = await first_step(signed_in)
    assert (await second_step(signed_in, asked["challenge"], totp=code_of(secret))).status_code == 201
    assert (await sign_in_by_passkey(signed_in, device)).status_code == 201
    assert "factor.removed" not in await tables.kinds()


@pytest.mark.checklist("K14", "D01")
async def test_an_invitation_goes_around_no_factor(visitor: Person, operator: Operator, stage: Stage) -> None:
    await operator.types("invite-user", "--email", visitor.email)
    await stage.deliver()
    invitation = visitor.outbox.token_for(visitor)
    await visitor.post("/reset-password", token=invitation, password=visitor.password)
    await visitor.sign_in()
    secret, _ = await add_totp(visitor)
    assert (await operator.types("invite-user", "--email", visitor.email)).exit_code == 1
    again = await visitor.post("/reset-password", token=invitation, password=ANOTHER_PASSWORD)
    assert again.status_code == 400
    asked = await first_step(visitor)
    assert (await second_step(visitor, asked["challenge"], totp=code_of(secret))).status_code == 201


@pytest.mark.checklist("D12", "K10")
async def test_undoing_a_change_of_address_removes_the_factors_added_since(signed_in: Person, clock: Clock) -> None:
    secret, _ = await add_totp(signed_in)
    clock.advance(timedelta(minutes=1))
    await signed_in.post("/users/me/email", email="thief@example.com", password=signed_in.password)
    undo = token_in(signed_in.outbox.to(signed_in)[-1])
    device = Authenticator()
    clock.advance(timedelta(minutes=1))
    await add_passkey(signed_in, device)
    await signed_in.post(
        "/users/me/email/confirm", token=token_in(signed_in.outbox.to_address("thief@example.com")[-1])
    )
    assert (await signed_in.post("/users/me/email/undo", token=undo)).status_code == 200
    assert (await sign_in_by_passkey(signed_in, device)).status_code == 401
    await signed_in.post("/reset-password", token=signed_in.outbox.token_for(signed_in), password=ANOTHER_PASSWORD)
    signed_in.password = ANOTHER_PASSWORD
    asked = await first_step(signed_in)
    assert asked["factors"] == ["totp", "recovery_code"]
    assert (await second_step(signed_in, asked["challenge"], totp=code_of(secret))).status_code == 201


@pytest.mark.checklist("A10", "K10")
async def test_an_account_that_is_proven_again_keeps_no_factor_of_before(signed_in: Person, tables: Tables) -> None:
    device = Authenticator()
    await add_passkey(signed_in, device)
    await tables.execute('UPDATE "user" SET is_verified = false')
    await signed_in.post("/verify/resend", email=signed_in.email)
    assert (await signed_in.verify()).status_code == 200
    assert (await sign_in_by_passkey(signed_in, device)).status_code == 401
    assert await tables.rows("passkey") == []


@pytest.mark.checklist("K13", "K12")
async def test_what_is_presented_says_how_and_when_the_sign_in_was_made(signed_in: Person, clock: Clock) -> None:
    secret, _ = await add_totp(signed_in)
    clock.advance(timedelta(minutes=1))
    asked = await first_step(signed_in)
    await second_step(signed_in, asked["challenge"], totp=code_of(secret))
    claims = claims_of(signed_in)
    assert await amr_of(signed_in) == ["pwd", "otp", "mfa"]
    if claims is not None:
        assert claims["amr"] == ["pwd", "otp", "mfa"]
        assert abs(claims["auth_time"] - claims["iat"]) <= 1


def claims_of(person: Person) -> dict[str, Any] | None:
    """What is signed in the credentials of this person; None if they are a random secret."""
    sent = [*person.client.cookies.values(), person.client.headers.get("Authorization", "")]
    parts = [each.split(".")[1] for each in sent if each.count(".") == 2]
    return loads(urlsafe_b64decode(parts[0] + "==")) if parts else None


@pytest.mark.checklist("K10")
async def test_the_command_removes_the_factors_on_record(
    signed_in: Person, operator: Operator, stage: Stage, tables: Tables
) -> None:
    assert (await operator.types("remove-factors", "--email", signed_in.email)).exit_code == 1
    await add_totp(signed_in)
    done = await operator.types("remove-factors", "--email", signed_in.email)
    assert done.exit_code == 0, done.output
    await stage.deliver()
    assert (await signed_in.get("/users/me")).status_code == 401
    assert str(signed_in.outbox.to(signed_in)[-1]["Subject"]).endswith("was removed")
    assert "factor.all-removed" in await tables.kinds()
    assert (await signed_in.sign_in()).status_code == 201
