"""Signing out says where to end the provider's session, and the end of a session there ends the sign-ins here."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from httpx import Response
from litestar import Litestar

from app.oauth.doctor_checks import documents
from app.settings import Settings
from app.settings.findings import Level
from tests.cast import BASE_URL
from tests.cast import Clock
from tests.cast import Person
from tests.cast import Stage
from tests.oauth.fake_network import FakeNetwork
from tests.oauth.fake_network import link
from tests.oauth.fake_network import problem_of
from tests.oauth.fake_network import query_of
from tests.oauth.fake_network import sign_in
from tests.oauth.fake_network import with_settings
from tests.oauth.test_redirects import ARE_IN_COOKIES
from tests.oauth.test_redirects import code_of
from tests.oauth.test_redirects import redeem
from tests.other_services import another_stage
from tests.provider.fault_switches import AnswerFault
from tests.provider.fault_switches import Endpoint
from tests.provider.logout import EVENT
from tests.provider.logout import logout_token
from tests.tables import Tables

BACKCHANNEL = "/oauth2/oidc/backchannel-logout"
HEADER = "End-Session-Url"
PAGE = "https://app.example/signed-out"


async def end(visitor: Person, token: str, provider: str = "oidc") -> Response:
    """Say as a provider does that a session has ended."""
    return await visitor.client.post(f"/oauth2/{provider}/backchannel-logout", data={"logout_token": token})


async def signed_in(stage: Stage, network: FakeNetwork, name: str = "hopper", session: str | None = None) -> Person:
    """A person who signs in with the provider, in a session there."""
    person = stage.person(name)
    network.oidc.more_claims = {"sid": session} if session else {}
    assert (await sign_in(person, network, subject=name)).status_code == 201
    return person


async def status_of(*people: Person) -> list[int]:
    """Whether they are signed in."""
    return [(await person.get("/users/me")).status_code for person in people]


@pytest.mark.checklist("G14")
async def test_signing_out_says_where_to_end_the_session_of_the_provider(stage: Stage, network: FakeNetwork) -> None:
    hopper = await signed_in(stage, network)
    answer = await hopper.sign_out()
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers[HEADER] == f"{BASE_URL}/oauth2/oidc/logout"
    there = await hopper.get("/oauth2/oidc/logout")
    assert (there.status_code, there.headers["Location"]) == (
        302,
        "https://provider.example/end-session?client_id=this-service",
    )


@pytest.mark.checklist("G14")
async def test_a_page_that_is_registered_there_is_where_users_go_afterwards(
    app: Litestar, visitor: Person, network: FakeNetwork
) -> None:
    network.oidc.signed_out_pages = (PAGE,)
    network.oidc.more_metadata = {"end_session_endpoint": "https://provider.example/end-session?policy=one"}
    with with_settings(app, oauth_signed_out_url=PAGE):
        there = (await visitor.get("/oauth2/oidc/logout?post_logout_redirect_uri=https://evil.example")).headers[
            "Location"
        ]
    assert query_of(there) == {"policy": "one", "client_id": "this-service", "post_logout_redirect_uri": PAGE}
    request = httpx.Request("GET", there)
    assert (await network.handle_async_request(request)).headers["Location"] == PAGE


async def test_signing_out_of_a_password_leads_to_no_provider(grace: Person, network: FakeNetwork) -> None:
    await grace.sign_in()
    await link(grace, network)
    assert HEADER not in (await grace.sign_out()).headers


@pytest.mark.parametrize("endpoint", [..., None, 5, "http://provider.example/end", "javascript:alert(1)"])
async def test_a_provider_that_ends_no_sessions_is_not_named(
    app: Litestar, stage: Stage, network: FakeNetwork, endpoint: object
) -> None:
    network.oidc.more_metadata = {"end_session_endpoint": endpoint}
    hopper = await signed_in(stage, network)
    answer = await hopper.sign_out()
    assert (answer.status_code, HEADER in answer.headers) == (204, False)
    for page in (None, PAGE):
        with with_settings(app, oauth_signed_out_url=page):
            assert (await hopper.get("/oauth2/oidc/logout")).headers["Location"] == (page or f"{BASE_URL}/")


async def test_github_ends_no_sessions(stage: Stage, network: FakeNetwork) -> None:
    hopper = stage.person("hopper")
    assert (await sign_in(hopper, network, "github")).status_code in {201, 400}
    assert problem_of(await hopper.get("/oauth2/github/logout")) == (404, "not-found")
    assert problem_of(await end(hopper, "a", "github")) == (404, "not-found")


@pytest.mark.checklist("G11", "G14")
async def test_a_provider_that_is_away_keeps_nobody_signed_in(stage: Stage, network: FakeNetwork) -> None:
    hopper = await signed_in(stage, network)
    network.oidc.answer_faults = {Endpoint.METADATA: AnswerFault.BROKEN}
    assert (await hopper.sign_out()).status_code == 204
    assert await status_of(hopper) == [401]


@pytest.mark.checklist("G11")
async def test_a_provider_that_was_never_read_and_is_away_leads_to_the_service(
    visitor: Person, network: FakeNetwork
) -> None:
    network.oidc.answer_faults = {Endpoint.METADATA: AnswerFault.BROKEN}
    assert (await visitor.get("/oauth2/oidc/logout")).headers["Location"] == f"{BASE_URL}/"


async def test_pages_of_other_origins_may_read_where(settings: Settings, network: FakeNetwork) -> None:
    async with another_stage(settings, cors_origins=("https://app.example",)) as stage:
        hopper = await signed_in(stage, network)
        hopper.client.headers["Origin"] = "https://app.example"
        answer = await hopper.sign_out()
        assert HEADER in answer.headers["Access-Control-Expose-Headers"]


@pytest.mark.checklist("G14")
async def test_the_end_of_a_session_there_ends_the_sign_ins_made_with_it(
    stage: Stage, network: FakeNetwork, visitor: Person, tables: Tables
) -> None:
    desk, phone = await signed_in(stage, network, session="one"), await signed_in(stage, network, session="two")
    other = await signed_in(stage, network, "judy", "one of judy")
    answer = await end(visitor, logout_token(network.oidc, sid="one"))
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Cache-Control"] == "no-store"
    assert await status_of(desk, phone, other) == [401, 200, 200]
    ended = [row for row in await tables.rows("audit_event") if row["kind"] == "sign-in.ended"]
    assert [row["actor_id"] for row in ended] == [None]


@pytest.mark.checklist("G14")
@pytest.mark.parametrize(
    ("claims", "statuses"),
    [
        ({"sub": "hopper"}, [401, 401, 200]),
        ({"sub": "hopper", "sid": "two"}, [200, 401, 200]),
        ({"sub": "judy", "sid": "two"}, [200, 200, 200]),
        ({"sub": "nobody"}, [200, 200, 200]),
        ({"sid": "unknown"}, [200, 200, 200]),
    ],
    ids=str,
)
async def test_a_subject_a_session_or_both_say_which(
    stage: Stage, network: FakeNetwork, visitor: Person, claims: dict[str, Any], statuses: list[int]
) -> None:
    desk, phone = await signed_in(stage, network, session="one"), await signed_in(stage, network, session="two")
    other = await signed_in(stage, network, "judy")
    assert (await end(visitor, logout_token(network.oidc, **claims))).status_code == 200
    assert await status_of(desk, phone, other) == statuses


@pytest.mark.checklist("G14")
async def test_sign_ins_with_a_password_stay(grace: Person, network: FakeNetwork, visitor: Person) -> None:
    await grace.sign_in()
    await link(grace, network, subject="1")
    assert (await end(visitor, logout_token(network.oidc, sub="1"))).status_code == 200
    assert await status_of(grace) == [200]


@pytest.mark.checklist("G12", "G14")
async def test_a_provider_ends_no_sign_ins_of_another(stage: Stage, network: FakeNetwork, visitor: Person) -> None:
    hopper = await signed_in(stage, network, session="one")
    network.google.key_name = network.oidc.key_name
    assert (await end(visitor, logout_token(network.google, sub="hopper", sid="one"), "google")).status_code == 200
    assert problem_of(await end(visitor, logout_token(network.oidc, sub="hopper"), "google"))[0] == 400
    assert await status_of(hopper) == [200]


@pytest.mark.skipif(ARE_IN_COOKIES, reason="There are no codes.")
@pytest.mark.checklist("G14")
async def test_a_code_that_was_not_exchanged_ends_too(
    app: Litestar, stage: Stage, network: FakeNetwork, visitor: Person
) -> None:
    network.oidc.more_claims = {"sid": "one"}
    with with_settings(app, oauth_return_url=PAGE):
        late, quick = stage.person("hopper"), stage.person("hopper")
        code = await code_of(late, network)
        await redeem(quick, await code_of(quick, network))
        assert await status_of(quick) == [200]
        assert (await end(visitor, logout_token(network.oidc, sid="one"))).status_code == 200
        assert problem_of(await redeem(late, code)) == (400, "invalid-code")
        assert await status_of(quick) == [401]


REFUSED: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://another.example"},
    "another client": {"aud": "another-client"},
    "no client": {"aud": ...},
    "no time": {"iat": ...},
    "a time in words": {"iat": "now"},
    "no name": {"jti": ...},
    "an empty name": {"jti": ""},
    "a number for a name": {"jti": 5},
    "no event": {"events": ...},
    "another event": {"events": {"http://schemas.openid.net/event/other": {}}},
    "an event in a list": {"events": [EVENT]},
    "an event in words": {"events": {EVENT: "yes"}},
    "a nonce": {"nonce": "abc"},
    "an empty nonce": {"nonce": None},
    "neither subject nor session": {"sub": ...},
    "empty subject and session": {"sub": "", "sid": ""},
    "a session that is a number": {"sid": 5},
    "a subject that is a list": {"sub": ["hopper"]},
    "another kind of token": {"header": {"typ": "at+jwt"}},
    "a key that is not shown": {"header": {"kid": "unknown"}},
}


@pytest.mark.checklist("G04", "G14")
@pytest.mark.parametrize("changes", REFUSED.values(), ids=[*REFUSED])
async def test_a_logout_token_that_breaks_a_rule_ends_nothing(
    stage: Stage, network: FakeNetwork, visitor: Person, changes: dict[str, Any]
) -> None:
    hopper = await signed_in(stage, network, session="one")
    token = logout_token(network.oidc, **{"sub": "hopper"} | changes)
    assert problem_of(await end(visitor, token)) == (400, "invalid-logout-token")
    assert await status_of(hopper) == [200]


@pytest.mark.checklist("G14")
@pytest.mark.parametrize(
    ("iat", "exp", "status"),
    [
        (0, 120, 200),
        (-590, ..., 200),
        (-590, 0, 200),
        (50, ..., 200),
        (-601, ..., 400),
        (-601, 120, 400),
        (70, 120, 400),
        (-120, -61, 400),
        (0, "later", 400),
    ],
)
async def test_a_logout_token_counts_for_ten_minutes(  # noqa: PLR0913, PLR0917  # who acts, and what it is tried with
    network: FakeNetwork, visitor: Person, clock: Clock, iat: int, exp: Any, status: int
) -> None:
    clock.advance(timedelta(days=1))
    now = int(network.oidc.now().timestamp())
    times: dict[str, Any] = {"iat": now + iat, "exp": now + exp if isinstance(exp, int) else exp}
    assert (await end(visitor, logout_token(network.oidc, sub="hopper", **times))).status_code == status


@pytest.mark.checklist("G14")
@pytest.mark.parametrize("kind_of_token", ["JWT", "logout+jwt", "application/logout+jwt", "LOGOUT+JWT", ...], ids=str)
async def test_a_logout_token_may_say_what_it_is(network: FakeNetwork, visitor: Person, kind_of_token: Any) -> None:
    token = logout_token(network.oidc, header={"typ": kind_of_token}, sub="hopper")
    assert (await end(visitor, token)).status_code == 200


@pytest.mark.checklist("G14")
async def test_a_logout_token_counts_once(stage: Stage, network: FakeNetwork, visitor: Person, clock: Clock) -> None:
    token = logout_token(network.oidc, sub="hopper", exp=...)
    answers = await asyncio.gather(*(end(visitor, token) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]
    hopper = await signed_in(stage, network)
    for _ in range(8):
        clock.advance(timedelta(minutes=1, seconds=25))
        assert problem_of(await end(visitor, token)) == (400, "invalid-logout-token")
    assert await status_of(hopper) == [200]


@pytest.mark.checklist("G14")
async def test_a_sign_in_that_a_code_is_exchanged_for_meanwhile_ends_too(
    stage: Stage, network: FakeNetwork, visitor: Person, tables: Tables
) -> None:
    await signed_in(stage, network, session="one")
    # As an exchange does: the row of the code goes, and another one of the same session comes.
    exchanged = """
        WITH locked AS (UPDATE "user" SET display_name = display_name),
        code AS (DELETE FROM user_session RETURNING *)
        INSERT INTO user_session (id, user_id, oauth_account_id, oauth_sid_digest, secret_digest, expires_at)
        SELECT gen_random_uuid(), user_id, oauth_account_id, oauth_sid_digest, 'another secret', expires_at FROM code
    """
    async with tables.holding(exchanged):
        answer = asyncio.create_task(end(visitor, logout_token(network.oidc, sid="one")))
    assert (await answer).status_code == 200
    assert await tables.rows("user_session") == []


@pytest.mark.checklist("G04", "G14")
async def test_an_id_token_is_no_logout_token_and_a_logout_token_no_id_token(
    stage: Stage, network: FakeNetwork, visitor: Person
) -> None:
    hopper = await signed_in(stage, network, session="one")
    [grant] = network.oidc.tokens.values()
    id_token = network.oidc.id_token(grant)
    assert problem_of(await end(visitor, id_token or "")) == (400, "invalid-logout-token")
    assert await status_of(hopper) == [200]
    network.oidc.more_tokens = {"id_token": logout_token(network.oidc, sub="hopper")}
    assert problem_of(await sign_in(visitor, network, subject="hopper")) == (400, "invalid-identity")


@pytest.mark.checklist("G13", "G14")
async def test_a_new_key_signs_the_next_logout_token(
    stage: Stage, network: FakeNetwork, visitor: Person, clock: Clock
) -> None:
    hopper = await signed_in(stage, network, session="one")
    clock.advance(timedelta(minutes=2))
    network.oidc.key_name = "second"
    assert (await end(visitor, logout_token(network.oidc, sid="one"))).status_code == 200
    assert await status_of(hopper) == [401]


@pytest.mark.checklist("G11", "G14")
async def test_without_keys_the_provider_is_told_that_it_failed(network: FakeNetwork, visitor: Person) -> None:
    network.oidc.answer_faults = {Endpoint.KEYS: AnswerFault.BROKEN}
    assert problem_of(await end(visitor, logout_token(network.oidc, sub="a"))) == (502, "provider-failed")


@pytest.mark.checklist("I13", "G14")
@pytest.mark.parametrize("token", ["", "a", "a.b.c", "e30.e30.e30", "a" * 16_385, "\x00", "\u20ac"])
async def test_what_is_no_token_is_refused_in_bounded_size(visitor: Person, network: FakeNetwork, token: str) -> None:
    answer = await end(visitor, token)
    assert answer.status_code == 400
    is_long = len(token) > 16_384
    assert problem_of(answer)[1] == ("invalid-request" if is_long else "invalid-logout-token")
    # A token that is too long is not read at all.
    assert bool(network.asked) is not is_long


@pytest.mark.checklist("E08")
@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}], ids=str)
async def test_no_page_ends_sign_ins_with_a_token(
    visitor: Person, network: FakeNetwork, headers: dict[str, str]
) -> None:
    answer = await visitor.client.post(
        BACKCHANNEL, data={"logout_token": logout_token(network.oidc, sub="a")}, headers=headers
    )
    assert problem_of(answer) == (403, "cross-site-request")


@pytest.mark.checklist("G14")
async def test_the_session_of_an_id_token_counts_and_no_other(
    stage: Stage, network: FakeNetwork, visitor: Person
) -> None:
    network.oidc.more_claims, network.oidc.more_userinfo = {"sid": "one"}, {"sid": "two"}
    hopper = stage.person("hopper")
    assert (await sign_in(hopper, network, subject="hopper", address="only told when asked for")).status_code == 201
    await end(visitor, logout_token(network.oidc, sid="two"))
    assert await status_of(hopper) == [200]
    await end(visitor, logout_token(network.oidc, sid="one"))
    assert await status_of(hopper) == [401]


@pytest.mark.parametrize("session", [5, None, "", "a" * 100_000, "a\x00b", ["a"]], ids=lambda each: str(each)[:9])
async def test_an_odd_name_of_a_session_keeps_nobody_from_signing_in(
    visitor: Person, network: FakeNetwork, session: object
) -> None:
    network.oidc.more_claims = {"sid": session}
    assert (await sign_in(visitor, network)).status_code == 201


async def test_the_doctor_says_where_a_provider_reports_the_end_of_sessions(
    settings: Settings, network: FakeNetwork
) -> None:
    network.oidc.more_metadata = {"backchannel_logout_supported": True}
    findings = [finding async for finding in documents(settings) if finding.about == "OAUTH_OIDC_ISSUER"]
    assert [finding.level for finding in findings] == [Level.OK] * 2
    assert findings[1].says.endswith(f" Register there: {BASE_URL}{BACKCHANNEL}")
