"""Whatever a provider answers: a refusal with generic words, soon, and in little memory."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from itertools import product
from time import monotonic

import httpx
import pytest
from advanced_alchemy.extensions.litestar import SQLAlchemyInitPlugin
from litestar import Litestar

from app.oauth.providers import http_client
from tests.cast import Person
from tests.oauth.abroad import Abroad
from tests.oauth.abroad import come_back
from tests.oauth.abroad import leave
from tests.oauth.abroad import problem_of
from tests.oauth.abroad import query_of
from tests.oauth.abroad import sign_in
from tests.provider.lies import Address
from tests.provider.lies import Lie
from tests.provider.lies import Place
from tests.provider.lies import Trouble
from tests.tables import Tables

TROUBLES = [trouble for trouble in Trouble if trouble not in {Trouble.NONE, Trouble.LONG_TOKEN}]
PATIENCE_SECONDS = 0.2
FAILED = (502, "provider-failed")


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider that does not answer is given up soon."""
    monkeypatch.setattr(http_client, "PATIENCE_SECONDS", PATIENCE_SECONDS)


class Endless(httpx.AsyncByteStream):
    """An answer without an end, that says how much of it was read."""

    def __init__(self, pause: float = 0) -> None:
        self.sent = 0
        self._pause = pause

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """A kilobyte at a time."""
        while True:
            self.sent += 1024
            yield b" " * 1024
            await asyncio.sleep(self._pause)


@pytest.mark.checklist("G11")
@pytest.mark.parametrize(("place", "trouble"), [*product(Place, TROUBLES)], ids=lambda part: part.name.lower())
async def test_a_wrong_answer_is_a_generic_refusal_in_time(
    visitor: Person, abroad: Abroad, caplog: pytest.LogCaptureFixture, place: Place, trouble: Trouble
) -> None:
    begun_at = monotonic()
    if place is Place.METADATA:
        abroad.oidc.troubles = {place: trouble}
        answer = await visitor.get("/oauth2/oidc/authorize")
    else:
        answer = await sign_in(visitor, abroad, place=place, trouble=trouble, address=Address.ASKED_FOR)
    assert problem_of(answer) == FAILED
    assert answer.json() == {
        "type": "/problems/provider-failed",
        "title": "The provider does not answer as it should.",
        "status": 502,
    }
    assert monotonic() - begun_at < 20 * PATIENCE_SECONDS
    assert not any(word in caplog.text for word in ("a secret of the provider", "Traceback"))
    assert (await visitor.get("/users/me")).status_code == 401


@pytest.mark.checklist("G11")
async def test_a_no_of_the_provider_is_a_refusal_that_repeats_nothing(
    visitor: Person, abroad: Abroad, tables: Tables
) -> None:
    for error in ("access_denied", "server_error", "<script>", "a" * 4000):
        state = query_of(await leave(visitor))["state"]
        asked = len(abroad.asked)
        parameters = {"state": state, "error": error, "error_description": "hidden words", "code": "a code beside it"}
        answer = await visitor.client.get("/oauth2/oidc/callback", params=parameters)
        assert problem_of(answer) == (400, "provider-refused")
        assert not any(word in answer.text for word in (error, "hidden words"))
        assert (len(abroad.asked), await tables.rows("user")) == (asked, [])


@pytest.mark.checklist("G11")
async def test_whoever_says_no_on_the_page_of_the_provider_is_told_so(visitor: Person, abroad: Abroad) -> None:
    back = await abroad.consent(await leave(visitor), decision="no")
    assert problem_of(await come_back(visitor, back)) == (400, "provider-refused")


@pytest.mark.checklist("G11")
async def test_a_code_that_nobody_gave_out_is_a_refusal(visitor: Person) -> None:
    for code in ("", "made up", "a" * 4096, "\0", "%ff"):
        state = query_of(await leave(visitor))["state"]
        answer = await visitor.client.get("/oauth2/oidc/callback", params={"state": state, "code": code})
        assert problem_of(answer) == (400, "provider-refused")


@pytest.mark.checklist("G11")
async def test_a_token_may_be_long(visitor: Person, abroad: Abroad) -> None:
    answer = await sign_in(visitor, abroad, trouble=Trouble.LONG_TOKEN, address=Address.ASKED_FOR)
    assert answer.status_code == 201


# What is no answer of a token endpoint, and what is one with an ID token that does not hold or is missing.
NO_TOKENS = [
    b'{"access_token": "a", "id_token": 5}',
    b'{"access_token": "caf\\u00e9\\r\\nX-More: 1", "id_token": "a.b.c"}',
    b'{"access_token": "\\ud800", "id_token": "a.b.c"}',
    b'{"access_token": "", "id_token": "a.b.c"}',
    b'{"access_token": null, "id_token": "a.b.c"}',
    b'{"access_token": "a", "id_token": "a.b.c", "expires_in": "soon"}',
    b'{"access_token": "a", "id_token": "a.b.c", "expires_in": -1}',
    b'{"access_token": "a", "id_token": "a.b.c", "expires_in": 1e400}',
    b'{"error": "invalid_client"}',
    b'{"error": {"code": 5}}',
    b"null",
    b"",
]
ODD_ID_TOKENS = [
    b'{"access_token": "a"}',
    b'{"access_token": "a", "id_token": "a.b.c", "expires_at": "never"}',
    b'{"access_token": "a", "id_token": "....."}',
    b'{"access_token": "a", "id_token": "eyJhbGciOiJSUzI1NiJ9.e30.AAAA"}',
    b'{"access_token": "a", "id_token": "W10.e30.AAAA"}',
]


@pytest.mark.checklist("G11")
@pytest.mark.parametrize(
    ("answers", "refusal"), [(NO_TOKENS, FAILED), (ODD_ID_TOKENS, (400, "invalid-identity"))], ids=["none", "odd"]
)
async def test_odd_tokens_are_no_mistake_of_ours(
    visitor: Person, abroad: Abroad, monkeypatch: pytest.MonkeyPatch, answers: list[bytes], refusal: tuple[int, str]
) -> None:
    handle, answer = abroad.handle_async_request, b""

    async def replace(request: httpx.Request) -> httpx.Response:
        is_replaced = request.url.path == Place.TOKEN
        return httpx.Response(200, stream=httpx.ByteStream(answer)) if is_replaced else await handle(request)

    monkeypatch.setattr(abroad, "handle_async_request", replace)
    for answer in answers:
        assert problem_of(await sign_in(visitor, abroad)) == refusal, answer


@pytest.mark.checklist("G11")
async def test_a_secret_that_the_provider_does_not_know_is_our_failure_and_not_the_callers(
    visitor: Person, abroad: Abroad, caplog: pytest.LogCaptureFixture
) -> None:
    back = await abroad.consent(await leave(visitor))
    abroad.oidc.client_secret = "another"
    assert problem_of(await visitor.get(back)) == FAILED
    assert "The provider oidc has failed: GetAccessTokenError" in caplog.text


@pytest.mark.checklist("G11")
async def test_of_an_answer_without_an_end_little_is_read(
    visitor: Person, abroad: Abroad, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = Endless()

    async def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=stream)

    monkeypatch.setattr(abroad, "handle_async_request", answer)
    tracemalloc.start()
    assert problem_of(await visitor.get("/oauth2/oidc/authorize")) == FAILED
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert stream.sent <= http_client.MAX_BYTES + 1024
    assert most < 20 * http_client.MAX_BYTES


@pytest.mark.checklist("G11", "G10")
@pytest.mark.parametrize("place", [Place.METADATA, Place.KEYS, Place.ABOUT])
async def test_no_redirect_of_a_provider_is_followed(visitor: Person, abroad: Abroad, place: Place) -> None:
    if place is Place.METADATA:
        abroad.oidc.troubles = {place: Trouble.ELSEWHERE}
        await visitor.get("/oauth2/oidc/authorize")
    else:
        await sign_in(visitor, abroad, place=place, trouble=Trouble.ELSEWHERE, address=Address.ASKED_FOR)
    assert {url.host for url in abroad.asked} == {"provider.example"}


@pytest.mark.checklist("G11")
async def test_an_answer_that_drips_is_given_up(
    visitor: Person, abroad: Abroad, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Endless(PATIENCE_SECONDS / 10))

    monkeypatch.setattr(abroad, "handle_async_request", answer)
    assert problem_of(await visitor.get("/oauth2/oidc/authorize")) == FAILED


@pytest.mark.checklist("G11")
async def test_a_provider_that_nobody_reaches_is_a_refusal(
    visitor: Person, abroad: Abroad, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("hidden address", request=request)

    monkeypatch.setattr(abroad, "handle_async_request", answer)
    refusal = await visitor.get("/oauth2/oidc/authorize")
    assert (problem_of(refusal), "hidden" in refusal.text) == (FAILED, False)


@pytest.mark.checklist("G11")
async def test_no_connection_to_the_database_is_held_while_a_provider_is_waited_for(
    app: Litestar, grace: Person, abroad: Abroad
) -> None:
    await grace.sign_in()
    back = await abroad.consent(await leave(grace), place=Place.TOKEN, trouble=Trouble.SILENT)
    abroad.oidc.troubles |= {Place.METADATA: Trouble.SILENT}
    pool = app.plugins.get(SQLAlchemyInitPlugin).config[0].get_engine().pool
    waiting = [
        asyncio.create_task(grace.get(back)),
        asyncio.create_task(grace.get("/oauth2-associate/google/authorize")),
    ]
    abroad.google.troubles = {Place.METADATA: Trouble.SILENT}
    while len([url for url in abroad.asked if url.host == "accounts.google.com" or url.path == Place.TOKEN]) < 2:  # noqa: ASYNC110  # the provider sets no event
        await asyncio.sleep(0.01)
    assert pool.checkedout() == 0  # type: ignore[attr-defined]  # the pool that the service has counts
    assert [problem_of(answer) for answer in await asyncio.gather(*waiting)] == [FAILED] * 2


@pytest.mark.checklist("G11")
@pytest.mark.parametrize("lie", [Lie.MISSING, Lie.UNREADABLE])
async def test_no_identity_is_no_sign_in(visitor: Person, abroad: Abroad, lie: Lie) -> None:
    assert problem_of(await sign_in(visitor, abroad, lie=lie)) == (400, "invalid-identity")
