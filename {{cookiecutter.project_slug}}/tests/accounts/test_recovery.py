"""Forgotten passwords."""

import asyncio
import time
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.cast import ANOTHER_PASSWORD
from tests.cast import Clock
from tests.cast import Outbox
from tests.cast import Person
from tests.cast import Stage
from tests.cast import text_of
from tests.tables import Tables

SAME_FOR_ALL = {"detail": "If this address can receive mail from us, instructions are on the way."}


@pytest.mark.checklist("D04")
async def test_the_link_sets_a_new_password_and_tells_the_owner(grace: Person, outbox: Outbox) -> None:
    await grace.post("/forgot-password", email=grace.email)
    answer = await grace.post("/reset-password", token=outbox.token_for(grace), password=ANOTHER_PASSWORD)
    assert (answer.status_code, answer.content) == (204, b"")
    assert "was changed" in outbox.to(grace)[-1]["Subject"]
    assert (await grace.sign_in()).status_code == 401
    grace.password = ANOTHER_PASSWORD
    assert (await grace.sign_in()).status_code == 201


@pytest.mark.checklist("D04")
async def test_a_reset_does_not_sign_in_and_signs_everybody_out(grace: Person, outbox: Outbox) -> None:
    await grace.sign_in()
    await grace.post("/forgot-password", email=grace.email)
    await grace.post("/reset-password", token=outbox.token_for(grace), password=ANOTHER_PASSWORD)
    assert (await grace.get("/users/me")).status_code == 401


@pytest.mark.checklist("B02")
@pytest.mark.usefixtures("grace")
@pytest.mark.parametrize("address", ["nobody@example.com", "grace@example.com", "no address at all"])
async def test_everybody_gets_the_same_answer(visitor: Person, address: str) -> None:
    answer = await visitor.post("/forgot-password", email=address)
    assert (answer.status_code, answer.json()) == (202, SAME_FOR_ALL)


@pytest.mark.checklist("D01")
async def test_the_link_works_once(grace: Person, outbox: Outbox) -> None:
    await grace.post("/forgot-password", email=grace.email)
    token = outbox.token_for(grace)
    attempts = (grace.post("/reset-password", token=token, password=f"the password number {n}") for n in range(10))
    answers = await asyncio.gather(*attempts)
    assert sorted(answer.status_code for answer in answers) == [204] + [400] * 9
    [winner] = [number for number, answer in enumerate(answers) if answer.status_code == 204]
    grace.password = f"the password number {winner}"
    assert (await grace.sign_in()).status_code == 201


async def test_a_password_that_is_refused_does_not_use_up_the_link(grace: Person, outbox: Outbox) -> None:
    await grace.post("/forgot-password", email=grace.email)
    token = outbox.token_for(grace)
    assert (await grace.post("/reset-password", token=token, password="too short")).status_code == 400
    assert (await grace.post("/reset-password", token=token, password=ANOTHER_PASSWORD)).status_code == 204


@pytest.fixture
def far_away(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The machine's clock shows the time of a place that is most of a day ahead."""
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.checklist("D02")
@pytest.mark.usefixtures("far_away")
@pytest.mark.parametrize(("minutes", "status_code"), [(59, 204), (60, 400)])
async def test_the_hour_is_an_hour_in_every_time_zone(
    grace: Person, clock: Clock, outbox: Outbox, minutes: int, status_code: int
) -> None:
    await grace.post("/forgot-password", email=grace.email)
    clock.advance(timedelta(minutes=minutes))
    answer = await grace.post("/reset-password", token=outbox.token_for(grace), password=ANOTHER_PASSWORD)
    assert answer.status_code == status_code


@pytest.mark.checklist("D02")
@pytest.mark.parametrize("change", ["is_active = false", "email = 'another@example.com'"])
async def test_the_link_dies_with_what_it_was_made_for(
    grace: Person, tables: Tables, outbox: Outbox, change: str
) -> None:
    await grace.post("/forgot-password", email=grace.email)
    await tables.execute(f'UPDATE "user" SET {change}')  # noqa: S608  # written above
    answer = await grace.post("/reset-password", token=outbox.token_for(grace), password=ANOTHER_PASSWORD)
    assert answer.json()["type"] == "/problems/invalid-token"


async def test_a_link_for_one_purpose_is_worthless_for_another(visitor: Person, outbox: Outbox) -> None:
    await visitor.register()
    verification = outbox.token_for(visitor)
    assert (await visitor.post("/reset-password", token=verification, password=ANOTHER_PASSWORD)).status_code == 400
    await visitor.post("/forgot-password", email=visitor.email)
    assert (await visitor.post("/verify", token=outbox.token_for(visitor))).status_code == 400


@pytest.mark.checklist("D03")
async def test_the_tables_hold_no_token(grace: Person, tables: Tables, outbox: Outbox, stage: Stage) -> None:
    await grace.post("/forgot-password", email=grace.email)
    token = outbox.token_for(grace)
    stage.delivers = False
    await grace.post("/forgot-password", email=grace.email)
    dump = str([await tables.rows(name) for name in tables.names])
    assert "reset-password" in dump
    assert not any(part in dump for part in (token[:12], str(urlsafe_b64decode(f"{token}="))[2:-1]))


@pytest.mark.checklist("D06")
async def test_links_lead_to_the_base_url_whatever_the_host_header_says(grace: Person, outbox: Outbox) -> None:
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    await grace.client.post("/forgot-password", json={"email": grace.email}, headers=headers)
    text = text_of(outbox.to(grace)[-1])
    assert "https://service.example/reset-password?token=" in text
    assert "evil" not in text
