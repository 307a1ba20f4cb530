"""Registration and verification."""

import asyncio
from datetime import timedelta

import pytest

from tests.cast import PASSWORD
from tests.cast import Clock
from tests.cast import Outbox
from tests.cast import Person
from tests.cast import Stage
from tests.cast import text_of
from tests.tables import Tables

SAME_FOR_ALL = {"detail": "If this address can be mailed, what to do next is on its way there."}


async def test_a_new_address_is_verified_by_mail_and_then_signs_in(visitor: Person) -> None:
    assert (await visitor.register()).status_code == 202
    verified = await visitor.verify()
    assert verified.status_code == 200
    assert verified.json()["is_verified"] is True
    assert (await visitor.sign_in()).status_code == 201
    assert (await visitor.get("/users/me")).json()["email"] == visitor.email


async def test_nobody_signs_in_before_the_address_is_verified(visitor: Person) -> None:
    await visitor.register()
    assert (await visitor.sign_in()).status_code == 401


async def test_a_known_address_gets_the_same_answer_and_its_owner_a_mail(
    grace: Person, visitor: Person, outbox: Outbox
) -> None:
    unknown = await visitor.register()
    known = await visitor.post("/register", email=grace.email.upper(), password=visitor.password)
    assert (known.status_code, known.content, known.headers) == (unknown.status_code, unknown.content, unknown.headers)
    assert "already have an account" in text_of(outbox.to(grace)[-1])


async def test_registering_a_known_address_changes_nothing(grace: Person, mallory: Person, tables: Tables) -> None:
    before = await tables.rows("user")
    await mallory.post("/register", email=f" {grace.email.title()} ", password="a password of mallory's")
    assert await tables.rows("user") == before


async def test_parallel_spellings_of_one_address_make_one_account(stage: Stage, tables: Tables) -> None:
    spellings = ["Grace@Example.com", "grace@example.com", " GRACE@EXAMPLE.COM"] * 4
    people = [stage.person("grace") for _ in spellings]
    answers = await asyncio.gather(
        *(
            person.post("/register", email=spelling, password=PASSWORD)
            for person, spelling in zip(people, spellings, strict=True)
        )
    )
    assert {answer.status_code for answer in answers} == {202}
    assert [row["email"] for row in await tables.rows("user")] == ["grace@example.com"]


@pytest.mark.parametrize("field", ["is_active", "is_verified", "id", "created_at", "password_hash", "display_name"])
async def test_a_body_says_address_and_password_and_nothing_else(visitor: Person, field: str, tables: Tables) -> None:
    answer = await visitor.post("/register", email=visitor.email, password=PASSWORD, **{field: True})
    assert answer.status_code == 400
    assert await tables.rows("user") == []


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
    ],
)
async def test_what_is_no_address_is_refused_by_name(visitor: Person, address: str, outbox: Outbox) -> None:
    answer = await visitor.post("/register", email=address, password=PASSWORD)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["email"]
    assert outbox.messages == []


@pytest.mark.parametrize(("length", "status_code"), [(14, 400), (15, 202), (128, 202), (129, 400)])
async def test_a_password_has_15_to_128_characters(visitor: Person, length: int, status_code: int) -> None:
    answer = await visitor.post("/register", email=visitor.email, password="ü" * length)
    assert answer.status_code == status_code


async def test_a_verification_link_works_once(visitor: Person, outbox: Outbox) -> None:
    await visitor.register()
    token = outbox.token_for(visitor)
    answers = await asyncio.gather(*(visitor.post("/verify", token=token) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 9
    assert (await visitor.post("/verify", token=token)).json()["type"] == "/problems/invalid-token"


async def test_a_verification_link_dies_after_a_day(visitor: Person, clock: Clock) -> None:
    await visitor.register()
    clock.advance(timedelta(hours=24))
    assert (await visitor.verify()).status_code == 400


async def test_asking_again_kills_the_older_link(visitor: Person, outbox: Outbox) -> None:
    await visitor.register()
    older = outbox.token_for(visitor)
    assert (await visitor.post("/verify/resend", email=visitor.email.upper())).status_code == 202
    assert (await visitor.post("/verify", token=older)).status_code == 400
    assert (await visitor.verify()).status_code == 200


async def test_a_link_proves_the_address_it_was_sent_to_and_no_other(visitor: Person, tables: Tables) -> None:
    await visitor.register()
    await tables.execute("UPDATE \"user\" SET email = 'another@example.com'")
    assert (await visitor.verify()).status_code == 400


@pytest.mark.parametrize("address", ["nobody@example.com", "grace@example.com", "no address at all"])
async def test_asking_again_says_nothing_about_who_has_an_account(
    grace: Person, visitor: Person, outbox: Outbox, address: str
) -> None:
    before = len(outbox.messages)
    answer = await visitor.post("/verify/resend", email=address)
    assert (answer.status_code, answer.json()) == (202, SAME_FOR_ALL)
    assert len(outbox.messages) == before, f"{grace.email} is verified, so there is nothing to send"
