"""Authenticator apps and recovery codes: adding them, signing in with them, and what a thief cannot do."""

import asyncio
from datetime import timedelta

import pytest

from tests.cast import Clock
from tests.cast import Person
from tests.cast import Stage
from tests.cast import text_of
from tests.credentials import kind
from tests.factors.steps import add_totp
from tests.factors.steps import amr_of
from tests.factors.steps import code_of
from tests.factors.steps import first_step
from tests.factors.steps import second_step
from tests.factors.steps import type_of
from tests.tables import Tables

STEP = timedelta(seconds=30)


@pytest.mark.checklist("K08", "K12")
async def test_a_code_confirms_the_app_and_signs_in(signed_in: Person) -> None:
    begun = await signed_in.post("/users/me/totp")
    assert begun.status_code == 201
    assert begun.json()["uri"].startswith("otpauth://totp/")
    assert begun.json()["qr_svg"].startswith("<svg")
    assert 'fill="#fff"' in begun.json()["qr_svg"]
    assert (await signed_in.get("/users/me/factors")).json()["totp"] is None, "pending until it is confirmed"
    secret, codes = await add_totp(signed_in)
    assert len({*codes}) == 10
    assert await amr_of(signed_in) == ["pwd", "otp", "mfa"]
    assert [mail["Subject"] for mail in signed_in.outbox.to(signed_in)][-1].startswith("A second factor was added")

    asked = await first_step(signed_in)
    assert asked["factors"] == ["totp", "recovery_code"]
    answer = await second_step(signed_in, asked["challenge"], totp=f" {code_of(secret)[:3]} {code_of(secret)[3:]}")
    assert answer.status_code == 201
    assert await amr_of(signed_in) == ["pwd", "otp", "mfa"]


@pytest.mark.checklist("K08")
async def test_a_wrong_code_confirms_nothing(signed_in: Person) -> None:
    secret = (await signed_in.post("/users/me/totp")).json()["secret"]
    wrong = f"{(int(code_of(secret)) + 1) % 10**6:06}"
    answer = await signed_in.post("/users/me/totp/confirm", code=wrong)
    assert type_of(answer) == (400, "invalid-factor")
    assert answer.json()["errors"][0]["field"] == "code"
    assert (await signed_in.post("/login", email=signed_in.email, password=signed_in.password)).status_code == 201


@pytest.mark.checklist("K08")
async def test_asking_again_replaces_a_pending_secret_and_no_confirmed_one(signed_in: Person) -> None:
    first = (await signed_in.post("/users/me/totp")).json()["secret"]
    await signed_in.post("/users/me/totp")
    assert (await signed_in.post("/users/me/totp/confirm", code=code_of(first))).status_code == 400
    await add_totp(signed_in)
    assert (await signed_in.post("/users/me/totp")).status_code == 409


@pytest.mark.checklist("K08")
async def test_each_step_counts_once_and_so_does_the_confirming_one(signed_in: Person, clock: Clock) -> None:
    secret, _ = await add_totp(signed_in)
    asked = await first_step(signed_in)
    assert (await second_step(signed_in, asked["challenge"], totp=code_of(secret, steps_ago=1))).status_code == 401
    assert (await second_step(signed_in, asked["challenge"], totp=code_of(secret))).status_code == 201
    asked = await first_step(signed_in)
    assert (await second_step(signed_in, asked["challenge"], totp=code_of(secret))).status_code == 401
    clock.advance(2 * STEP)
    assert (await second_step(signed_in, asked["challenge"], totp=code_of(secret, steps_ago=2))).status_code == 401
    assert (await second_step(signed_in, asked["challenge"], totp=code_of(secret, steps_ago=1))).status_code == 201


@pytest.mark.checklist("K08", "K07")
async def test_one_code_sent_twice_at_once_signs_in_once(signed_in: Person, stage: Stage) -> None:
    secret, _ = await add_totp(signed_in)
    people = [stage.person("grace") for _ in range(4)]
    asked = [await first_step(person) for person in people]
    code = code_of(secret)
    answers = await asyncio.gather(
        *(second_step(person, each["challenge"], totp=code) for person, each in zip(people, asked, strict=True))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 401, 401, 401]


@pytest.mark.checklist("K08")
async def test_the_tables_hold_no_secret_and_no_code(signed_in: Person, tables: Tables) -> None:
    secret, codes = await add_totp(signed_in)
    held = str([await tables.rows("totp"), await tables.rows("recovery_code"), await tables.rows("audit_event")])
    assert secret not in held
    assert not [code for code in codes if code in held or code.replace("-", "") in held]


@pytest.mark.checklist("K09")
async def test_a_recovery_code_works_once_and_is_reported(signed_in: Person, tables: Tables) -> None:
    _, codes = await add_totp(signed_in)
    assert all(len(code.replace("-", "")) * 5 >= 112 for code in codes)
    asked = await first_step(signed_in)
    answer = await second_step(signed_in, asked["challenge"], recovery_code=codes[0].lower().replace("-", ""))
    assert answer.status_code == 201
    assert await amr_of(signed_in) == ["pwd", "otp", "mfa"]
    mail = signed_in.outbox.to(signed_in)[-1]
    assert "recovery code" in str(mail["Subject"])
    assert "Codes left: 9." in " ".join(text_of(mail).split())
    assert (await signed_in.get("/users/me/factors")).json()["recovery_codes"]["remaining"] == 9
    asked = await first_step(signed_in)
    assert (await second_step(signed_in, asked["challenge"], recovery_code=codes[0])).status_code == 401
    assert "factor.recovery-code-used" in await tables.kinds()


@pytest.mark.checklist("K09")
async def test_new_recovery_codes_end_the_former_ones(signed_in: Person) -> None:
    assert (await signed_in.post("/users/me/recovery-codes")).status_code == 409, "they stand in for a factor"
    _, former = await add_totp(signed_in)
    new = (await signed_in.post("/users/me/recovery-codes")).json()["recovery_codes"]
    asked = await first_step(signed_in)
    assert (await second_step(signed_in, asked["challenge"], recovery_code=former[0])).status_code == 401
    assert (await second_step(signed_in, asked["challenge"], recovery_code=new[0])).status_code == 201


@pytest.mark.checklist("K11")
async def test_half_a_sign_in_opens_nothing(signed_in: Person, stage: Stage, tables: Tables) -> None:
    await add_totp(signed_in)
    rows = len(await tables.rows("user_session"))
    person = stage.person("grace")
    answer = await person.post("/login", email=person.email, password=person.password)
    assert answer.status_code == 202
    assert not answer.cookies
    assert len(answer.json()["challenge"]) <= 1024
    assert len(await tables.rows("user_session")) == rows
    for presented in (answer.json()["challenge"], ""):
        kind.make_up(person.client, presented)
        assert (await person.get("/users/me")).status_code == 401


@pytest.mark.checklist("K11")
async def test_a_challenge_lasts_five_minutes_and_leads_to_one_sign_in(signed_in: Person, clock: Clock) -> None:
    secret, codes = await add_totp(signed_in)
    asked = await first_step(signed_in)
    assert asked["expires_in"] == 300
    assert (await second_step(signed_in, asked["challenge"], recovery_code=codes[0])).status_code == 201
    again = await second_step(signed_in, asked["challenge"], recovery_code=codes[1])
    assert type_of(again) == (400, "invalid-challenge")
    assert (await signed_in.get("/users/me/factors")).json()["recovery_codes"]["remaining"] == 9
    asked = await first_step(signed_in)
    clock.advance(timedelta(minutes=5))
    late = await second_step(signed_in, asked["challenge"], totp=code_of(secret))
    assert type_of(late) == (400, "invalid-challenge")


@pytest.mark.checklist("K11")
async def test_a_challenge_survives_five_wrong_tries(signed_in: Person, tables: Tables) -> None:
    secret, _ = await add_totp(signed_in)
    asked = await first_step(signed_in)
    for _ in range(5):
        assert type_of(await second_step(signed_in, asked["challenge"], totp="00000x")) == (401, "invalid-factor")
    answer = await second_step(signed_in, asked["challenge"], totp=code_of(secret))
    assert type_of(answer) == (400, "invalid-challenge")
    assert (await tables.kinds()).count("factor.refused") == 5


@pytest.mark.checklist("K11")
@pytest.mark.parametrize("forged", ["", "x", "ÿ", "a" * 1024])
async def test_a_challenge_that_was_made_up_is_refused(visitor: Person, forged: str) -> None:
    assert type_of(await second_step(visitor, forged, totp="123456")) == (400, "invalid-challenge")
    assert type_of(await visitor.post("/login/options", challenge=forged)) == (400, "invalid-challenge")


@pytest.mark.checklist("K11")
async def test_a_new_password_ends_half_a_sign_in(signed_in: Person, stage: Stage) -> None:
    secret, _ = await add_totp(signed_in)
    thief = stage.person("grace", "198.51.100.66")
    asked = await first_step(thief)
    new = "another long password of hers"
    changed = await signed_in.post("/users/me/password", current_password=signed_in.password, new_password=new)
    assert changed.status_code == 204
    answer = await second_step(thief, asked["challenge"], totp=code_of(secret))
    assert type_of(answer) == (400, "invalid-challenge")


@pytest.mark.checklist("K11")
async def test_the_first_factor_ends_every_other_sign_in(signed_in: Person, stage: Stage) -> None:
    elsewhere = stage.person("grace", "198.51.100.7")
    await elsewhere.sign_in()
    await add_totp(signed_in)
    assert (await elsewhere.get("/users/me")).status_code == 401
    assert (await signed_in.get("/users/me")).status_code == 200


@pytest.mark.checklist("K07")
async def test_wrong_codes_are_counted_over_challenges_and_networks(
    signed_in: Person, stage: Stage, clock: Clock
) -> None:
    secret, codes = await add_totp(signed_in)
    for number in range(9):
        person = stage.person("grace", f"198.51.100.{number}")
        asked = await first_step(person)
        assert (await second_step(person, asked["challenge"], totp="000000x")).status_code == 401
    person = stage.person("grace", "203.0.113.9")
    asked = await first_step(signed_in)
    clock.advance(STEP)
    answer = await second_step(signed_in, asked["challenge"], totp=code_of(secret))
    assert type_of(answer) == (429, "too-many-attempts")
    assert 0 < int(answer.headers["Retry-After"]) <= 3600
    assert type_of(await second_step(signed_in, asked["challenge"], recovery_code=codes[0]))[0] == 429
    clock.advance(timedelta(hours=1))
    asked = await first_step(person)
    assert (await second_step(person, asked["challenge"], totp=code_of(secret))).status_code == 201


@pytest.mark.checklist("K07")
async def test_tries_at_once_count_each(signed_in: Person, tables: Tables) -> None:
    await add_totp(signed_in)
    asked = await first_step(signed_in)
    answers = await asyncio.gather(*(second_step(signed_in, asked["challenge"], totp="00000x") for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [400] * 3 + [401] * 5
    assert (await tables.kinds()).count("factor.refused") == 5


@pytest.mark.checklist("K11", "B04")
async def test_a_right_password_does_not_reset_the_count_until_the_factor_is_right(
    signed_in: Person, stage: Stage
) -> None:
    secret, _ = await add_totp(signed_in)
    attacker = stage.person("grace", "198.51.100.66")
    for _ in range(5):
        await attacker.post("/login", email=attacker.email, password="wrong")
    for _ in range(5):
        await first_step(attacker)
    assert (await attacker.post("/login", email=attacker.email, password=attacker.password)).status_code == 429
    # She is known where she signed in.
    asked = await first_step(signed_in)
    assert (await second_step(signed_in, asked["challenge"], totp=code_of(secret))).status_code == 201


@pytest.mark.checklist("K06")
async def test_removing_the_app_needs_a_recent_sign_in_and_is_told(
    signed_in: Person, clock: Clock, tables: Tables
) -> None:
    await add_totp(signed_in)
    clock.advance(timedelta(minutes=10))
    assert type_of(await signed_in.client.delete("/users/me/totp")) == (403, "reauthentication-required")
    clock.advance(-timedelta(minutes=10))
    assert (await signed_in.client.delete("/users/me/totp")).status_code == 204
    assert (await signed_in.client.delete("/users/me/totp")).status_code == 404
    assert str(signed_in.outbox.to(signed_in)[-1]["Subject"]).endswith("was removed")
    assert await amr_of(signed_in) == ["pwd"]
    assert (await signed_in.get("/users/me/factors")).json()["recovery_codes"] is None
    assert await tables.rows("recovery_code") == []
    assert (await signed_in.post("/login", email=signed_in.email, password=signed_in.password)).status_code == 201


@pytest.mark.checklist("K06", "E13")
async def test_removing_the_app_ends_the_sign_ins_made_with_it(signed_in: Person, stage: Stage, clock: Clock) -> None:
    secret, _ = await add_totp(signed_in)
    elsewhere = stage.person("grace", "198.51.100.7")
    asked = await first_step(elsewhere)
    await second_step(elsewhere, asked["challenge"], totp=code_of(secret))
    assert (await elsewhere.get("/users/me")).status_code == 200
    clock.advance(STEP)
    await signed_in.client.delete("/users/me/totp")
    assert (await elsewhere.get("/users/me")).status_code == 401
