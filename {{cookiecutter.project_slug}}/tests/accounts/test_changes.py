"""What users change about their own account: each needs a proof, ends what others may hold, and is told by mail."""

import asyncio
import unicodedata
from datetime import timedelta
from typing import Literal

import pytest
from litestar.serialization import encode_json

from app.accounts.data_export import SENTINEL
from tests.cast import ANOTHER_PASSWORD
from tests.cast import GUESSABLE
from tests.cast import PASSWORD
from tests.cast import Clock
from tests.cast import Outbox
from tests.cast import Person
from tests.cast import Stage
from tests.cast import token_in
from tests.tables import Tables

NEW = "hopper@example.com"
ACCEPTED = {"detail": "If this address can receive mail from us, instructions are on the way."}
WRONG = "right donkey socket paperclip"


@pytest.fixture
async def elsewhere(stage: Stage, signed_in: Person) -> Person:  # noqa: ARG001  # signed in first
    """The same user on another device."""
    person = stage.person("grace")
    assert (await person.sign_in()).status_code == 201
    return person


def subjects(outbox: Outbox, email: str) -> list[str]:
    """What the mails to this address are about, oldest first."""
    return [str(message["Subject"]) for message in outbox.to_address(email)]


@pytest.mark.checklist("D08")
async def test_a_new_password_ends_every_other_sign_in(signed_in: Person, elsewhere: Person, outbox: Outbox) -> None:
    answer = await signed_in.post("/users/me/password", current_password=PASSWORD, new_password=ANOTHER_PASSWORD)
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await signed_in.get("/users/me")).status_code == 200
    assert (await elsewhere.get("/users/me")).status_code == 401
    assert "was changed" in subjects(outbox, signed_in.email)[-1]
    assert (await elsewhere.sign_in()).status_code == 401
    elsewhere.password = ANOTHER_PASSWORD
    assert (await elsewhere.sign_in()).status_code == 201


@pytest.mark.checklist("D07")
async def test_a_new_password_needs_the_present_one(signed_in: Person, elsewhere: Person, tables: Tables) -> None:
    before = await tables.rows("user")
    answer = await signed_in.post("/users/me/password", current_password=WRONG, new_password=ANOTHER_PASSWORD)
    assert answer.status_code == 400
    assert answer.json()["errors"] == [{"field": "current_password", "message": "This is not your password."}]
    assert (await signed_in.post("/users/me/password", new_password=ANOTHER_PASSWORD)).status_code == 400
    assert await tables.rows("user") == before
    assert (await elsewhere.get("/users/me")).status_code == 200


@pytest.mark.checklist("D07")
@pytest.mark.parametrize("form", ["NFC", "NFD"])
async def test_a_new_password_is_not_the_present_one(
    stage: Stage, tables: Tables, outbox: Outbox, form: Literal["NFC", "NFD"]
) -> None:
    grace = stage.person("grace")
    grace.password = "üöä and a few more letters"
    await grace.register()
    await grace.verify()
    elsewhere = stage.person("grace")
    elsewhere.password = grace.password
    for person in (grace, elsewhere):
        await person.sign_in()
    tables_before = [await tables.rows(name) for name in ("user", "user_session", "audit_event")]
    mails_before = len(outbox.messages)
    same = unicodedata.normalize(form, grace.password)
    answer = await grace.post("/users/me/password", current_password=grace.password, new_password=same)
    assert answer.status_code == 400
    expected = {"field": "new_password", "message": "Choose a password that differs from the current one."}
    assert answer.json()["errors"] == [expected]
    assert [await tables.rows(name) for name in ("user", "user_session", "audit_event")] == tables_before
    assert len(outbox.messages) == mails_before
    assert (await elsewhere.get("/users/me")).status_code == 200


@pytest.mark.checklist("C03")
@pytest.mark.parametrize("password", ["short", "my name is grace, hello", "x" * 129, *GUESSABLE])
async def test_a_new_password_keeps_the_rules(signed_in: Person, password: str) -> None:
    answer = await signed_in.post("/users/me/password", current_password=PASSWORD, new_password=password)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "new_password")
    assert (await signed_in.sign_in()).status_code == 201


@pytest.mark.checklist("B04")
async def test_a_stolen_credential_does_not_help_to_guess_the_password(signed_in: Person) -> None:
    for path, body in (
        ("/users/me/password", {"current_password": WRONG, "new_password": ANOTHER_PASSWORD}),
        ("/users/me/email", {"email": NEW, "password": WRONG}),
        ("/reauthenticate", {"password": WRONG}),
    ):
        for _ in range(4):
            assert (await signed_in.post(path, **body)).status_code in {400, 429}
    answer = await signed_in.post("/users/me/password", current_password=PASSWORD, new_password=ANOTHER_PASSWORD)
    assert (answer.status_code, answer.json()["type"]) == (429, "/problems/too-many-attempts")


@pytest.mark.checklist("D02")
async def test_a_new_password_makes_older_links_worthless(signed_in: Person, outbox: Outbox) -> None:
    await signed_in.post("/forgot-password", email=signed_in.email)
    reset = outbox.token_for(signed_in)
    await signed_in.post("/users/me/email", email=NEW, password=PASSWORD)
    [confirmation] = outbox.to_address(NEW)
    await signed_in.post("/users/me/password", current_password=PASSWORD, new_password=ANOTHER_PASSWORD)
    assert (await signed_in.post("/reset-password", token=reset, password=PASSWORD)).status_code == 400
    answer = await signed_in.post("/users/me/email/confirm", token=token_in(confirmation))
    assert answer.json()["type"] == "/problems/invalid-token"


@pytest.mark.checklist("D09")
async def test_a_new_address_counts_once_it_is_confirmed(signed_in: Person, elsewhere: Person, outbox: Outbox) -> None:
    answer = await signed_in.post("/users/me/email", email=f" {NEW.upper()}", password=PASSWORD)
    assert (answer.status_code, answer.json()) == (202, ACCEPTED)
    assert (await signed_in.get("/users/me")).json()["email"] == signed_in.email
    assert "about to change" in subjects(outbox, signed_in.email)[-1]
    [mail] = outbox.to_address(NEW)

    answers = await asyncio.gather(*(signed_in.post("/users/me/email/confirm", token=token_in(mail)) for _ in range(5)))
    assert sorted(each.status_code for each in answers) == [200] + [400] * 4
    assert [each.json()["email"] for each in answers if each.is_success] == [NEW]
    for person in (signed_in, elsewhere):
        assert (await person.get("/users/me")).status_code == 401
        assert (await person.sign_in()).status_code == 401
    signed_in.email = NEW
    assert (await signed_in.sign_in()).status_code == 201


@pytest.mark.checklist("D09")
async def test_a_new_address_needs_the_password(signed_in: Person, outbox: Outbox) -> None:
    for body in ({"email": NEW}, {"email": NEW, "password": WRONG}):
        answer = await signed_in.post("/users/me/email", **body)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "password")
    assert outbox.to_address(NEW) == []


@pytest.mark.checklist("D09", "A01")
async def test_the_address_of_another_user_gets_the_same_answer_and_no_link(
    mallory: Person, signed_in: Person, outbox: Outbox, tables: Tables
) -> None:
    await mallory.sign_in()
    answer = await mallory.post("/users/me/email", email=signed_in.email.title(), password=PASSWORD)
    assert (answer.status_code, answer.json()) == (202, ACCEPTED)
    mail = outbox.to(signed_in)[-1]
    assert "has an account" in mail["Subject"]
    answer = await mallory.post("/users/me/email/confirm", token=token_in(mail))
    assert answer.json()["type"] == "/problems/invalid-token"
    assert {row["email"] for row in await tables.rows("user")} == {mallory.email, signed_in.email}


@pytest.mark.checklist("D09")
async def test_an_address_that_another_user_takes_meanwhile_stays_theirs(
    stage: Stage, signed_in: Person, outbox: Outbox
) -> None:
    await signed_in.post("/users/me/email", email=NEW, password=PASSWORD)
    mail = outbox.to_address(NEW)[0]
    hopper = await stage.verified("hopper")
    answer = await signed_in.post("/users/me/email/confirm", token=token_in(mail))
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/conflict")
    assert (await hopper.sign_in()).status_code == 201
    assert (await signed_in.get("/users/me")).json()["email"] == signed_in.email


@pytest.mark.checklist("A05")
async def test_a_link_to_an_address_dies_when_another_is_asked_for(signed_in: Person, outbox: Outbox) -> None:
    await signed_in.post("/users/me/email", email=NEW, password=PASSWORD)
    await signed_in.post("/users/me/email", email="another@example.com", password=PASSWORD)
    [older], [newer] = outbox.to_address(NEW), outbox.to_address("another@example.com")
    assert (await signed_in.post("/users/me/email/confirm", token=token_in(older))).status_code == 400
    assert (await signed_in.post("/users/me/email/confirm", token=token_in(newer))).status_code == 200


@pytest.mark.checklist("D09")
async def test_the_owner_undoes_what_a_thief_has_changed_twice(stage: Stage, signed_in: Person, outbox: Outbox) -> None:
    thief = stage.person("grace")
    await thief.sign_in()
    links = []
    for email in ("first@evil.example", "second@evil.example"):
        await thief.post("/users/me/email", email=email, password=PASSWORD)
        links += [token_in(outbox.to(thief)[-1])]
        await thief.post("/users/me/email/confirm", token=token_in(outbox.to_address(email)[-1]))
        thief.email = email
        await thief.sign_in()

    answer = await signed_in.post("/users/me/email/undo", token=links[0])
    assert (answer.status_code, answer.json()["email"]) == (200, signed_in.email)
    assert (await thief.get("/users/me")).status_code == 401
    # The thief got a link to the address between, which would take the account away again.
    assert (await thief.post("/users/me/email/undo", token=links[1])).status_code == 400
    assert (await signed_in.post("/users/me/email/undo", token=links[0])).status_code == 400
    reset = outbox.token_for(signed_in)
    answer = await signed_in.post("/reset-password", token=reset, password=ANOTHER_PASSWORD)
    assert answer.status_code == 204


@pytest.mark.checklist("D09")
async def test_undoing_stops_a_change_that_is_not_confirmed_yet(signed_in: Person, outbox: Outbox) -> None:
    await signed_in.post("/users/me/email", email=NEW, password=PASSWORD)
    [mail] = outbox.to_address(NEW)
    assert (await signed_in.post("/users/me/email/undo", token=outbox.token_for(signed_in))).status_code == 200
    assert (await signed_in.post("/users/me/email/confirm", token=token_in(mail))).status_code == 400


@pytest.mark.checklist("D02", "D09")
async def test_a_change_that_a_thief_asked_for_dies_before_its_mail_has_left(
    stage: Stage, signed_in: Person, outbox: Outbox
) -> None:
    stage.delivers = False
    await signed_in.post("/users/me/email", email="first@evil.example", password=PASSWORD)
    await signed_in.post("/users/me/password", current_password=PASSWORD, new_password=ANOTHER_PASSWORD)
    stage.delivers = True
    await stage.deliver()
    assert outbox.to_address("first@evil.example") == []
    assert "about to change" in "".join(subjects(outbox, signed_in.email))


@pytest.mark.checklist("D09")
@pytest.mark.parametrize("attempt", range(5))
async def test_undoing_wins_over_a_confirmation_at_the_same_moment(
    signed_in: Person, outbox: Outbox, tables: Tables, attempt: int
) -> None:
    await signed_in.post("/users/me/email", email=NEW, password=PASSWORD)
    tokens = {"confirm": token_in(outbox.to_address(NEW)[-1]), "undo": outbox.token_for(signed_in)}
    paths = sorted(tokens, reverse=attempt % 2 == 1)
    answers = await asyncio.gather(*(signed_in.post(f"/users/me/email/{path}", token=tokens[path]) for path in paths))
    statuses = {path: answer.status_code for path, answer in zip(paths, answers, strict=True)}
    assert statuses["undo"] == 200
    assert statuses["confirm"] in {200, 400}, "before or after it"
    assert [row["email"] for row in await tables.rows("user")] == [signed_in.email]


@pytest.mark.parametrize(("path", "days"), [("confirm", 1), ("undo", 7)])
async def test_links_about_addresses_die_in_time(
    signed_in: Person, outbox: Outbox, clock: Clock, path: str, days: int
) -> None:
    await signed_in.post("/users/me/email", email=NEW, password=PASSWORD)
    mail = outbox.to_address(NEW if path == "confirm" else signed_in.email)[-1]
    clock.advance(timedelta(days=days))
    assert (await signed_in.post(f"/users/me/email/{path}", token=token_in(mail))).status_code == 400


@pytest.mark.checklist("D10")
@pytest.mark.parametrize(("method", "path"), [("GET", "/users/me/export"), ("DELETE", "/users/me")])
async def test_ten_minutes_after_the_password_it_has_to_be_shown_again(
    signed_in: Person, clock: Clock, method: str, path: str
) -> None:
    clock.advance(timedelta(minutes=10))
    answer = await signed_in.client.request(method, path)
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/reauthentication-required")
    assert "POST /reauthenticate" in answer.json()["title"]
    assert (await signed_in.post("/reauthenticate", password=WRONG)).status_code == 400
    assert (await signed_in.client.request(method, path)).status_code == 403
    assert (await signed_in.post("/reauthenticate", password=PASSWORD)).status_code == 204
    assert (await signed_in.client.request(method, path)).is_success


async def test_an_account_that_is_deleted_leaves_nothing(
    signed_in: Person, elsewhere: Person, outbox: Outbox, tables: Tables
) -> None:
    await signed_in.client.patch("/users/me", json={"display_name": "Grace Hopper"})
    await signed_in.post("/users/me/email", email=NEW, password=PASSWORD)
    assert (await signed_in.client.delete("/users/me")).status_code == 204
    assert "is deleted" in subjects(outbox, signed_in.email)[-1]
    for person in (signed_in, elsewhere):
        assert (await person.get("/users/me")).status_code == 401
        assert (await person.sign_in()).status_code == 401
    for table in tables.names:
        rows = str(await tables.rows(table))
        assert not any(trace in rows for trace in (signed_in.email, NEW, "Hopper")), table
    assert (await signed_in.register()).status_code == 202
    assert (await signed_in.verify()).status_code == 200


async def test_an_export_holds_what_is_stored_and_no_secret(signed_in: Person, mallory: Person, tables: Tables) -> None:
    await mallory.sign_in()
    await signed_in.post("/forgot-password", email=signed_in.email)
    answer = await signed_in.get("/users/me/export")
    export = answer.json()
    assert export["user"]["email"] == signed_in.email
    [token], [device] = export["one_time_token"], export["user_session"]
    assert (token["purpose"], token["email"]) == ("reset-password", signed_in.email)
    assert {row["user_id"] for row in (token, device)} == {export["user"]["id"]}
    assert SENTINEL not in answer.text
    for table in ("user", "one_time_token", "user_session"):
        for row in await tables.rows(table):
            secrets = {name for name, value in row.items() if isinstance(value, bytes) or name == "password_hash"}
            assert secrets
            # As JSON would write them.
            values = {encode_json(row[name]).decode().strip('"') for name in secrets if row[name] is not None}
            assert [text for text in secrets | values if text in answer.text] == []
