"""Tokens in cookies: what they look like, and how they are renewed."""

import asyncio
from base64 import urlsafe_b64encode
from datetime import timedelta

import pytest
from httpx import Response

from tests.auth.test_worthless_cookies import ENDS
from tests.cast import ANOTHER_PASSWORD
from tests.cast import PASSWORD
from tests.cast import Clock
from tests.cast import Person
from tests.cast import Stage
from tests.credentials import kind
from tests.tables import Tables

ACCESS = "__Host-access"
REFRESH = "__Secure-refresh"


async def renew(person: Person, token: str) -> Response:
    """Trade a refresh cookie for new ones."""
    person.client.cookies.clear()
    return await person.client.post("/refresh", headers={"Cookie": f"{REFRESH}={token}"})


async def read(person: Person, path: str, token: str) -> Response:
    """Present this access cookie alone."""
    return await person.client.get(path, headers={"Cookie": f"{ACCESS}={token}"})


@pytest.mark.checklist("E07")
async def test_the_answer_is_the_user_and_two_cookies(grace: Person) -> None:
    answer = await grace.sign_in()
    assert answer.json()["email"] == grace.email
    access, refresh = sorted(cookie.lower() for cookie in answer.headers.get_list("set-cookie"))
    assert access.startswith(ACCESS.lower())
    assert refresh.startswith(REFRESH.lower())
    for cookie in (access, refresh):
        assert "httponly" in cookie
        assert "secure" in cookie
        assert "domain" not in cookie
    assert "samesite=lax" in access
    assert "path=/;" in f"{access};"
    assert "samesite=strict" in refresh
    assert "path=/refresh" in refresh


@pytest.mark.checklist("E07")
@pytest.mark.parametrize("name", [ACCESS, REFRESH])
async def test_of_two_cookies_of_a_name_neither_counts_and_neither_is_expired(
    grace: Person, mallory: Person, name: str
) -> None:
    await grace.sign_in()
    await mallory.sign_in()
    own, planted = grace.client.cookies[name], mallory.client.cookies[name]
    grace.client.cookies.clear()
    method, path = ("GET", "/users/me") if name == ACCESS else ("POST", "/refresh")
    for pair in (f"{name}={own}; {name}={planted}", f"{name}={planted}; {name}={own}", f"{name}={own}; {name}={own}"):
        answer = await grace.client.request(method, path, headers={"Cookie": pair})
        assert (answer.status_code, answer.headers.get("set-cookie")) == (401, None)
    look_alike = b"\xa0" + f"{name}={own}".encode()
    answer = await grace.client.request(method, path, headers=[(b"Cookie", look_alike)])
    assert (answer.status_code, answer.headers.get("set-cookie")) == (401, None)
    answer = await grace.client.request(method, path, headers={"Cookie": f"a=b; {name}={own}; c=d"})
    assert answer.status_code == 200


@pytest.mark.checklist("E06", "E10")
@pytest.mark.parametrize("end", ["ended", "expired", "removed user", "made up", "replayed"])
async def test_a_refresh_that_is_refused_expires_both_cookies(
    grace: Person, tables: Tables, clock: Clock, end: str
) -> None:
    await grace.sign_in()
    token = grace.client.cookies[REFRESH]
    if end == "made up":
        token = "made-up"
    elif end == "replayed":
        for _ in range(2):
            await grace.client.post("/refresh")
        clock.advance(timedelta(seconds=10))
    else:
        await tables.execute(ENDS[end])
    answer = await renew(grace, token)
    assert answer.status_code == 401
    assert answer.headers.get_list("set-cookie") == [
        *kind.EXPIRED_BY_A_REFUSAL,
        f'{REFRESH}=""; HttpOnly; Max-Age=0; Path=/refresh; SameSite=strict; Secure',
    ]


@pytest.mark.checklist("E06")
async def test_an_access_cookie_that_is_over_leaves_the_refresh_cookie(grace: Person, clock: Clock) -> None:
    await grace.sign_in()
    clock.advance(timedelta(minutes=15))
    answer = await grace.client.post("/logout")
    assert (answer.status_code, answer.headers.get_list("set-cookie")) == (401, kind.EXPIRED_BY_A_REFUSAL)
    assert (await grace.client.post("/refresh")).status_code == 200
    assert (await grace.client.post("/logout")).status_code == 204


@pytest.mark.checklist("E06")
async def test_a_refresh_expires_no_cookie_that_was_not_there_or_may_be_new(grace: Person, stage: Stage) -> None:
    assert "set-cookie" not in (await grace.client.post("/refresh")).headers
    await grace.sign_in()
    tab = stage.copy_of(grace)
    await grace.post("/reauthenticate", password=PASSWORD)
    answer = await tab.client.post("/refresh")
    assert (answer.status_code, answer.headers.get("set-cookie")) == (401, None)
    assert (await grace.client.post("/refresh")).status_code == 200


@pytest.mark.checklist("E09")
async def test_the_cookie_alone_decides(grace: Person, visitor: Person) -> None:
    await grace.sign_in()
    token = grace.client.cookies[ACCESS]
    answer = await grace.client.get("/users/me", headers={"Authorization": "Bearer nonsense"})
    assert answer.status_code == 200
    answer = await visitor.client.get("/users/me", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401


@pytest.mark.checklist("F01")
async def test_a_refresh_token_opens_nothing_and_an_access_token_renews_nothing(grace: Person, stage: Stage) -> None:
    await grace.sign_in()
    access, refresh = grace.client.cookies[ACCESS], grace.client.cookies[REFRESH]
    other = stage.person("grace")
    assert (await other.client.get("/users/me", headers={"Cookie": f"{ACCESS}={refresh}"})).status_code == 401
    assert (await renew(other, access)).status_code == 401


@pytest.mark.checklist("F06")
async def test_the_refresh_cookie_is_traded_for_new_cookies(grace: Person) -> None:
    await grace.sign_in()
    first = grace.client.cookies[REFRESH]
    answer = await grace.client.post("/refresh")
    assert (answer.status_code, answer.json()) == (200, {"expires_in": 900})
    assert grace.client.cookies.get(REFRESH, domain="service.example") != first
    assert (await grace.get("/users/me")).status_code == 200


@pytest.mark.checklist("F06")
async def test_a_forged_token_ends_no_sign_in(grace: Person, stage: Stage, tables: Tables) -> None:
    await grace.sign_in()
    [row] = await tables.rows("user_session")
    made_up = urlsafe_b64encode(row["id"].bytes + bytes(50)).decode()
    assert len(made_up) == len(grace.client.cookies[REFRESH])
    assert (await renew(stage.person("mallory"), made_up)).status_code == 401
    assert (await grace.client.post("/refresh")).status_code == 200


@pytest.mark.checklist("F05")
async def test_signing_out_makes_the_browser_forget_both(grace: Person) -> None:
    await grace.sign_in()
    token = grace.client.cookies[REFRESH]
    cookies = (await grace.sign_out()).headers.get_list("set-cookie")
    assert len(cookies) == 2
    assert all("max-age=0" in cookie.lower() for cookie in cookies)
    assert (await renew(grace, token)).status_code == 401


@pytest.mark.checklist("F02")
@pytest.mark.parametrize("token", ["", "A", "A" * 64, "A" * 256, "a.b.c"])
async def test_what_is_no_token_is_refused(visitor: Person, token: str) -> None:
    assert (await renew(visitor, token)).status_code == 401
    assert (await visitor.client.get("/users/me", headers={"Cookie": f"{ACCESS}={token}"})).status_code == 401


@pytest.mark.checklist("E01")
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/reauthenticate", {"password": PASSWORD}),
        ("/users/me/password", {"current_password": PASSWORD, "new_password": ANOTHER_PASSWORD}),
    ],
)
async def test_both_cookies_change_with_every_proof(
    grace: Person, stage: Stage, clock: Clock, path: str, body: dict[str, str]
) -> None:
    await grace.sign_in()
    access, refresh = grace.client.cookies[ACCESS], grace.client.cookies[REFRESH]
    assert (await grace.post(path, **body)).status_code == 204
    assert (await grace.get("/users/me")).status_code == 200
    old = stage.person("grace")
    assert (await renew(old, refresh)).status_code == 401
    assert (await grace.client.post("/refresh")).status_code == 200
    clock.advance(timedelta(seconds=10))
    assert (await read(old, "/users/me", access)).status_code == 401


@pytest.mark.checklist("E01", "D10")
async def test_a_request_on_its_way_during_a_proof_still_arrives_and_is_not_fresh(
    grace: Person, stage: Stage, clock: Clock
) -> None:
    await grace.sign_in()
    former, tab = grace.client.cookies[ACCESS], stage.person("grace")
    clock.advance(timedelta(minutes=9))
    assert (await grace.post("/reauthenticate", password=PASSWORD)).status_code == 204
    assert (await grace.get("/users/me/export")).status_code == 200
    clock.advance(timedelta(seconds=9))
    assert (await read(tab, "/users/me", former)).status_code == 200
    answer = await read(tab, "/users/me/export", former)
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/reauthentication-required")
    clock.advance(timedelta(seconds=1))
    assert (await read(tab, "/users/me", former)).status_code == 401


@pytest.mark.checklist("E01")
async def test_an_access_cookie_from_before_a_proof_stays_worthless_after_a_refresh(
    grace: Person, stage: Stage, clock: Clock
) -> None:
    await grace.sign_in()
    former, thief = grace.client.cookies[ACCESS], stage.person("mallory")
    await grace.post("/reauthenticate", password=PASSWORD)
    clock.advance(timedelta(seconds=10))
    assert (await grace.client.post("/refresh")).status_code == 200
    assert (await read(thief, "/users/me", former)).status_code == 401


@pytest.mark.checklist("E01")
async def test_two_proofs_leave_nothing_of_the_first_access_cookie(grace: Person, stage: Stage) -> None:
    await grace.sign_in()
    first, thief = grace.client.cookies[ACCESS], stage.person("mallory")
    for _ in range(2):
        assert (await grace.post("/reauthenticate", password=PASSWORD)).status_code == 204
    assert (await read(thief, "/users/me", first)).status_code == 401


@pytest.mark.checklist("F06")
async def test_a_refresh_cookie_from_before_a_proof_ends_the_sign_in_once_nothing_is_on_its_way(
    grace: Person, stage: Stage, clock: Clock
) -> None:
    await grace.sign_in()
    former, thief = grace.client.cookies[REFRESH], stage.person("mallory")
    await grace.post("/reauthenticate", password=PASSWORD)
    clock.advance(timedelta(seconds=10))
    assert (await renew(thief, former)).status_code == 401
    assert (await grace.get("/users/me")).status_code == 401


async def test_of_two_proofs_at_once_one_counts_and_its_cookies_work(
    grace: Person, stage: Stage, tables: Tables
) -> None:
    await grace.sign_in()
    tab = stage.copy_of(grace)
    async with tables.changing("UPDATE user_session SET ip = ''"):
        proofs = asyncio.gather(*(each.post("/reauthenticate", password=PASSWORD) for each in (grace, tab)))
        await tables.somebody_waits(2)
    answers = await proofs
    assert sorted(answer.status_code for answer in answers) == [204, 401]
    winner = grace if answers[0].is_success else tab
    assert (await winner.client.post("/refresh")).status_code == 200
