"""Cookies that open nothing any more: a refusal expires them, and nothing else does."""

from datetime import timedelta

import pytest
from httpx import Response

from app.settings import Settings
from tests.cast import PASSWORD
from tests.cast import Clock
from tests.cast import Person
from tests.cast import Stage
from tests.credentials import kind
from tests.other_services import DATABASE_AWAY
from tests.other_services import another_stage
from tests.tables import Tables

ENDS = {
    "ended": "DELETE FROM user_session",
    "expired": "UPDATE user_session SET expires_at = now() - interval '1 second'",
    "unused": "UPDATE user_session SET last_seen_at = now() - interval '8 days'",
    "removed user": 'DELETE FROM "user"',
}


def set_cookies(answer: Response) -> list[str]:
    """What an answer says about cookies."""
    return list(answer.headers.get_list("set-cookie"))


@pytest.mark.checklist("E06", "E10")
@pytest.mark.parametrize(("method", "path"), [("GET", "/users/me"), ("POST", "/logout"), ("DELETE", "/users/me")])
@pytest.mark.parametrize("end", ENDS)
async def test_a_refusal_expires_what_is_over(
    signed_in: Person, tables: Tables, end: str, method: str, path: str
) -> None:
    await tables.execute(ENDS[end])
    answer = await signed_in.client.request(method, path)
    assert answer.status_code == 401
    assert set_cookies(answer) == kind.EXPIRED_BY_A_REFUSAL
    # The browser has dropped it, so there is nothing left to expire.
    assert set_cookies(await signed_in.get("/users/me")) == []


@pytest.mark.checklist("E06", "E10")
@pytest.mark.parametrize("value", ["", "made-up", "a.b.c", "é", '"quoted"'])
async def test_a_refusal_expires_what_was_made_up(visitor: Person, value: str) -> None:
    kind.make_up(visitor.client, value)
    answer = await visitor.get("/users/me")
    assert (answer.status_code, set_cookies(answer)) == (401, kind.EXPIRED_BY_A_REFUSAL)


@pytest.mark.checklist("E06")
async def test_other_answers_expire_nothing(signed_in: Person, tables: Tables) -> None:
    await tables.execute("UPDATE user_session SET authenticated_at = authenticated_at - interval '1 hour'")
    stale = await signed_in.get("/users/me/export")
    wrong = await signed_in.post("/login", email=signed_in.email, password="not her password")
    from_elsewhere = await signed_in.client.post("/logout", headers={"Origin": "https://evil.example"})
    await tables.execute("DELETE FROM user_session")
    nowhere, public = await signed_in.get("/nowhere"), await signed_in.get("/health")
    answers = [stale, wrong, from_elsewhere, nowhere, public]
    assert [answer.status_code for answer in answers] == [403, 401, 403, 404, 200]
    assert [set_cookies(answer) for answer in answers] == [[]] * 5


@pytest.mark.checklist("E06", "I03")
async def test_an_outage_expires_nothing(signed_in: Person, settings: Settings) -> None:
    async with another_stage(settings, **DATABASE_AWAY) as stage:
        answer = await stage.copy_of(signed_in).get("/users/me")
    assert (answer.status_code, set_cookies(answer)) == (503, [])


@pytest.mark.checklist("E01", "E06")
async def test_a_request_that_a_proof_overtakes_does_not_expire_the_new_cookie(
    signed_in: Person, stage: Stage, clock: Clock
) -> None:
    tab = stage.copy_of(signed_in)
    assert (await signed_in.post("/reauthenticate", password=PASSWORD)).status_code == 204
    clock.advance(timedelta(seconds=9))
    assert set_cookies(await tab.get("/users/me")) == []
    clock.advance(timedelta(seconds=1))
    late = await tab.get("/users/me")
    assert set_cookies(late) == (kind.EXPIRED_BY_A_REFUSAL if late.status_code == 401 else [])
    assert (await signed_in.get("/users/me")).status_code == 200
