"""Where a browser goes when it is back from a provider, and how a page gets the credentials."""

import asyncio
import json
from collections.abc import AsyncIterator
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import unquote
from urllib.parse import urlsplit

import pytest
from httpx import Response
from litestar import Litestar
from litestar import get

from app.auth import credentials
from app.auth.user_sessions import sha256_of
from app.oauth import exchange_codes
from app.oauth import redirects
from app.oauth.authorization_request import challenge_of
from app.oauth.errors import LinkRequired
from app.oauth.reauthentication_routes import FirstPassword
from app.oauth.routes import Code
from app.oauth.routes import exchange
from app.settings import Settings
from tests.cast import ANOTHER_PASSWORD
from tests.cast import BASE_URL
from tests.cast import PASSWORD
from tests.cast import Clock
from tests.cast import Person
from tests.cast import Stage
from tests.credentials import kind
from tests.oauth.fake_network import FakeNetwork
from tests.oauth.fake_network import come_back
from tests.oauth.fake_network import leave
from tests.oauth.fake_network import link
from tests.oauth.fake_network import problem_of
from tests.oauth.fake_network import query_of
from tests.oauth.fake_network import sign_in
from tests.oauth.fake_network import with_settings
from tests.other_services import another_stage
from tests.provider.fault_switches import AnswerFault
from tests.provider.fault_switches import Endpoint
from tests.tables import Tables

VERIFIER = "a secret of the page, of 43 characters and more"
PAGE = "https://app.example/signed-in?tab=1"
ARE_IN_COOKIES = credentials.SignedInDTO is not None
ELSEWHERE = [
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/%2Fevil.example",
    "/%5Cevil.example",
    "/%252Fevil.example",
    "/%25252525255Cevil.example",
    "/%2525252525C3%A9",
    "%2F%2Fevil.example",
    "%2F@evil.example",
    "%252F@evil.example",
    "%2f:1@evil.example",
    "%2Fdashboard",
    "/./%2F/evil.example",
    "/a/..//evil.example",
    "https://evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/%0a/evil.example",
    "/%00",
    "/a b",
    " /a",
    "/\u2044evil.example",
    "/\u202e",
    "@evil.example",
    ".evil.example",
    "?a=b",
    "/" + "a" * 1024,
]
HERE = [
    "/",
    "/dashboard",
    "/a/b.c?d=e%20f&g=//h#i",
    "/%C3%A9t%C3%A9",
    "/a%2Fb",
    "/a?next=https://evil.example",
    "/%25252525C3%A9",
    "/" + "a" * 1023,
]


def page_of(answer: Response) -> str:
    """Where a redirect leads."""
    assert answer.status_code == 302, answer.text
    return str(answer.headers["Location"])


async def redeem(person: Person, code: str, **secret: str) -> Response:
    """Trade a code for credentials, and present them."""
    answer = await person.post("/oauth2/exchange", code=code, **secret)
    if answer.status_code == 201:
        kind.present(person.client, answer)
    return answer


async def code_of(person: Person, network: FakeNetwork, **query: str) -> str:
    """A code, left on the page that the browser of this person was sent back to."""
    back = await network.consent(await leave(person, **query), email=person.email)
    return query_of(page_of(await come_back(person, back)))["code"]


@pytest.fixture
def with_page(app: Litestar, stage: Stage) -> Iterator[Stage]:
    """A service with a front end that people come back to."""
    with with_settings(app, oauth_return_url=PAGE):
        yield stage


@pytest.fixture
async def with_code(
    settings: Settings,
    tables: Tables,  # noqa: ARG001  # empties them
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Stage]:
    """The same, and its page gets a code to exchange, as where credentials are not cookies."""
    monkeypatch.setattr(exchange_codes, "ARE_IN_COOKIES", False)
    async with another_stage(settings, *([exchange] if ARE_IN_COOKIES else []), oauth_return_url=PAGE) as stage:
        yield stage


@pytest.mark.checklist("G10")
@pytest.mark.parametrize(
    ("method", "begin"),
    [
        ("GET", "/oauth2/oidc/authorize"),
        ("GET", "/oauth2-associate/oidc/authorize"),
        ("POST", "/reauthenticate/oidc"),
    ],
)
async def test_a_next_path_never_leads_to_another_host(grace: Person, tables: Tables, method: str, begin: str) -> None:
    await grace.sign_in()
    for path in ELSEWHERE:
        answer = await grace.client.request(method, begin, params={"next": path})
        assert (path, *problem_of(answer)) == (path, 400, "invalid-request")
        assert answer.json()["errors"][0]["field"] == "next"
        assert path not in answer.text
    assert await tables.rows("oauth_state") == []


@pytest.mark.checklist("I13")
@pytest.mark.parametrize("begin", ["/oauth2/oidc/authorize", "/oauth2-associate/oidc/authorize"])
async def test_a_path_that_is_too_long_is_refused_before_it_is_decoded(
    grace: Person, monkeypatch: pytest.MonkeyPatch, begin: str
) -> None:
    decoded: list[str] = []

    def count(path: str) -> str:
        decoded.append(path)
        return unquote(path)

    monkeypatch.setattr(redirects, "unquote", count)
    await grace.sign_in()
    for path, rounds in (("/" + "%25" * 5_000, 0), ("/%" + "25" * 500 + "41", redirects.MAX_DECODINGS + 1)):
        answer = await grace.client.get(begin, params={"next": path})
        assert (*problem_of(answer), answer.json()["errors"][0]["field"]) == (400, "invalid-request", "next")
        assert len(decoded) == rounds
        decoded.clear()


@pytest.mark.checklist("G10")
async def test_a_next_path_of_this_service_is_followed(visitor: Person, network: FakeNetwork) -> None:
    for path in HERE:
        back = await network.consent(await leave(visitor, next=path), email=visitor.email)
        page = urlsplit(page_of(await visitor.get(back)))
        assert page.geturl().startswith(f"{BASE_URL}/")
        assert (page.path, page.fragment) == (urlsplit(path).path, urlsplit(path).fragment)
        if ARE_IN_COOKIES:
            assert page.geturl() == f"{BASE_URL}{path}"
            assert (await visitor.get("/users/me")).status_code == 200


@get("/home", exclude_from_auth=True)
async def home() -> str:
    """A page of the owner."""
    return "home"


async def test_a_browser_without_next_goes_home_and_a_program_gets_the_answer(
    settings: Settings,
    tables: Tables,  # noqa: ARG001  # empties them
    network: FakeNetwork,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with another_stage(settings, home) as stage:
        for path, accepts, leads_to in (
            ("/home", "text/html,*/*;q=0.8", f"{BASE_URL}/home"),
            ("/home", "application/json", None),
            ("/missing", "text/html,*/*;q=0.8", None),
        ):
            monkeypatch.setattr(redirects, "HOME", path)
            visitor = stage.person("visitor")
            back = await network.consent(await leave(visitor), email=visitor.email)
            answer = await visitor.client.get(back, headers={"Accept": accepts})
            if leads_to is None:
                assert answer.status_code == 201
            else:
                assert page_of(answer).split("?")[0] == leads_to


@pytest.mark.checklist("G10")
async def test_callers_choose_neither_scopes_nor_host_nor_where_the_provider_sends_them(visitor: Person) -> None:
    plain = query_of(await leave(visitor))
    wishes = {"scope": "everything", "redirect_uri": "https://evil.example", "client_id": "evil", "prompt": "none"}
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    answer = await visitor.client.get("/oauth2/oidc/authorize", params=wishes, headers=headers)
    address = answer.json()["authorization_url"]
    wished = query_of(address)
    assert address.startswith("https://provider.example/authorize?")
    assert wished.keys() == plain.keys()
    for name in ("scope", "redirect_uri", "client_id"):
        assert wished[name] == plain[name]
    assert (wished["scope"], wished["redirect_uri"]) == ("openid email", f"{BASE_URL}/oauth2/oidc/callback")


async def test_a_plain_link_leads_to_the_provider(visitor: Person, network: FakeNetwork) -> None:
    answer = await visitor.client.get("/oauth2/oidc/authorize", params={"redirect": "1"})
    assert page_of(answer).startswith("https://provider.example/authorize?")
    assert (await visitor.get(await network.consent(page_of(answer)))).status_code == 201
    assert problem_of(await visitor.get("/oauth2/oidc/authorize?redirect=perhaps")) == (400, "invalid-request")


async def test_a_front_end_gets_people_back_with_their_credentials(with_page: Stage, network: FakeNetwork) -> None:
    grace = with_page.person("grace")
    page = page_of(await sign_in(grace, network))
    assert page.startswith(PAGE)
    if ARE_IN_COOKIES:
        assert page == PAGE
        assert not any("oauth" in name for name in grace.client.cookies)
    else:
        assert (await grace.get("/users/me")).status_code == 401
        answer = await redeem(grace, query_of(page)["code"])
        assert (answer.status_code, answer.headers["Cache-Control"]) == (201, "no-store")
    assert (await grace.get("/users/me")).json()["email"] == grace.email


async def test_an_app_gets_people_back_at_its_own_scheme(app: Litestar, stage: Stage, network: FakeNetwork) -> None:
    visitor = stage.person("visitor")
    with with_settings(app, oauth_return_url="com.example.app:/signed-in"):
        back = await network.consent(await leave(visitor, next="/a?b=c"), email=visitor.email)
        page = page_of(await come_back(visitor, back))
        assert page.partition("&code=")[0] == "com.example.app:/signed-in?next=%2Fa%3Fb%3Dc"
        cancelled = await network.consent(await leave(visitor), decision="no")
        answer = await visitor.client.get(cancelled, headers=HTML)
    assert page_of(answer) == "com.example.app:/signed-in?error=provider-refused"


async def test_a_front_end_is_told_where_people_wanted_to_go(with_page: Stage, network: FakeNetwork) -> None:
    grace = with_page.person("grace")
    page = page_of(await grace.get(await network.consent(await leave(grace, next="/a?b=c"))))
    assert page.startswith("https://app.example/signed-in?")
    assert (query_of(page)["tab"], query_of(page)["next"]) == ("1", "/a?b=c")


async def test_a_front_end_gets_people_back_from_linking_and_from_showing_who_they_are(
    with_page: Stage, network: FakeNetwork
) -> None:
    grace = await with_page.verified("grace")
    await grace.sign_in()
    assert page_of(await link(grace, network)) == PAGE
    address = (await grace.client.post("/reauthenticate/oidc")).json()["authorization_url"]
    assert page_of(await grace.get(await network.consent(address, email=grace.email))) == PAGE
    assert (await grace.get("/users/me/export")).status_code == 200


async def test_a_front_end_does_not_get_people_back_who_are_refused(with_page: Stage, network: FakeNetwork) -> None:
    grace = with_page.person("grace")
    assert problem_of(await sign_in(grace, network, token_fault="expired")) == (400, "invalid-identity")


def test_codes_are_traded_where_credentials_are_no_cookies(app: Litestar) -> None:
    assert ("/oauth2/exchange" in {route.path for route in app.routes}) is not ARE_IN_COOKIES


async def test_a_code_is_traded_for_credentials_once(with_code: Stage, network: FakeNetwork) -> None:
    grace = with_code.person("grace")
    code = await code_of(grace, network)
    assert (await redeem(grace, code)).status_code == 201
    assert (await grace.get("/users/me")).json()["email"] == grace.email
    assert problem_of(await grace.post("/oauth2/exchange", code=code)) == (400, "invalid-code")


async def test_parallel_trades_of_one_code_give_credentials_once(
    with_code: Stage, network: FakeNetwork, tables: Tables
) -> None:
    grace = with_code.person("grace")
    code = await code_of(grace, network)
    answers = await asyncio.gather(*(grace.post("/oauth2/exchange", code=code) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 400, 400, 400]
    assert len(await tables.rows("user_session")) == 1


@pytest.mark.parametrize(("seconds", "status"), [(55, 201), (60, 400)])
async def test_a_code_lives_for_a_minute(
    with_code: Stage, network: FakeNetwork, clock: Clock, seconds: int, status: int
) -> None:
    grace = with_code.person("grace")
    code = await code_of(grace, network)
    clock.advance(timedelta(seconds=seconds))
    assert (await redeem(grace, code)).status_code == status


@pytest.mark.checklist("G01")
async def test_a_code_that_was_asked_for_with_a_challenge_is_traded_with_its_secret(
    with_code: Stage, network: FakeNetwork
) -> None:
    grace = with_code.person("grace")
    code = await code_of(grace, network, code_challenge=challenge_of(VERIFIER))
    for wrong in ({}, {"code_verifier": "another"}, {"code_verifier": challenge_of(VERIFIER)}):
        assert problem_of(await grace.post("/oauth2/exchange", code=code, **wrong)) == (400, "invalid-code")
    assert (await redeem(grace, code, code_verifier=VERIFIER)).status_code == 201
    assert (await grace.get("/users/me")).json()["email"] == grace.email


@pytest.mark.checklist("G01")
async def test_a_page_that_sends_its_verifier_takes_no_planted_code(with_code: Stage, network: FakeNetwork) -> None:
    planted = await code_of(with_code.person("mallory"), network)
    answer = await with_code.person("grace").post("/oauth2/exchange", code=planted, code_verifier=VERIFIER)
    assert problem_of(answer) == (400, "invalid-code")


@pytest.mark.parametrize("challenge", ["a", "a" * 44, "a" * 42 + "=", "a" * 43 + "%0a", "%00" * 43])
async def test_what_is_no_challenge_is_refused(visitor: Person, challenge: str) -> None:
    answer = await visitor.get(f"/oauth2/oidc/authorize?code_challenge={challenge}")
    assert problem_of(answer) == (400, "invalid-request")


async def test_the_tables_hold_no_code(with_code: Stage, network: FakeNetwork, tables: Tables) -> None:
    code = await code_of(with_code.person("grace"), network)
    [row] = await tables.rows("user_session")
    assert code not in str(row)
    assert sha256_of(code.encode()) not in row.values()


@pytest.mark.parametrize("end", ["reset", "deactivate", "delete"])
async def test_a_code_dies_with_what_ends_sign_ins(
    with_code: Stage, network: FakeNetwork, tables: Tables, end: str
) -> None:
    grace = with_code.person("grace")
    await sign_in(grace, network)
    await grace.post("/forgot-password", email=grace.email)
    code = await code_of(grace, network)
    if end == "reset":
        token = with_code.outbox.token_for(grace)
        await grace.post("/reset-password", token=token, password=ANOTHER_PASSWORD)
    else:
        await tables.execute('DELETE FROM "user"' if end == "delete" else 'UPDATE "user" SET is_active = false')
    assert problem_of(await grace.post("/oauth2/exchange", code=code)) == (400, "invalid-code")


@pytest.mark.checklist("D12")
async def test_a_code_that_is_traded_while_sign_ins_end_leaves_none(
    with_code: Stage, network: FakeNetwork, tables: Tables
) -> None:
    grace = with_code.person("grace")
    code = await code_of(grace, network)
    reset = """
        WITH locked AS (UPDATE "user" SET password_hash = '!' RETURNING id)
        DELETE FROM user_session WHERE user_id IN (SELECT id FROM locked)
    """
    async with tables.holding(reset):
        trade = asyncio.create_task(grace.post("/oauth2/exchange", code=code))
    assert problem_of(await trade) == (400, "invalid-code")
    assert await tables.rows("user_session") == []


@pytest.mark.checklist("E01")
async def test_a_trade_ends_the_sign_in_that_is_presented_and_coming_back_alone_does_not(
    with_code: Stage, network: FakeNetwork, tables: Tables
) -> None:
    grace = await with_code.verified("grace")
    await grace.sign_in()
    back = await network.consent(await leave(grace), email="hopper@example.com")
    code = query_of(page_of(await come_back(grace, back)))["code"]
    assert (await grace.get("/users/me")).json()["email"] == grace.email
    copy = with_code.copy_of(grace)
    assert (await redeem(grace, code)).status_code == 201
    assert (await grace.get("/users/me")).json()["email"] == "hopper@example.com"
    assert (await copy.get("/users/me")).status_code == 401
    assert (await tables.kinds()).count("sign-in.ended") == 1


@pytest.mark.checklist("E13")
async def test_unlinking_ends_what_a_code_was_traded_for_and_codes_that_were_not(
    with_code: Stage, network: FakeNetwork
) -> None:
    grace, elsewhere = await with_code.verified("grace"), with_code.person("grace")
    await grace.sign_in()
    with with_settings(with_code.app, oauth_return_url=None):
        await link(grace, network)
    assert (await redeem(elsewhere, await code_of(elsewhere, network))).status_code == 201
    code = await code_of(with_code.person("grace"), network)
    [account] = (await grace.get("/users/me/oauth-accounts")).json()
    assert (await grace.client.delete(f"/users/me/oauth-accounts/{account['id']}")).status_code == 204
    assert (await elsewhere.get("/users/me")).status_code == 401
    assert problem_of(await grace.post("/oauth2/exchange", code=code)) == (400, "invalid-code")


async def test_what_is_no_code_is_worth_nothing(with_code: Stage) -> None:
    visitor = with_code.person("visitor")
    for code in ("", "made up", "a" * 256, "a" * 257, "\0", "\udcff"):
        body, headers = json.dumps({"code": code}), {"Content-Type": "application/json"}
        answer = await visitor.client.post("/oauth2/exchange", content=body, headers=headers)
        assert (code, answer.status_code) == (code, 400)


async def test_what_is_a_credential_is_no_code_and_a_code_is_no_credential(
    with_code: Stage, network: FakeNetwork
) -> None:
    grace = await with_code.verified("grace")
    await grace.sign_in()
    scheme, _, token = grace.client.headers.get("Authorization", "").rpartition(" ")
    for secret in (kind.held(grace.client), token):
        assert problem_of(await grace.post("/oauth2/exchange", code=secret[:256])) == (400, "invalid-code")
    await link(grace, network)
    cookies = [*grace.client.cookies]
    code = await code_of(grace, network)
    thief = with_code.person("mallory")
    headers = {"Authorization": f"{scheme} {code}", "Cookie": "; ".join(f"{name}={code}" for name in cookies)}
    assert (await thief.client.get("/users/me", headers=headers)).status_code == 401
    for path, body in (("/verify", {"token": code}), ("/reset-password", {"token": code, "password": PASSWORD})):
        assert (await thief.post(path, **body)).status_code == 400


@pytest.mark.checklist("C06")
def test_no_body_shows_its_values() -> None:
    assert "secret" not in repr(Code(code="secret")) + repr(FirstPassword(new_password="secret"))


HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.mark.checklist("G11")
async def test_a_person_who_cancels_at_a_provider_is_shown_a_page_that_leads_back(
    visitor: Person, network: FakeNetwork
) -> None:
    back = await network.consent(await leave(visitor, next="/a?b=c"), decision="no")
    answer = await visitor.client.get(f"{back}&error_description=hidden+words", headers=HTML)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "did not confirm who you are" in answer.text
    assert "hidden" not in answer.text
    assert f'href="{BASE_URL}/?error=provider-refused&amp;next=%2Fa%3Fb%3Dc"' in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"
    again = await visitor.client.get(back, headers=HTML)
    assert (again.status_code, "<h1>" in again.text, again.text.count("<script")) == (400, True, 0)


BEGINNINGS = [
    ("GET", "/oauth2/oidc/authorize"),
    ("GET", "/oauth2-associate/oidc/authorize"),
    ("POST", "/reauthenticate/oidc"),
]


@pytest.mark.checklist("G11")
@pytest.mark.parametrize(("method", "begin"), BEGINNINGS)
@pytest.mark.parametrize(
    "query", ["error=access_denied", "error=user_cancelled_login&error_description=hidden+words", "code="]
)
async def test_a_person_who_cancels_lands_on_the_front_end(  # noqa: PLR0913, PLR0917  # who acts, and what it is tried with
    with_page: Stage, network: FakeNetwork, tables: Tables, method: str, begin: str, query: str
) -> None:
    grace = await with_page.verified("grace")
    await grace.sign_in()
    address = (await grace.client.request(method, begin, params={"next": "/a?b=c"})).json()["authorization_url"]
    asked, begun = len(network.asked), query_of(address)
    answer = await grace.client.get(f"{begun['redirect_uri']}?{query}&state={begun['state']}", headers=HTML)
    assert page_of(answer) == f"{PAGE}&error=provider-refused&next=%2Fa%3Fb%3Dc"
    assert answer.headers["Cache-Control"] == "no-store"
    assert not any("oauth" in name for name in grace.client.cookies)
    assert (len(network.asked), await tables.rows("oauth_account")) == (asked, [])
    assert (await grace.get("/users/me")).status_code == 200


@pytest.mark.checklist("G11")
@pytest.mark.parametrize(
    ("reason", "answers"),
    [
        ("invalid-identity", {"token_fault": "expired"}),
        ("address-not-verified", {"email": "visitor@example.com", "address": "not verified"}),
        ("link-required", {}),
        ("provider-failed", {"endpoint": Endpoint.TOKEN, "answer_fault": AnswerFault.BROKEN}),
        ("provider-refused", {"decision": "no"}),
    ],
)
async def test_a_front_end_learns_why_a_person_was_refused(
    with_page: Stage, network: FakeNetwork, reason: str, answers: dict[str, str]
) -> None:
    grace = await with_page.verified("grace")
    back = await network.consent(await leave(grace, next="/a"), **{"email": grace.email} | answers)
    assert page_of(await grace.client.get(back, headers=HTML)) == f"{PAGE}&error={reason}&next=%2Fa"
    # The trip counts once, so what it was for is not known any more.
    assert page_of(await grace.client.get(back, headers=HTML)) == f"{PAGE}&error=invalid-state"
    assert (await grace.get("/users/me")).status_code == 401


async def test_a_person_whose_sign_in_ends_meanwhile_lands_on_the_front_end(
    with_page: Stage, network: FakeNetwork, tables: Tables
) -> None:
    grace = await with_page.verified("grace")
    await grace.sign_in()
    back = await network.consent(await leave(grace, "/oauth2-associate/oidc/authorize"), email=grace.email)
    await tables.execute("UPDATE user_session SET expires_at = now()")
    assert page_of(await grace.client.get(back, headers=HTML)) == f"{PAGE}&error=not-authenticated"


async def test_nothing_is_stored_of_what_ends_in_a_refusal(
    with_page: Stage, network: FakeNetwork, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> Response:
        raise LinkRequired

    monkeypatch.setattr(exchange_codes, "sign_in", refuse)
    visitor = with_page.person("visitor")
    back = await network.consent(await leave(visitor), email=visitor.email)
    assert page_of(await visitor.client.get(back, headers=HTML)) == f"{PAGE}&error=link-required"
    assert await tables.rows("user") == []


@pytest.mark.checklist("G11")
async def test_a_link_that_leads_nowhere_says_so_on_a_page_or_to_the_front_end(
    app: Litestar, visitor: Person, network: FakeNetwork
) -> None:
    network.oidc.answer_faults = {Endpoint.METADATA: AnswerFault.BROKEN}
    link = "/oauth2/oidc/authorize?redirect=1"
    answer = await visitor.client.get(link, headers=HTML)
    assert (answer.status_code, "does not answer as it should" in answer.text) == (502, True)
    with with_settings(app, oauth_return_url=PAGE):
        assert page_of(await visitor.client.get(link, headers=HTML)) == f"{PAGE}&error=provider-failed"
        for path in ("//evil.example", "/" + "a" * 1024):
            answer = await visitor.client.get(f"{link}&next={path}", headers=HTML)
            assert (answer.status_code, "Location" in answer.headers) == (400, False)


@pytest.mark.checklist("G11")
async def test_a_program_reads_the_problem_whatever_pages_there_are(with_page: Stage, network: FakeNetwork) -> None:
    visitor = with_page.person("visitor")
    for accepted in ("application/json", "*/*"):
        back = await network.consent(await leave(visitor), decision="no")
        answer = await visitor.client.get(back, headers={"Accept": accepted})
        assert problem_of(answer) == (400, "provider-refused")
