"""The way to a provider and back: one browser, once, for one purpose."""

import re
from base64 import urlsafe_b64encode
from datetime import timedelta
from hashlib import sha256

import pytest
from httpx import Response
from litestar import Litestar

from app.accounts.attempt_counters import Limit
from app.oauth import state_store
from app.operations.expired_rows import remove_expired_rows
from app.settings import Settings
from tests.cast import BASE_URL
from tests.cast import Clock
from tests.cast import Person
from tests.cast import Stage
from tests.oauth.fake_network import CLIENT_SECRET
from tests.oauth.fake_network import FakeNetwork
from tests.oauth.fake_network import come_back
from tests.oauth.fake_network import leave
from tests.oauth.fake_network import problem_of
from tests.oauth.fake_network import query_of
from tests.other_services import another_stage
from tests.tables import Tables

INVALID = (400, "invalid-state")
ODD = ["", "a" * 5000, "%00", "%ff%fe", "a&state=b", "%F0%9F%98%80", "../../x", "[]"]
PATHS = ["/oauth2/oidc/callback", "/oauth2-associate/oidc/callback"]


def cookies_in(answer: Response) -> list[str]:
    """What an answer sets, in lower case."""
    return [value.lower() for value in answer.headers.get_list("set-cookie")]


@pytest.mark.checklist("G01")
async def test_the_answer_counts_in_the_browser_that_was_sent_there_and_in_no_other(
    visitor: Person, mallory: Person, network: FakeNetwork, tables: Tables
) -> None:
    # Mallory signs in at the provider and lures a victim to her callback URL.
    back = await network.consent(await leave(mallory), email=mallory.email)
    asked, users = len(network.asked), await tables.rows("user")
    answer = await visitor.get(back)
    assert problem_of(answer) == INVALID
    assert "set-cookie" not in answer.headers
    assert (len(network.asked), await tables.rows("user"), await tables.rows("user_session")) == (asked, users, [])


@pytest.mark.checklist("G01")
async def test_the_cookie_of_another_trip_does_not_help(visitor: Person, mallory: Person, network: FakeNetwork) -> None:
    await leave(visitor)
    [own] = visitor.client.cookies.values()
    back = await network.consent(await leave(mallory), email=mallory.email)
    asked = len(network.asked)
    name = f"__Host-oauth-{query_of(back)['state'][:8]}"
    answer = await visitor.client.get(back, headers={"Cookie": f"{name}={own}"})
    assert (problem_of(answer), len(network.asked)) == (INVALID, asked)


@pytest.mark.checklist("G01")
@pytest.mark.parametrize("planted", ["\xa0{name}={own}", "{name}={own}; {name}={own}", "{name}=x; {name}={own}"])
async def test_a_cookie_that_another_host_can_plant_does_not_count(
    visitor: Person, mallory: Person, network: FakeNetwork, planted: str
) -> None:
    back = await network.consent(await leave(mallory), email=mallory.email)
    [(name, own)] = mallory.client.cookies.items()
    cookie = planted.format(name=name, own=own).encode("latin-1")
    assert problem_of(await visitor.client.get(back, headers=[(b"Cookie", cookie)])) == INVALID


@pytest.mark.checklist("G01")
async def test_the_cookie_is_for_this_host_alone_and_out_of_reach_of_scripts(visitor: Person) -> None:
    answer = await visitor.get("/oauth2/oidc/authorize")
    [cookie] = cookies_in(answer)
    assert cookie.startswith("__host-oauth-")
    for attribute in ("httponly", "secure", "samesite=lax", "path=/", "max-age=600"):
        assert attribute in cookie
    assert "domain" not in cookie


@pytest.mark.checklist("G01")
async def test_the_browser_forgets_the_cookie_when_it_is_back(visitor: Person, network: FakeNetwork) -> None:
    answer = await come_back(visitor, await network.consent(await leave(visitor)))
    [cleared] = [cookie for cookie in cookies_in(answer) if cookie.startswith("__host-oauth-")]
    assert "max-age=0" in cleared
    assert "secure" in cleared


@pytest.mark.checklist("G01")
async def test_several_tabs_do_not_get_in_the_way_of_each_other(visitor: Person, network: FakeNetwork) -> None:
    first, second = await leave(visitor), await leave(visitor)
    await network.consent(second)
    back = await network.consent(first)
    assert (await visitor.get(back)).status_code == 201


@pytest.mark.checklist("G02")
async def test_an_answer_counts_once(visitor: Person, network: FakeNetwork, tables: Tables) -> None:
    back = await network.consent(await leave(visitor))
    cookies = dict(visitor.client.cookies)
    assert (await come_back(visitor, back)).status_code == 201
    visitor.client.cookies.update(cookies)
    asked = len(network.asked)
    assert problem_of(await visitor.get(back)) == INVALID
    assert (len(network.asked), len(await tables.rows("user_session"))) == (asked, 1)


@pytest.mark.checklist("G02")
async def test_an_answer_is_used_up_by_a_refusal_too(visitor: Person, network: FakeNetwork) -> None:
    back = await network.consent(await leave(visitor), token_fault="expired")
    cookies = dict(visitor.client.cookies)
    assert problem_of(await visitor.get(back)) == (400, "invalid-identity")
    # The refusal expires the cookie, which a copy of it does not heed.
    visitor.client.cookies.update(cookies)
    assert problem_of(await visitor.get(back)) == INVALID


@pytest.mark.checklist("G02")
@pytest.mark.parametrize(("late", "status"), [(-5, 201), (0, 400)])
async def test_ten_minutes_are_the_time_for_it(
    visitor: Person, network: FakeNetwork, clock: Clock, late: int, status: int
) -> None:
    address = await leave(visitor)
    clock.advance(timedelta(minutes=10, seconds=late))
    answer = await visitor.get(await network.consent(address))
    assert answer.status_code == status
    assert status == 201 or problem_of(answer) == INVALID


@pytest.mark.checklist("G02")
async def test_an_answer_is_for_what_it_was_begun_for(grace: Person, network: FakeNetwork, tables: Tables) -> None:
    await grace.sign_in()
    for begun, callback in (
        ("/oauth2/oidc/authorize", "/oauth2-associate/oidc/callback"),
        ("/oauth2-associate/oidc/authorize", "/oauth2/oidc/callback"),
    ):
        back = await network.consent(await leave(grace, begun), email="hopper@example.com")
        moved = f"{BASE_URL}{callback}?{back.partition('?')[2]}"
        asked = len(network.asked)
        assert problem_of(await grace.get(moved)) == INVALID
        assert len(network.asked) == asked
    assert await tables.rows("oauth_account") == []


@pytest.mark.checklist("G02")
@pytest.mark.parametrize("path", PATHS)
async def test_an_unknown_state_is_refused(visitor: Person, network: FakeNetwork, tables: Tables, path: str) -> None:
    await leave(visitor)
    asked = len(network.asked)
    for state in ODD:
        answer = await visitor.get(f"{path}?code=a&state={state}")
        assert (state, answer.status_code) == (state, 400)
    assert (await visitor.get(path)).status_code == 400
    assert (len(network.asked), await tables.rows("user")) == (asked, [])


@pytest.mark.checklist("G03")
async def test_each_trip_has_a_state_a_challenge_and_a_nonce_of_its_own(visitor: Person) -> None:
    queries = [query_of(await leave(visitor)) for _ in range(3)]
    for name in ("state", "nonce", "code_challenge"):
        values = {query[name] for query in queries}
        assert len(values) == 3, name
        assert all(len(value) == 43 for value in values), f"{name}: 256 bits"
    for query in queries:
        assert (query["code_challenge_method"], query["response_type"]) == ("S256", "code")
        assert query["code_challenge"] not in {query["state"], query["nonce"]}


@pytest.mark.checklist("G03")
async def test_github_gets_a_challenge_too(visitor: Person) -> None:
    query = query_of(await leave(visitor, "/oauth2/github/authorize"))
    assert (len(query["code_challenge"]), query["code_challenge_method"]) == (43, "S256")


@pytest.mark.checklist("G03")
async def test_the_verifier_never_leaves_the_server_but_for_the_provider(
    visitor: Person, network: FakeNetwork, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[bytes] = []
    handle = network.handle_async_request

    async def watch(request: object) -> Response:
        sent.append(request.content if hasattr(request, "content") else b"")
        return await handle(request)  # type: ignore[arg-type]  # as it came

    monkeypatch.setattr(network, "handle_async_request", watch)
    answer = await visitor.get("/oauth2/oidc/authorize")
    address = answer.json()["authorization_url"]
    stored = str(await tables.rows("oauth_state"))
    back = await network.consent(address)
    shown = [answer.text, str(answer.headers), stored, back, (await visitor.get(back)).text]
    [verifier] = re.findall(rb"code_verifier=([\w-]+)", b"".join(sent))
    challenge = urlsafe_b64encode(sha256(verifier).digest()).rstrip(b"=").decode()
    assert challenge == query_of(address)["code_challenge"]
    assert not any(verifier.decode() in text for text in shown)
    assert not any(CLIENT_SECRET in text for text in shown)


@pytest.mark.checklist("G03")
async def test_the_table_holds_digests_alone(visitor: Person, tables: Tables) -> None:
    query = query_of(await leave(visitor))
    [row] = await tables.rows("oauth_state")
    [binding] = visitor.client.cookies.values()
    assert not any(secret in str(row) for secret in (query["state"], query["nonce"], binding))
    assert row["digest"] == sha256(query["state"].encode()).digest()


@pytest.mark.checklist("G12")
async def test_an_answer_of_one_provider_is_nothing_at_the_callback_of_another(
    visitor: Person, network: FakeNetwork, tables: Tables
) -> None:
    back = await network.consent(await leave(visitor))
    asked = len(network.asked)
    answer = await visitor.get(back.replace("/oidc/", "/google/"))
    assert (problem_of(answer), len(network.asked), await tables.rows("user")) == (INVALID, asked, [])


@pytest.mark.checklist("G12")
async def test_a_code_of_one_provider_is_nothing_with_the_state_of_another(
    visitor: Person, network: FakeNetwork, tables: Tables
) -> None:
    of_one = query_of(await network.consent(await leave(visitor)))
    of_other = await leave(visitor, "/oauth2/google/authorize")
    state = query_of(of_other)["state"]
    answer = await visitor.get(f"/oauth2/google/callback?state={state}&code={of_one['code']}")
    assert (problem_of(answer), await tables.rows("user")) == ((400, "provider-refused"), [])


@pytest.mark.checklist("G12")
async def test_a_code_of_one_trip_is_nothing_with_the_state_of_another(visitor: Person, network: FakeNetwork) -> None:
    stolen = query_of(await network.consent(await leave(visitor)))["code"]
    own = query_of(await leave(visitor))["state"]
    answer = await visitor.get(f"/oauth2/oidc/callback?state={own}&code={stolen}")
    assert problem_of(answer) == (400, "provider-refused")


@pytest.mark.checklist("G12")
@pytest.mark.parametrize(("says", "status"), [("https://provider.example", 201), ("https://evil.example", 400)])
async def test_an_answer_that_says_it_is_of_another_issuer_is_not_believed(
    visitor: Person, network: FakeNetwork, says: str, status: int
) -> None:
    back = await network.consent(await leave(visitor))
    asked = len(network.asked)
    answer = await visitor.get(f"{back}&iss={says}")
    assert answer.status_code == status
    assert (len(network.asked) == asked) is (status == 400)


@pytest.mark.checklist("G12")
async def test_a_provider_that_promises_to_say_who_it_is_has_to(visitor: Person, network: FakeNetwork) -> None:
    network.oidc.more_metadata = {"authorization_response_iss_parameter_supported": True}
    back = await network.consent(await leave(visitor))
    assert problem_of(await visitor.get(back)) == (400, "invalid-identity")


@pytest.mark.parametrize("path", ["/oauth2/okta/authorize", "/oauth2/okta/callback", "/oauth2-associate/okta/callback"])
async def test_a_provider_that_is_not_offered_is_nowhere(visitor: Person, path: str) -> None:
    assert problem_of(await visitor.get(path)) == (404, "not-found")


async def test_an_unfinished_flow_is_removed(app: Litestar, visitor: Person, tables: Tables, clock: Clock) -> None:
    await leave(visitor)
    await remove_expired_rows(app)
    assert len(await tables.rows("oauth_state")) == 1
    clock.advance(state_store.LIFETIME)
    await remove_expired_rows(app)
    assert await tables.rows("oauth_state") == []


async def test_a_network_begins_few_trips_at_once(
    visitor: Person, stage: Stage, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_store, "STARTS", Limit(2, timedelta(minutes=15)))
    answers = [await visitor.get("/oauth2/oidc/authorize") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert len(await tables.rows("oauth_state")) == 2
    elsewhere = stage.person("visitor", "198.51.100.7")
    assert (await elsewhere.get("/oauth2/oidc/authorize")).status_code == 200


@pytest.mark.usefixtures("tables")
async def test_a_desk_without_tls_has_a_cookie_without_a_prefix(settings: Settings, network: FakeNetwork) -> None:
    origin = "http://localhost:8000"
    network.oidc.origins = (origin,)
    async with another_stage(settings, base_url=origin) as stage:
        visitor = stage.person("visitor")
        visitor.client.base_url = origin
        address = await leave(visitor)
        [name] = visitor.client.cookies
        assert name == f"oauth-{query_of(address)['state'][:8]}"
        assert (await visitor.get(await network.consent(address))).status_code == 201
