"""The accounts at providers that a user can sign in with."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from litestar import Litestar

from tests.cast import ANOTHER_PASSWORD
from tests.cast import PASSWORD
from tests.cast import Clock
from tests.cast import Outbox
from tests.cast import Person
from tests.cast import Stage
from tests.credentials import kind
from tests.oauth.fake_network import ACCOUNTS
from tests.oauth.fake_network import FakeNetwork
from tests.oauth.fake_network import come_back
from tests.oauth.fake_network import leave
from tests.oauth.fake_network import link
from tests.oauth.fake_network import problem_of
from tests.oauth.fake_network import sign_in
from tests.oauth.fake_network import with_settings
from tests.racing import at_once
from tests.racing import statuses
from tests.tables import Tables

AUTHORIZE = "/oauth2-associate/oidc/authorize"
LED_HERE = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
]
OWN = [{}, {"Sec-Fetch-Site": "same-origin"}]


@pytest.fixture
async def without_password(stage: Stage, network: FakeNetwork) -> Person:
    """A user who came from a provider and has no password, signed in."""
    hopper = stage.person("hopper")
    assert (await sign_in(hopper, network)).status_code == 201
    return hopper


async def linked(person: Person) -> list[str]:
    """The ids of what is linked, oldest first."""
    answer = await person.get(ACCOUNTS)
    assert answer.status_code == 200
    return [account["id"] for account in answer.json()]


async def test_what_is_linked_is_listed_and_shows_no_secret(
    signed_in: Person, network: FakeNetwork, outbox: Outbox, tables: Tables
) -> None:
    answer = await link(signed_in, network, email="grace@another.example", subject="number 1")
    assert answer.status_code == 200
    assert answer.json().keys() == {"id", "provider", "email", "created_at"}
    assert (await signed_in.get(ACCOUNTS)).json() == [answer.json()]
    assert (answer.json()["provider"], answer.json()["email"]) == ("oidc", "grace@another.example")
    assert "Another way to sign in" in outbox.to(signed_in)[-1]["Subject"]
    [row] = await tables.rows("oauth_account")
    assert (row["issuer"], row["account_id"], row["access_token"]) == ("https://provider.example", "number 1", "")
    trail = await tables.rows("audit_event")
    [entry] = [row for row in trail if row["kind"] == "provider.linked"]
    assert (entry["actor_id"], entry["target_id"], entry["after"]) == (
        row["user_id"],
        row["user_id"],
        {"provider": "oidc"},
    )


@pytest.mark.checklist("G05", "G07")
@pytest.mark.parametrize("address", ["not verified", "missing"])
async def test_linking_asks_for_no_address(signed_in: Person, network: FakeNetwork, address: str) -> None:
    assert (await link(signed_in, network, address=address)).status_code == 200
    assert (await signed_in.get("/users/me")).json()["email"] == signed_in.email


@pytest.mark.checklist("G09")
async def test_linking_and_unlinking_need_a_fresh_sign_in(
    signed_in: Person, network: FakeNetwork, clock: Clock
) -> None:
    await link(signed_in, network)
    [account] = await linked(signed_in)
    clock.advance(timedelta(minutes=10))
    stale = (403, "reauthentication-required")
    assert problem_of(await signed_in.get(AUTHORIZE)) == stale
    assert problem_of(await signed_in.client.delete(f"{ACCOUNTS}/{account}")) == stale
    assert await linked(signed_in) == [account]
    assert (await signed_in.post("/reauthenticate", password=PASSWORD)).status_code == 204
    assert (await signed_in.get(AUTHORIZE)).status_code == 200
    assert (await signed_in.client.delete(f"{ACCOUNTS}/{account}")).status_code == 204
    assert await linked(signed_in) == []


@pytest.mark.checklist("G09")
@pytest.mark.parametrize("path", [AUTHORIZE, ACCOUNTS])
async def test_strangers_link_nothing(visitor: Person, path: str) -> None:
    assert problem_of(await visitor.get(path)) == (401, "not-authenticated")


@pytest.mark.checklist("G01", "G09")
@pytest.mark.parametrize("headers", LED_HERE, ids=str)
async def test_a_link_elsewhere_begins_no_linking(signed_in: Person, headers: dict[str, str], tables: Tables) -> None:
    answer = await signed_in.client.get(AUTHORIZE, params={"redirect": "1"}, headers=headers)
    assert problem_of(answer) == (403, "cross-site-request")
    assert await tables.rows("oauth_state") == []


@pytest.mark.parametrize("headers", OWN, ids=str)
async def test_our_own_pages_and_programs_begin_it(signed_in: Person, headers: dict[str, str]) -> None:
    assert (await signed_in.client.get(AUTHORIZE, headers=headers)).status_code == 200


async def test_pages_that_are_named_begin_it_too(app: Litestar, signed_in: Person, tables: Tables) -> None:
    origin = "https://app.example"
    with with_settings(app, cors_origins=(origin,)):
        headers = {"Origin": origin, "Sec-Fetch-Site": "same-site"}
        assert (await signed_in.client.get(AUTHORIZE, headers=headers)).status_code == 200
    assert len(await tables.rows("oauth_state")) == 1


@pytest.mark.checklist("G01")
async def test_the_callback_knows_its_caller_by_the_state_and_the_cookie(
    signed_in: Person, mallory: Person, network: FakeNetwork, tables: Tables
) -> None:
    # Grace started it; mallory, signed in to another account in another browser, gets the callback URL.
    back = await network.consent(await leave(signed_in, AUTHORIZE))
    await mallory.sign_in()
    assert problem_of(await mallory.get(back)) == (400, "invalid-state")
    # A browser on its way back from another site adds no header by itself.
    signed_in.client.headers.pop("Authorization", None)
    assert (await signed_in.get(back)).status_code == 200
    [account] = await tables.rows("oauth_account")
    users = {row["id"]: row["email"] for row in await tables.rows("user")}
    assert users[account["user_id"]] == signed_in.email


@pytest.mark.checklist("G02")
@pytest.mark.parametrize("end", ["sign out", "expire", "deactivate"])
async def test_linking_ends_with_the_sign_in_that_it_was_begun_in(
    signed_in: Person, network: FakeNetwork, tables: Tables, end: str
) -> None:
    back = await network.consent(await leave(signed_in, AUTHORIZE))
    cookies = dict(signed_in.client.cookies)
    if end == "sign out":
        await signed_in.sign_out()
    elif end == "expire":
        await tables.execute("UPDATE user_session SET expires_at = now() - interval '1 second'")
    else:
        await tables.execute('UPDATE "user" SET is_active = false')
    # What the browser was told to forget, and nothing twice.
    signed_in.client.cookies.update({name: cookies[name] for name in cookies.keys() - signed_in.client.cookies.keys()})
    expected = (400, "invalid-state") if end == "sign out" else (401, "not-authenticated")
    assert problem_of(await signed_in.get(back)) == expected
    assert await tables.rows("oauth_account") == []


@pytest.mark.checklist("D12", "G09")
@pytest.mark.parametrize(
    ("path", "passwords"),
    [
        ("/reauthenticate", {"password": PASSWORD}),
        ("/users/me/password", {"current_password": PASSWORD, "new_password": ANOTHER_PASSWORD}),
    ],
)
async def test_a_copy_of_credentials_that_were_replaced_finishes_no_linking(  # noqa: PLR0913, PLR0917  # fixtures
    signed_in: Person, stage: Stage, network: FakeNetwork, tables: Tables, path: str, passwords: dict[str, str]
) -> None:
    thief, held = stage.copy_of(signed_in), kind.held(signed_in.client)
    back = await network.consent(await leave(thief, AUTHORIZE), email="mallory@evil.example")
    assert (await signed_in.post(path, **passwords)).status_code == 204
    # Not every kind of credentials replaces them.
    is_replaced = kind.held(signed_in.client) != held
    answer = await come_back(thief, back)
    assert answer.status_code == (400 if is_replaced else 200)
    assert len(await tables.rows("oauth_account")) == (0 if is_replaced else 1)
    assert (await link(signed_in, network, "google")).status_code == 200


@pytest.mark.checklist("G09")
async def test_the_last_way_in_stays(without_password: Person, network: FakeNetwork) -> None:
    [only] = await linked(without_password)
    assert problem_of(await without_password.client.delete(f"{ACCOUNTS}/{only}")) == (409, "last-way-in")
    await link(without_password, network, "google")
    first, second = await linked(without_password)
    assert (await without_password.client.delete(f"{ACCOUNTS}/{first}")).status_code == 204
    # That was what this sign-in was made with.
    assert (await sign_in(without_password, network, "google")).status_code == 201
    assert problem_of(await without_password.client.delete(f"{ACCOUNTS}/{second}")) == (409, "last-way-in")
    assert (await without_password.client.put("/users/me/password", json={"new_password": PASSWORD})).status_code == 204
    assert (await without_password.client.delete(f"{ACCOUNTS}/{second}")).status_code == 204
    assert (await without_password.sign_in()).status_code == 201


@pytest.mark.checklist("G09")
async def test_a_provider_that_is_not_offered_any_more_is_no_way_in(
    without_password: Person, network: FakeNetwork, tables: Tables
) -> None:
    await link(without_password, network, "google")
    await tables.execute("UPDATE oauth_account SET oauth_name = 'former' WHERE oauth_name = 'google'")
    first, _ = await linked(without_password)
    assert problem_of(await without_password.client.delete(f"{ACCOUNTS}/{first}")) == (409, "last-way-in")


@pytest.mark.checklist("G09")
@pytest.mark.parametrize("attempt", range(3))
async def test_two_requests_at_once_do_not_remove_the_last_two_ways_in(
    without_password: Person, network: FakeNetwork, tables: Tables, attempt: int
) -> None:
    await link(without_password, network, "google")
    await tables.execute("UPDATE user_session SET oauth_account_id = NULL")
    accounts = await linked(without_password)
    answers = await asyncio.gather(
        *(without_password.client.delete(f"{ACCOUNTS}/{account}") for account in accounts[:: -1 if attempt % 2 else 1])
    )
    assert sorted(answer.status_code for answer in answers) == [204, 409]
    assert len(await linked(without_password)) == 1


@pytest.mark.checklist("H08")
async def test_an_account_is_unlinked_once(
    signed_in: Person, network: FakeNetwork, tables: Tables, outbox: Outbox
) -> None:
    account_id, mails = (await link(signed_in, network)).json()["id"], len(outbox.messages)
    answers = await at_once(tables, *(signed_in.client.delete(f"{ACCOUNTS}/{account_id}") for _ in range(8)))
    assert statuses(answers) == [204] + [404] * 7
    assert (len(await tables.trail("provider.unlinked")), len(outbox.messages) - mails) == (1, 1)


@pytest.mark.checklist("H08")
async def test_unlinking_from_an_account_that_is_deleted_meanwhile_is_no_error_of_ours(
    signed_in: Person, network: FakeNetwork, tables: Tables
) -> None:
    path = f"{ACCOUNTS}/{(await link(signed_in, network)).json()['id']}"
    async with tables.holding('DELETE FROM "user"'):
        answer = asyncio.ensure_future(signed_in.client.delete(path))
    assert (await answer).status_code == 401


@pytest.mark.checklist("G09")
async def test_accounts_of_other_users_cannot_be_unlinked(
    signed_in: Person, mallory: Person, network: FakeNetwork, tables: Tables
) -> None:
    await link(signed_in, network)
    [account] = await linked(signed_in)
    await mallory.sign_in()
    for account_id in (account, uuid4()):
        assert problem_of(await mallory.client.delete(f"{ACCOUNTS}/{account_id}")) == (404, "not-found")
    assert await linked(mallory) == []
    assert len(await tables.rows("oauth_account")) == 1


async def test_an_unlinked_account_signs_no_one_in_and_its_owner_is_told(
    signed_in: Person, stage: Stage, network: FakeNetwork, outbox: Outbox, tables: Tables
) -> None:
    await link(signed_in, network)
    [account] = await linked(signed_in)
    assert (await signed_in.client.delete(f"{ACCOUNTS}/{account}")).status_code == 204
    assert "was removed" in outbox.to(signed_in)[-1]["Subject"]
    elsewhere = stage.person("grace", "198.51.100.7")
    assert problem_of(await sign_in(elsewhere, network)) == (409, "link-required")
    assert (await signed_in.get("/users/me")).status_code == 200
    kinds = await tables.kinds()
    assert "provider.unlinked" in kinds


async def test_the_export_shows_what_is_linked_and_no_secret(signed_in: Person, network: FakeNetwork) -> None:
    await link(signed_in, network, subject="number 1")
    export = (await signed_in.get("/users/me/export")).json()
    [account] = export["oauth_account"]
    assert (account["oauth_name"], account["account_id"]) == ("oidc", "number 1")
    assert not {"access_token", "refresh_token"} & account.keys()
