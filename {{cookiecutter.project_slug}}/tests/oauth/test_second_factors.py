"""A provider is one step: an account with a factor is asked for it as well."""

from datetime import timedelta
from urllib.parse import parse_qs
from urllib.parse import urlsplit

import pytest
from litestar import Litestar

from app.auth import credentials
from tests.cast import Clock
from tests.cast import Person
from tests.cast import Stage
from tests.credentials import kind
from tests.factors.authenticator import Authenticator
from tests.factors.steps import add_passkey
from tests.factors.steps import add_totp
from tests.factors.steps import amr_of
from tests.factors.steps import code_of
from tests.factors.steps import second_step
from tests.factors.steps import sign_in_by_passkey
from tests.factors.steps import type_of
from tests.oauth.fake_network import FakeNetwork
from tests.oauth.fake_network import come_back
from tests.oauth.fake_network import leave
from tests.oauth.fake_network import query_of
from tests.oauth.fake_network import sign_in
from tests.oauth.fake_network import with_settings
from tests.tables import Tables

ARE_IN_COOKIES = credentials.SignedInDTO is not None


@pytest.fixture
async def hopper(stage: Stage, network: FakeNetwork) -> Person:
    """A user who came from a provider and has no password, signed in."""
    hopper = stage.person("hopper")
    assert (await sign_in(hopper, network)).status_code == 201
    return hopper


@pytest.mark.checklist("K14", "K12")
async def test_a_provider_leads_to_the_second_step(hopper: Person, network: FakeNetwork, tables: Tables) -> None:
    assert await amr_of(hopper) == []
    secret, _ = await add_totp(hopper)
    assert await amr_of(hopper) == ["otp", "mfa"]
    rows = len(await tables.rows("user_session"))
    answer = await sign_in(hopper, network)
    assert answer.status_code == 202
    assert answer.json()["factors"] == ["totp", "recovery_code"]
    assert len(answer.json()["challenge"]) <= 1024
    assert len(await tables.rows("user_session")) == rows
    answer = await second_step(hopper, answer.json()["challenge"], totp=code_of(secret))
    assert answer.status_code == 201, answer.text
    assert await amr_of(hopper) == ["otp", "mfa"]
    made_with = {row["oauth_account_id"] for row in await tables.rows("user_session")}
    assert made_with == {row["id"] for row in await tables.rows("oauth_account")}


@pytest.mark.checklist("K14")
async def test_a_redirect_carries_the_challenge_in_its_fragment(
    hopper: Person, network: FakeNetwork, app: Litestar
) -> None:
    secret, _ = await add_totp(hopper)
    with with_settings(app, oauth_return_url="https://app.example/signed-in?tab=1"):
        answer = await sign_in(hopper, network)
    url = urlsplit(answer.headers["Location"])
    if ARE_IN_COOKIES:
        assert url.query == "tab=1"
        challenge = parse_qs(url.fragment)["challenge"][0]
    else:
        assert not url.fragment
        exchanged = await hopper.post("/oauth2/exchange", code=query_of(answer.headers["Location"])["code"])
        assert exchanged.status_code == 202
        challenge = exchanged.json()["challenge"]
    assert (await second_step(hopper, challenge, totp=code_of(secret))).status_code == 201


@pytest.mark.checklist("K14", "K05")
async def test_a_round_trip_makes_no_account_with_a_factor_recent_by_itself(
    hopper: Person, network: FakeNetwork, clock: Clock
) -> None:
    secret, _ = await add_totp(hopper)
    clock.advance(timedelta(minutes=11))
    await kind.keep_up(hopper.client)
    there = (await hopper.client.post("/reauthenticate/oidc")).json()["authorization_url"]
    answer = await come_back(hopper, await network.consent(there, email=hopper.email))
    assert answer.status_code == 202
    assert type_of(await hopper.get("/users/me/export")) == (403, "reauthentication-required")
    challenge = answer.json()["challenge"]
    assert type_of(await second_step(hopper, challenge, totp=code_of(secret))) == (400, "invalid-challenge")
    wrong = await hopper.post("/reauthenticate", challenge=challenge, totp="00000x")
    assert type_of(wrong) == (400, "invalid-factor")
    right = await hopper.post("/reauthenticate", challenge=challenge, totp=code_of(secret))
    assert right.status_code == 204, right.text
    assert (await hopper.get("/users/me/export")).status_code == 200
    assert await amr_of(hopper) == ["otp", "mfa"]


@pytest.mark.checklist("K14", "G09")
async def test_unlinking_ends_half_a_sign_in_through_the_provider(
    hopper: Person, network: FakeNetwork, stage: Stage
) -> None:
    device = Authenticator()
    await add_passkey(hopper, device)
    secret, _ = await add_totp(hopper)
    elsewhere = stage.person("hopper")
    begun = await come_back(elsewhere, await network.consent(await leave(elsewhere), email=hopper.email))
    await sign_in_by_passkey(hopper, device)
    [linked] = (await hopper.get("/users/me/oauth-accounts")).json()
    # The passkey is another way in.
    assert (await hopper.client.delete(f"/users/me/oauth-accounts/{linked['id']}")).status_code == 204
    answer = await second_step(elsewhere, begun.json()["challenge"], totp=code_of(secret))
    assert type_of(answer) == (400, "invalid-challenge")
    assert (await hopper.get("/users/me/sessions")).json()[0]["current"]


@pytest.mark.checklist("K14", "G10")
async def test_the_challenge_takes_the_place_of_another_fragment(hopper: Person, network: FakeNetwork) -> None:
    await add_totp(hopper)
    there = await leave(hopper, next="/dashboard#top")
    answer = await come_back(hopper, await network.consent(there, email=hopper.email))
    if ARE_IN_COOKIES:
        assert [*parse_qs(urlsplit(answer.headers["Location"]).fragment)] == ["challenge"]
