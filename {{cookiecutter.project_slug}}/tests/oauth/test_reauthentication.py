"""What stands in for a password: showing it at a provider, and setting one where there is none."""

import asyncio
from datetime import timedelta

import pytest

from tests.cast import ANOTHER_PASSWORD
from tests.cast import GUESSABLE
from tests.cast import PASSWORD
from tests.cast import Clock
from tests.cast import Outbox
from tests.cast import Person
from tests.cast import Stage
from tests.credentials import kind
from tests.oauth.fake_network import FakeNetwork
from tests.oauth.fake_network import come_back
from tests.oauth.fake_network import link
from tests.oauth.fake_network import problem_of
from tests.oauth.fake_network import query_of
from tests.oauth.fake_network import sign_in
from tests.provider.fault_switches import TokenFault
from tests.tables import Tables

PATH = "/reauthenticate/oidc"
STALE = (403, "reauthentication-required")


@pytest.fixture
async def hopper(stage: Stage, network: FakeNetwork) -> Person:
    """A user who came from a provider and has no password, signed in."""
    hopper = stage.person("hopper")
    assert (await sign_in(hopper, network)).status_code == 201
    return hopper


async def go(person: Person, path: str = PATH) -> str:
    """Ask to show it at a provider; the address of its page."""
    answer = await person.client.post(path)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["authorization_url"])


async def put_password(person: Person, password: str = PASSWORD) -> int:
    """Set a password; the status."""
    return (await person.client.put("/users/me/password", json={"new_password": password})).status_code


@pytest.mark.checklist("D10")
async def test_a_round_trip_makes_a_sign_in_fresh(
    hopper: Person, network: FakeNetwork, clock: Clock, tables: Tables
) -> None:
    clock.advance(timedelta(minutes=10))
    assert problem_of(await hopper.get("/users/me/export")) == STALE
    answer = await come_back(hopper, await network.consent(await go(hopper), email=hopper.email))
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await hopper.get("/users/me/export")).status_code == 200
    clock.advance(timedelta(minutes=10))
    await kind.keep_up(hopper.client)
    assert problem_of(await hopper.get("/users/me/export")) == STALE
    assert "provider.asked-again" in await tables.kinds()


@pytest.mark.checklist("E01")
async def test_the_sign_in_has_other_credentials_afterwards(
    hopper: Person, stage: Stage, network: FakeNetwork, tables: Tables, clock: Clock
) -> None:
    thief = stage.person("mallory")
    kind.copy(hopper.client, thief.client)
    [before] = await tables.rows("user_session")
    await come_back(hopper, await network.consent(await go(hopper), email=hopper.email))
    [after] = await tables.rows("user_session")
    assert (await hopper.get("/users/me")).status_code == 200
    # Clients keep bearer tokens themselves: an attacker can plant none, and the response has no room for new ones.
    if "Authorization" not in hopper.client.headers:
        assert (before["id"] == after["id"], before["secret_digest"] != after["secret_digest"]) == (True, True)
        clock.advance(timedelta(seconds=10))
        assert (await thief.get("/users/me")).status_code == 401


async def test_the_provider_is_told_to_ask_again(hopper: Person, network: FakeNetwork) -> None:
    query = query_of(await go(hopper))
    assert (query["prompt"], query["max_age"]) == ("login", "60")
    await link(hopper, network, "google")
    await link(hopper, network, "github")
    for provider in ("google", "github"):
        assert query_of(await go(hopper, f"/reauthenticate/{provider}"))["prompt"] == "select_account"


@pytest.mark.checklist("D10", "G04")
@pytest.mark.parametrize("fault", [TokenFault.NOT_AGAIN, TokenFault.NO_AUTH_TIME])
async def test_a_provider_that_has_not_asked_again_does_not_count(
    hopper: Person, network: FakeNetwork, clock: Clock, fault: TokenFault
) -> None:
    clock.advance(timedelta(minutes=10))
    back = await network.consent(await go(hopper), email=hopper.email, token_fault=fault)
    assert problem_of(await come_back(hopper, back)) == (400, "invalid-identity")
    assert problem_of(await hopper.get("/users/me/export")) == STALE


@pytest.mark.checklist("D10", "G04")
@pytest.mark.parametrize(("seconds", "status"), [(0, 204), (60, 204), (115, 204), (125, 400), (3600, 400)])
async def test_a_sign_in_at_the_provider_counts_if_it_is_about_a_minute_old_at_most(
    hopper: Person, network: FakeNetwork, seconds: int, status: int
) -> None:
    network.oidc.signs_in_again_after = seconds
    back = await network.consent(await go(hopper), email=hopper.email)
    assert (await come_back(hopper, back)).status_code == status


@pytest.mark.checklist("D10", "G04")
async def test_another_account_at_the_provider_does_not_count(
    hopper: Person, mallory: Person, network: FakeNetwork, clock: Clock
) -> None:
    await mallory.sign_in()
    await link(mallory, network, subject="mallory")
    clock.advance(timedelta(minutes=10))
    for subject in ("mallory", "unknown"):
        back = await network.consent(await go(hopper), email=hopper.email, subject=subject)
        assert problem_of(await come_back(hopper, back)) == (403, "not-linked")
    assert problem_of(await hopper.get("/users/me/export")) == STALE


@pytest.mark.checklist("G02")
async def test_an_answer_to_one_question_is_none_to_another(
    hopper: Person, network: FakeNetwork, tables: Tables
) -> None:
    back = await network.consent(await go(hopper), email="another@example.com", subject="another")
    moved = back.replace("/oauth2/", "/oauth2-associate/")
    assert problem_of(await hopper.get(moved)) == (400, "invalid-state")
    assert len(await tables.rows("oauth_account")) == 1


@pytest.mark.checklist("G01")
async def test_it_counts_in_the_browser_that_was_sent_there(
    hopper: Person, visitor: Person, network: FakeNetwork
) -> None:
    back = await network.consent(await go(hopper), email=hopper.email)
    assert problem_of(await visitor.get(back)) == (400, "invalid-state")


async def test_it_ends_with_the_sign_in(hopper: Person, network: FakeNetwork, tables: Tables) -> None:
    back = await network.consent(await go(hopper), email=hopper.email)
    await tables.execute("UPDATE user_session SET last_seen_at = now() - interval '8 days'")
    assert problem_of(await hopper.get(back)) == (401, "not-authenticated")


async def test_strangers_have_nothing_to_show(visitor: Person) -> None:
    assert problem_of(await visitor.client.post(PATH)) == (401, "not-authenticated")


@pytest.mark.checklist("D07")
async def test_a_user_without_a_password_sets_one_and_other_devices_are_signed_out(
    hopper: Person, stage: Stage, network: FakeNetwork, outbox: Outbox
) -> None:
    elsewhere = stage.person("hopper", "198.51.100.7")
    await sign_in(elsewhere, network)
    assert await put_password(hopper) == 204
    assert (await hopper.get("/users/me")).status_code == 200
    assert (await elsewhere.get("/users/me")).status_code == 401
    assert "was changed" in outbox.to(hopper)[-1]["Subject"]
    assert (await elsewhere.sign_in()).status_code == 201


@pytest.mark.checklist("D07")
async def test_setting_a_password_needs_a_fresh_sign_in(hopper: Person, clock: Clock, tables: Tables) -> None:
    clock.advance(timedelta(minutes=10))
    assert await put_password(hopper) == 403
    [user] = await tables.rows("user")
    assert user["password_hash"] == "!"


@pytest.mark.checklist("D07")
async def test_a_user_with_a_password_needs_it_to_change_it(grace: Person) -> None:
    await grace.sign_in()
    answer = await grace.client.put("/users/me/password", json={"new_password": ANOTHER_PASSWORD})
    assert problem_of(answer) == (409, "conflict")
    assert "POST /users/me/password" in answer.json()["detail"]
    assert (await grace.sign_in()).status_code == 201


@pytest.mark.checklist("D07")
async def test_there_is_no_present_password_to_be_guessed(hopper: Person, tables: Tables) -> None:
    for current in ("", "!", PASSWORD):
        answer = await hopper.post("/users/me/password", current_password=current, new_password=PASSWORD)
        assert problem_of(answer) == (400, "invalid-request")
    [user] = await tables.rows("user")
    assert user["password_hash"] == "!"


@pytest.mark.checklist("D07")
async def test_of_two_requests_at_once_one_sets_the_password(hopper: Person) -> None:
    statuses = await asyncio.gather(put_password(hopper), put_password(hopper, ANOTHER_PASSWORD))
    # The later one was not fresh, found a password, or presented what the first had replaced.
    assert sorted(statuses) in ([204, 409], [204, 401], [204, 403])


@pytest.mark.checklist("C03")
@pytest.mark.parametrize("password", ["short", "my name is hopper, hello", "x" * 129, *GUESSABLE])
async def test_a_first_password_keeps_the_rules(hopper: Person, password: str) -> None:
    answer = await hopper.client.put("/users/me/password", json={"new_password": password})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "new_password")
