"""Unlinking an account at a provider ends the sign-ins that were made with it."""

import asyncio
from typing import Any

import pytest

from app.oauth.account_linking import MAX_LINKED
from tests.cast import PASSWORD
from tests.cast import Outbox
from tests.cast import Person
from tests.cast import Stage
from tests.cast import text_of
from tests.credentials import kind
from tests.oauth.fake_network import ACCOUNTS
from tests.oauth.fake_network import FakeNetwork
from tests.oauth.fake_network import come_back
from tests.oauth.fake_network import leave
from tests.oauth.fake_network import link
from tests.oauth.fake_network import problem_of
from tests.oauth.fake_network import query_of
from tests.oauth.fake_network import sign_in
from tests.tables import Tables

MANY = """
    INSERT INTO oauth_account (id, user_id, oauth_name, issuer, account_id, account_email, access_token)
    SELECT gen_random_uuid(), id, 'oidc', 'https://provider.example', number, email, ''
    FROM "user", generate_series(1, {count}) number
"""


async def unlink(person: Person, provider: str = "oidc") -> Any:
    """Unlink the account at this provider."""
    [account] = [each["id"] for each in (await person.get(ACCOUNTS)).json() if each["provider"] == provider]
    return await person.client.delete(f"{ACCOUNTS}/{account}")


@pytest.fixture
async def elsewhere(signed_in: Person, stage: Stage, network: FakeNetwork) -> Person:
    """Grace on another device, signed in with a provider that she has linked at the first."""
    elsewhere = stage.person("grace", "198.51.100.7")
    assert (await link(signed_in, network, subject="number 1")).status_code == 200
    assert (await sign_in(elsewhere, network, subject="number 1")).status_code == 201
    return elsewhere


@pytest.mark.checklist("E13")
async def test_sign_ins_made_with_it_end_and_others_stay(
    signed_in: Person, elsewhere: Person, stage: Stage, network: FakeNetwork, tables: Tables
) -> None:
    at_google = stage.person("grace", "198.51.100.8")
    await link(signed_in, network, "google", subject="number 2")
    await sign_in(at_google, network, "google", subject="number 2")
    answer = await unlink(signed_in)
    assert (answer.status_code, answer.headers.get_list("set-cookie")) == (204, [])
    assert "Clear-Site-Data" not in answer.headers
    assert (await elsewhere.get("/users/me")).status_code == 401
    for person in (signed_in, at_google):
        assert (await person.get("/users/me")).status_code == 200
    assert (await tables.kinds()).count("sign-in.ended") == 1
    assert (await tables.kinds()).count("provider.unlinked") == 1


@pytest.mark.checklist("E13")
async def test_the_sign_in_that_unlinks_its_own_provider_ends_too(elsewhere: Person, tables: Tables) -> None:
    answer = await unlink(elsewhere)
    assert answer.status_code == 204
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert len(answer.headers.get_list("set-cookie")) == len(getattr(kind, "COOKIES", ()))
    assert (await elsewhere.get("/users/me")).status_code == 401
    assert (await tables.kinds()).count("sign-in.ended") == 1


@pytest.mark.checklist("E13")
async def test_a_sign_up_is_a_sign_in_made_with_the_provider(stage: Stage, network: FakeNetwork) -> None:
    hopper, elsewhere = stage.person("hopper"), stage.person("hopper", "198.51.100.7")
    await sign_in(hopper, network)
    assert (await hopper.client.put("/users/me/password", json={"new_password": PASSWORD})).status_code == 204
    await elsewhere.sign_in()
    assert (await unlink(elsewhere)).status_code == 204
    assert (await hopper.get("/users/me")).status_code == 401
    assert (await elsewhere.get("/users/me")).status_code == 200


@pytest.mark.checklist("E13")
async def test_showing_who_one_is_at_a_provider_ties_no_sign_in_to_it(
    signed_in: Person, elsewhere: Person, network: FakeNetwork
) -> None:
    answer = await signed_in.client.post("/reauthenticate/oidc")
    back = await network.consent(answer.json()["authorization_url"], email=signed_in.email, subject="number 1")
    assert (await come_back(signed_in, back)).status_code == 204
    assert (await unlink(signed_in)).status_code == 204
    assert (await signed_in.get("/users/me")).status_code == 200
    assert (await elsewhere.get("/users/me")).status_code == 401


@pytest.mark.checklist("E13")
@pytest.mark.usefixtures("elsewhere")
async def test_the_owner_is_told_what_has_ended(signed_in: Person, outbox: Outbox) -> None:
    await unlink(signed_in)
    [message] = [mail for mail in outbox.to(signed_in) if "was removed" in mail["Subject"]]
    assert "every device that had signed in with it was signed out" in " ".join(text_of(message).split())


@pytest.mark.checklist("E01")
async def test_coming_back_from_a_provider_ends_the_sign_in_of_this_browser(
    signed_in: Person, stage: Stage, network: FakeNetwork, tables: Tables
) -> None:
    copy = stage.copy_of(signed_in)
    back = await network.consent(await leave(signed_in), email="hopper@example.com")
    assert (await come_back(signed_in, back)).status_code == 201
    assert (await signed_in.get("/users/me")).json()["email"] == "hopper@example.com"
    assert (await copy.get("/users/me")).status_code == 401
    assert (await tables.kinds()).count("sign-in.ended") == 1


@pytest.mark.checklist("E01")
async def test_coming_back_in_vain_ends_nothing(signed_in: Person, network: FakeNetwork, tables: Tables) -> None:
    back = await network.consent(await leave(signed_in), email=signed_in.email)
    assert problem_of(await come_back(signed_in, back)) == (409, "link-required")
    assert (await signed_in.get("/users/me")).status_code == 200
    assert "sign-in.ended" not in await tables.kinds()


@pytest.mark.checklist("G09")
async def test_a_user_links_few_accounts(signed_in: Person, network: FakeNetwork, tables: Tables) -> None:
    await tables.execute(MANY.format(count=MAX_LINKED - 1))
    assert (await link(signed_in, network, subject="the last")).status_code == 200
    assert problem_of(await link(signed_in, network, subject="one more")) == (409, "too-many-linked")
    assert (await link(signed_in, network, subject="the last")).status_code == 200, "it is linked already"
    assert len((await signed_in.get(ACCOUNTS)).json()) == MAX_LINKED


@pytest.mark.checklist("G09")
async def test_two_requests_at_once_do_not_both_link_the_last_account(
    signed_in: Person, network: FakeNetwork, tables: Tables
) -> None:
    await tables.execute(MANY.format(count=MAX_LINKED - 1))
    path = "/oauth2-associate/oidc/authorize"
    addresses = [await leave(signed_in, path) for _ in range(2)]
    backs = [await network.consent(each, email=signed_in.email, subject=query_of(each)["state"]) for each in addresses]
    async with tables.changing('SELECT id FROM "user" FOR UPDATE'):
        both = asyncio.gather(*(signed_in.get(back) for back in backs))
        await tables.somebody_waits(2)
    answers = await both
    assert sorted(answer.status_code for answer in answers) == [200, 409]
