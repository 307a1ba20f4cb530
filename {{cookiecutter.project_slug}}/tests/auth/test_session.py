"""Session cookies."""

from hashlib import sha256

import pytest

from tests.cast import ANOTHER_PASSWORD
from tests.cast import PASSWORD
from tests.cast import Person
from tests.cast import Stage
from tests.tables import Tables

COOKIE = "__Host-session"


@pytest.mark.checklist("E07")
async def test_the_answer_is_the_user_and_a_cookie_for_this_host_alone(grace: Person) -> None:
    answer = await grace.sign_in()
    assert answer.json()["email"] == grace.email
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith(COOKIE.lower())
    for attribute in ("httponly", "secure", "samesite=lax", "path=/"):
        assert attribute in cookie
    assert "domain" not in cookie


@pytest.mark.checklist("E01")
async def test_an_id_that_the_caller_brought_is_never_adopted(grace: Person) -> None:
    grace.client.cookies.set(COOKIE, "chosen-by-an-attacker", domain="service.example")
    answer = await grace.post("/login", email=grace.email, password=grace.password)
    assert "chosen-by-an-attacker" not in answer.headers["set-cookie"]
    grace.client.cookies.clear()
    grace.client.cookies.set(COOKIE, "chosen-by-an-attacker")
    assert (await grace.get("/users/me")).status_code == 401


@pytest.mark.checklist("E07")
@pytest.mark.parametrize("second", ["planted", "", None])
async def test_of_two_cookies_of_a_name_neither_counts_and_neither_is_expired(
    grace: Person, stage: Stage, second: str | None
) -> None:
    await grace.sign_in()
    own, browser = grace.client.cookies[COOKIE], stage.person("grace").client
    for pair in (f"{COOKIE}={own}; {COOKIE}={second or own}", f"{COOKIE}={second or own};{COOKIE} = {own}"):
        answer = await browser.get("/users/me", headers={"Cookie": pair})
        assert (answer.status_code, answer.headers.get("set-cookie")) == (401, None)
    answer = await browser.get("/users/me", headers=[("Cookie", f"{COOKIE}={own}"), ("Cookie", f"{COOKIE}={own}")])
    assert (answer.status_code, answer.headers.get("set-cookie")) == (401, None)
    answer = await browser.get("/users/me", headers={"Cookie": f"other=1; {COOKIE}={own}; another={own}"})
    assert answer.status_code == 200


@pytest.mark.checklist("E07")
@pytest.mark.parametrize("character", [b"\xa0", b"\x85", b"\x1f", b"\x0b"])
async def test_a_name_that_only_looks_like_ours_is_not_ours(grace: Person, stage: Stage, character: bytes) -> None:
    await grace.sign_in()
    own, browser = grace.client.cookies[COOKIE].encode(), stage.person("grace").client
    planted = character + COOKIE.encode() + b"=" + own
    answer = await browser.get("/users/me", headers=[(b"Cookie", planted)])
    assert (answer.status_code, answer.headers.get("set-cookie")) == (401, None)
    answer = await browser.get("/users/me", headers=[(b"Cookie", planted + b"; " + COOKIE.encode() + b"=" + own)])
    assert answer.status_code == 200


@pytest.mark.checklist("E03")
async def test_each_sign_in_has_an_id_of_its_own(grace: Person) -> None:
    ids = set()
    for _ in range(3):
        await grace.sign_in()
        ids.add(grace.client.cookies[COOKIE])
    assert len(ids) == 3
    assert all(len(value) >= 43 for value in ids), "256 random bits"


@pytest.mark.checklist("E03")
async def test_the_table_holds_the_digest_alone(grace: Person, tables: Tables) -> None:
    await grace.sign_in()
    secret = grace.client.cookies[COOKIE]
    [row] = await tables.rows("user_session")
    assert row["secret_digest"] == sha256(secret.encode()).digest()
    assert secret not in str(row)


async def test_signing_out_makes_the_browser_forget(grace: Person) -> None:
    await grace.sign_in()
    cookie = (await grace.sign_out()).headers["set-cookie"].lower()
    assert cookie.startswith(COOKIE.lower())
    assert "max-age=0" in cookie


@pytest.mark.checklist("E09")
async def test_a_bearer_header_opens_nothing(grace: Person) -> None:
    await grace.sign_in()
    secret = grace.client.cookies[COOKIE]
    grace.client.cookies.clear()
    answer = await grace.client.get("/users/me", headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 401


@pytest.mark.checklist("E01")
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/reauthenticate", {"password": PASSWORD}),
        ("/users/me/password", {"current_password": PASSWORD, "new_password": ANOTHER_PASSWORD}),
    ],
)
async def test_the_cookie_changes_with_every_proof(
    grace: Person, stage: Stage, tables: Tables, path: str, body: dict[str, str]
) -> None:
    await grace.sign_in()
    before = grace.client.cookies[COOKIE]
    [row] = await tables.rows("user_session")
    assert (await grace.post(path, **body)).status_code == 204
    assert grace.client.cookies[COOKIE] != before
    assert (await grace.get("/users/me")).status_code == 200
    old = stage.person("grace")
    assert (await old.client.get("/users/me", headers={"Cookie": f"{COOKIE}={before}"})).status_code == 401
    [rotated] = await tables.rows("user_session")
    assert (rotated["id"], rotated["created_at"]) == (row["id"], row["created_at"])
