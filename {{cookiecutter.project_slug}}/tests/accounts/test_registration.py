"""Registration and verification."""

import asyncio
from datetime import timedelta

import pytest

from app.accounts import one_time_tokens
from app.accounts.one_time_tokens import Purpose
from app.database.transactions import new_transaction
from app.http.errors import InvalidToken
from app.settings import Settings
from tests.cast import PASSWORD
from tests.cast import Clock
from tests.cast import Outbox
from tests.cast import Person
from tests.cast import Stage
from tests.cast import text_of
from tests.cast import token_in
from tests.other_services import another_stage
from tests.tables import Tables

SAME_FOR_ALL = {"detail": "If this address can receive mail from us, instructions are on the way."}


async def test_a_new_address_is_verified_by_mail_and_then_signs_in(visitor: Person) -> None:
    assert (await visitor.register()).status_code == 202
    verified = await visitor.verify()
    assert verified.status_code == 200
    assert verified.json()["is_verified"] is True
    assert (await visitor.sign_in()).status_code == 201
    assert (await visitor.get("/users/me")).json()["email"] == visitor.email


@pytest.mark.checklist("A01")
async def test_a_known_address_gets_the_same_answer_and_its_owner_a_mail(
    grace: Person, visitor: Person, outbox: Outbox
) -> None:
    unknown = await visitor.register()
    known = await visitor.post("/register", email=grace.email.upper(), password=visitor.password)
    assert (known.status_code, known.content, known.headers) == (unknown.status_code, unknown.content, unknown.headers)
    assert "already have an account" in text_of(outbox.to(grace)[-1])


@pytest.mark.checklist("A01")
async def test_registering_a_known_address_changes_nothing(grace: Person, mallory: Person, tables: Tables) -> None:
    before = await tables.rows("user")
    await mallory.post("/register", email=f" {grace.email.title()} ", password="a password of mallory's")
    assert await tables.rows("user") == before


@pytest.mark.checklist("A02")
async def test_parallel_spellings_of_one_address_make_one_account(stage: Stage, tables: Tables) -> None:
    spellings = ["Grace@Example.com", "gRACE@example.com", " GRACE@EXAMPLE.COM"] * 4
    people = [stage.person("grace") for _ in spellings]
    answers = await asyncio.gather(
        *(
            person.post("/register", email=spelling, password=PASSWORD)
            for person, spelling in zip(people, spellings, strict=True)
        )
    )
    assert {answer.status_code for answer in answers} == {202}
    assert [row["email"] for row in await tables.rows("user")] == ["grace@example.com"]


@pytest.mark.checklist("A03")
@pytest.mark.parametrize("field", ["is_active", "is_verified", "id", "created_at", "password_hash", "is_superuser"])
async def test_a_body_says_address_and_password_and_nothing_else(visitor: Person, field: str, tables: Tables) -> None:
    answer = await visitor.post("/register", email=visitor.email, password=PASSWORD, **{field: True})
    assert answer.status_code == 400
    assert await tables.rows("user") == []


@pytest.mark.checklist("A09")
@pytest.mark.parametrize(
    "address",
    [
        "",
        "grace",
        "grace@",
        "@example.com",
        "grace@example.com, mallory@example.com",
        "grace@example.com\r\nBcc: mallory@example.com",
        "gra\x00ce@example.com",
        f"{'g' * 65}@example.com",
        f"grace@{'example.' * 32}com",
        "gräce@example.com",
        "grace@\u0435xample.com",
        "grace@\uff45xample.com",
    ],
)
async def test_what_is_no_address_is_refused_by_name(visitor: Person, address: str, outbox: Outbox) -> None:
    answer = await visitor.post("/register", email=address, password=PASSWORD)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["email"]
    assert outbox.messages == []


@pytest.mark.checklist("A09")
async def test_an_international_domain_is_written_in_its_xn_form(visitor: Person, tables: Tables) -> None:
    answer = await visitor.post("/register", email="grace@ex\u00e4mple.com", password=PASSWORD)
    [error] = answer.json()["errors"]
    assert error["message"] == "Write an international domain in its xn-- form: xn--exmple-cua.com."

    visitor.email = "Grace@XN--EXMPLE-CUA.com"
    assert (await visitor.register()).status_code == 202
    visitor.email = visitor.email.lower()
    assert (await visitor.verify()).json()["email"] == "grace@xn--exmple-cua.com"
    assert (await visitor.sign_in()).status_code == 201
    assert [row["email"] for row in await tables.rows("user")] == ["grace@xn--exmple-cua.com"]


@pytest.mark.checklist("C01")
@pytest.mark.parametrize(("length", "status_code"), [(14, 400), (15, 202), (64, 202), (128, 202), (129, 400)])
async def test_a_password_has_15_to_128_characters(visitor: Person, length: int, status_code: int) -> None:
    answer = await visitor.post("/register", email=visitor.email, password=("vözbak tjunflüq ærdwim " * 6)[:length])
    assert answer.status_code == status_code


@pytest.mark.checklist("A04")
async def test_a_verification_link_works_once(visitor: Person, outbox: Outbox) -> None:
    await visitor.register()
    token = outbox.token_for(visitor)
    answers = await asyncio.gather(*(visitor.post("/verify", token=token) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 9
    assert (await visitor.post("/verify", token=token)).json()["type"] == "/problems/invalid-token"


async def test_a_link_is_used_up_whatever_follows_from_it(visitor: Person, outbox: Outbox, stage: Stage) -> None:
    await visitor.register()
    token = outbox.token_for(visitor)
    async with new_transaction(stage.app) as session:
        await one_time_tokens.consume(session, token, Purpose.VERIFY)
        with pytest.raises(InvalidToken):
            await one_time_tokens.consume(session, token, Purpose.VERIFY)


async def test_a_verification_link_dies_after_a_day(visitor: Person, clock: Clock) -> None:
    await visitor.register()
    clock.advance(timedelta(hours=24))
    assert (await visitor.verify()).status_code == 400


@pytest.mark.checklist("A07")
async def test_asking_again_kills_the_older_link(visitor: Person, outbox: Outbox) -> None:
    await visitor.register()
    older = outbox.token_for(visitor)
    assert (await visitor.post("/verify/resend", email=visitor.email.upper())).status_code == 202
    assert (await visitor.post("/verify", token=older)).status_code == 400
    assert (await visitor.verify()).status_code == 200


@pytest.mark.checklist("A05")
async def test_a_link_proves_the_address_it_was_sent_to_and_no_other(visitor: Person, tables: Tables) -> None:
    await visitor.register()
    await tables.execute("UPDATE \"user\" SET email = 'another@example.com'")
    assert (await visitor.verify()).status_code == 400


@pytest.mark.checklist("A01")
@pytest.mark.parametrize("address", ["nobody@example.com", "grace@example.com", "no address at all"])
async def test_asking_again_says_nothing_about_who_has_an_account(
    grace: Person, visitor: Person, outbox: Outbox, address: str
) -> None:
    before = len(outbox.messages)
    answer = await visitor.post("/verify/resend", email=address)
    assert (answer.status_code, answer.json()) == (202, SAME_FOR_ALL)
    assert len(outbox.messages) == before, f"{grace.email} is verified, so there is nothing to send"


async def test_a_name_is_stored_shown_and_used_once_the_address_is_proven(visitor: Person, outbox: Outbox) -> None:
    await visitor.post("/register", email=visitor.email, password=PASSWORD, display_name="Grace Hopper")
    assert "Grace Hopper" not in text_of(outbox.to(visitor)[-1]), "a stranger must not be sent a visitor's text"
    assert (await visitor.verify()).json()["display_name"] == "Grace Hopper"
    await visitor.post("/forgot-password", email=visitor.email)
    assert text_of(outbox.to(visitor)[-1]).startswith("Hello Grace Hopper,")
    await visitor.sign_in()
    await visitor.post("/users/me/email", email="new@example.com", password=PASSWORD)
    [to_new] = outbox.to_address("new@example.com")
    assert "Grace Hopper" not in text_of(to_new)


@pytest.mark.parametrize("name", ["G" * 101, "Grace\nHopper", "Grace\x00"])
async def test_a_name_that_cannot_be_shown_is_refused_by_name(visitor: Person, name: str, tables: Tables) -> None:
    answer = await visitor.post("/register", email=visitor.email, password=PASSWORD, display_name=name)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "display_name")
    assert await tables.rows("user") == []


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize("registration", [{"invite"}, {"example.org", "example.net"}])
async def test_outsiders_get_the_same_answer_a_mail_and_no_account(
    settings: Settings, registration: set[str], tables: Tables
) -> None:
    async with another_stage(settings, registration=frozenset(registration)) as stage:
        outsider = stage.person("outsider")
        answer = await outsider.register()
        assert (answer.status_code, answer.json()) == (202, SAME_FOR_ALL)
        assert "need an invitation" in stage.outbox.to(outsider)[-1]["Subject"]
        assert await tables.rows("user") == []


@pytest.mark.usefixtures("tables")
async def test_people_of_a_domain_that_may_register_do(settings: Settings) -> None:
    async with another_stage(settings, registration=frozenset({"example.org", "example.com"})) as stage:
        assert (await (await stage.verified("grace")).sign_in()).status_code == 201
        for address in ("grace@sub.example.com", "grace@example.com.evil.example", "grace@notexample.com"):
            await stage.person("mallory").post("/register", email=address, password=PASSWORD)
            assert "need an invitation" in stage.outbox.to_address(address)[-1]["Subject"]


@pytest.mark.usefixtures("tables")
async def test_a_known_address_is_told_so_where_registration_is_closed(settings: Settings) -> None:
    async with another_stage(settings) as open_stage:
        grace = await open_stage.verified("grace")
    async with another_stage(settings, registration=frozenset({"invite"})) as stage:
        answer = await stage.person("somebody").post("/register", email=grace.email, password=PASSWORD)
        assert (answer.status_code, answer.json()) == (202, SAME_FOR_ALL)
        assert "has an account" in stage.outbox.to_address(grace.email)[-1]["Subject"]


@pytest.mark.checklist("A12")
@pytest.mark.parametrize(
    ("registration", "email", "status_code"),
    [
        ({"example.com", "example.org"}, "grace@example.org", 202),
        ({"example.com", "example.org"}, "grace@example.net", 400),
        ({"example.com", "example.org"}, "grace@sub.example.org", 400),
        ({"example.com", "example.org"}, "grace@example.org.evil.example", 400),
        ({"invite"}, "grace@example.net", 202),
        ({"open"}, "grace@example.net", 202),
    ],
)
async def test_an_account_moves_only_to_a_domain_that_may_register(
    settings: Settings, tables: Tables, registration: set[str], email: str, status_code: int
) -> None:
    assert await tables.rows("user") == []
    async with another_stage(settings, registration=frozenset(registration)) as stage:
        grace = await stage.verified("grace")
        await grace.sign_in()
        answer = await grace.post("/users/me/email", email=email, password=PASSWORD)
        assert answer.status_code == status_code
        if status_code == 400:
            assert [error["field"] for error in answer.json()["errors"]] == ["email"]
            assert stage.outbox.to_address(email) == []


@pytest.mark.checklist("A12")
async def test_a_link_to_a_domain_that_may_not_register_any_more_is_refused(settings: Settings, tables: Tables) -> None:
    async with another_stage(settings) as stage:
        grace = await stage.verified("grace")
        await grace.sign_in()
        await grace.post("/users/me/email", email="grace@example.net", password=PASSWORD)
        [mail] = stage.outbox.to_address("grace@example.net")
    async with another_stage(settings, registration=frozenset({"example.com"})) as stage:
        answer = await stage.person("grace").post("/users/me/email/confirm", token=token_in(mail))
        assert answer.json()["type"] == "/problems/invalid-token"
    assert [row["email"] for row in await tables.rows("user")] == [grace.email]


@pytest.mark.checklist("A12")
async def test_an_account_of_another_domain_goes_back_to_its_address(settings: Settings, tables: Tables) -> None:
    async with another_stage(settings, registration=frozenset({"example.org"})) as stage:
        grace = await stage.verified("grace")
        await grace.sign_in()
        await grace.post("/users/me/email", email="grace@example.org", password=PASSWORD)
        undo = stage.outbox.token_for(grace)
        [mail] = stage.outbox.to_address("grace@example.org")
        assert (await grace.post("/users/me/email/confirm", token=token_in(mail))).status_code == 200
        assert (await grace.post("/users/me/email/undo", token=undo)).status_code == 200
    assert [row["email"] for row in await tables.rows("user")] == [grace.email]
