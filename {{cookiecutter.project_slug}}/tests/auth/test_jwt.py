"""Bearer tokens: the pair, how it is presented, and how it is renewed."""

from base64 import urlsafe_b64encode

import pytest
from httpx import Response

from tests.cast import Person
from tests.tables import Tables


async def renew(person: Person, token: str) -> Response:
    """Trade a refresh token for a new pair."""
    return await person.post("/refresh", refresh_token=token)


async def test_the_answer_is_a_pair_of_tokens(grace: Person) -> None:
    pair = (await grace.sign_in()).json()
    assert pair.keys() == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert (pair["token_type"], pair["expires_in"]) == ("bearer", 900)


async def test_no_cookie_is_set(grace: Person) -> None:
    await grace.sign_in()
    assert not grace.client.cookies


@pytest.mark.checklist("E09")
@pytest.mark.parametrize("scheme", ["", "Basic ", "Token ", "JWT "])
async def test_only_a_bearer_header_opens_the_account(grace: Person, scheme: str) -> None:
    token = (await grace.sign_in()).json()["access_token"]
    assert (await grace.client.get("/users/me", headers={"Authorization": f"bearer {token}"})).status_code == 200
    assert (await grace.client.get("/users/me", headers={"Authorization": scheme + token})).status_code == 401


@pytest.mark.checklist("F01")
async def test_a_refresh_token_opens_nothing_and_an_access_token_renews_nothing(grace: Person) -> None:
    pair = (await grace.sign_in()).json()
    presented = {"Authorization": f"Bearer {pair['refresh_token']}"}
    assert (await grace.client.get("/users/me", headers=presented)).status_code == 401
    assert (await renew(grace, pair["access_token"][:256])).status_code == 401


@pytest.mark.checklist("F06")
async def test_a_refresh_token_is_traded_for_a_new_pair(grace: Person) -> None:
    first = (await grace.sign_in()).json()
    answer = await renew(grace, first["refresh_token"])
    second = answer.json()
    assert answer.status_code == 200
    assert second["refresh_token"] != first["refresh_token"]
    grace.client.headers["Authorization"] = f"Bearer {second['access_token']}"
    assert (await grace.get("/users/me")).status_code == 200


@pytest.mark.checklist("F06")
async def test_a_forged_token_ends_no_sign_in(grace: Person, tables: Tables) -> None:
    token = (await grace.sign_in()).json()["refresh_token"]
    [row] = await tables.rows("user_session")
    made_up = urlsafe_b64encode(row["id"].bytes + bytes(50)).decode()
    assert len(made_up) == len(token)
    assert (await renew(grace, made_up)).status_code == 401
    assert (await grace.get("/users/me")).status_code == 200
    assert (await renew(grace, token)).status_code == 200


@pytest.mark.checklist("F02")
@pytest.mark.parametrize("token", ["", "A", "not base64!", "A" * 64, "A" * 256, "é"])
async def test_what_is_no_token_is_refused(grace: Person, token: str) -> None:
    await grace.sign_in()
    assert (await renew(grace, token)).status_code == 401
    assert (await grace.get("/users/me")).status_code == 200
