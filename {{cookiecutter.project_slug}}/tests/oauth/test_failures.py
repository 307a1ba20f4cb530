"""Faulty answers of providers: a generic refusal, soon, and in little memory."""

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
from app.settings.types import Switch
from tests.cast import Person
from tests.oauth.fake_network import FakeNetwork
from tests.oauth.fake_network import come_back
from tests.oauth.fake_network import leave
from tests.oauth.fake_network import problem_of
from tests.oauth.fake_network import query_of
from tests.oauth.fake_network import sign_in
from tests.oauth.fake_network import with_settings
from tests.provider.fault_switches import AnswerFault
from tests.provider.fault_switches import EmailClaim
from tests.provider.fault_switches import Endpoint
from tests.tables import Tables

ANSWER_FAULTS = [
    answer_fault for answer_fault in AnswerFault if answer_fault not in {AnswerFault.NONE, AnswerFault.LONG_TOKEN}
]
PATIENCE_SECONDS = 1
FAILED = (502, "provider-failed")


@pytest.fixture
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
@pytest.mark.usefixtures("short_patience")
@pytest.mark.parametrize(
    ("endpoint", "answer_fault"), [*product(Endpoint, ANSWER_FAULTS)], ids=lambda part: part.name.lower()
)
async def test_a_wrong_answer_is_a_generic_refusal_in_time(
    visitor: Person,
    network: FakeNetwork,
    caplog: pytest.LogCaptureFixture,
    endpoint: Endpoint,
    answer_fault: AnswerFault,
) -> None:
    begun_at = monotonic()
    if endpoint is Endpoint.METADATA:
        network.oidc.answer_faults = {endpoint: answer_fault}
        answer = await visitor.get("/oauth2/oidc/authorize")
    else:
        answer = await sign_in(
            visitor, network, endpoint=endpoint, answer_fault=answer_fault, address=EmailClaim.ASKED_FOR
        )
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
    visitor: Person, network: FakeNetwork, tables: Tables
) -> None:
    for error in ("access_denied", "login_cancelled", "user_cancelled_authorize"):
        state = query_of(await leave(visitor))["state"]
        asked = len(network.asked)
        parameters = {"state": state, "error": error, "error_description": "hidden words", "code": "a code beside it"}
        answer = await visitor.client.get("/oauth2/oidc/callback", params=parameters)
        assert problem_of(answer) == (400, "provider-refused")
        assert not any(word in answer.text for word in (error, "hidden words"))
        assert (len(network.asked), await tables.rows("user")) == (asked, [])


@pytest.mark.checklist("G11")
@pytest.mark.parametrize(
    ("error", "logged"),
    [
        ("unauthorized_client", "unauthorized_client"),
        ("invalid_scope", "invalid_scope"),
        ("redirect_uri_mismatch", "redirect_uri_mismatch"),
        ("server_error", "server_error"),
        ("temporarily_unavailable", "temporarily_unavailable"),
        ("<script>", "(an unreadable error code)"),
        ("a" * 4000, "(an unreadable error code)"),
    ],
)
async def test_a_refusal_of_this_service_is_no_mistake_of_the_user_and_its_code_is_logged(
    visitor: Person, network: FakeNetwork, caplog: pytest.LogCaptureFixture, error: str, logged: str
) -> None:
    state, asked = query_of(await leave(visitor))["state"], len(network.asked)
    parameters = {"state": state, "error": error, "error_description": "hidden words", "code": "a code beside it"}
    answer = await visitor.client.get("/oauth2/oidc/callback", params=parameters)
    assert (problem_of(answer), len(network.asked)) == (FAILED, asked)
    assert not any(word in answer.text for word in (error, "hidden words"))
    logs = [record.getMessage() for record in caplog.records if record.name.startswith("app.oauth")]
    assert logs == [f"The provider oidc refused the request: {logged}"]


@pytest.mark.checklist("G11")
@pytest.mark.parametrize(
    ("fault", "logged"),
    [
        (AnswerFault.BROKEN, "POST https://provider.example/token answered 500: HTTPStatusError"),
        (AnswerFault.NO_JSON, "POST https://provider.example/token answered 200: DecodeError"),
        (AnswerFault.SILENT, "POST https://provider.example/token gave no usable answer: TimeoutError"),
        (AnswerFault.HUGE, "POST https://provider.example/token gave no usable answer: The answer is too long."),
    ],
)
@pytest.mark.usefixtures("short_patience")
async def test_the_log_says_which_request_failed_and_how(
    visitor: Person, network: FakeNetwork, caplog: pytest.LogCaptureFixture, fault: AnswerFault, logged: str
) -> None:
    await sign_in(visitor, network, answer_fault=fault)
    assert f"The provider oidc failed: {logged}" in caplog.text


@pytest.mark.checklist("G11")
async def test_a_user_who_cancels_at_the_provider_is_told_so(visitor: Person, network: FakeNetwork) -> None:
    back = await network.consent(await leave(visitor), decision="no")
    assert problem_of(await come_back(visitor, back)) == (400, "provider-refused")


@pytest.mark.checklist("G11")
async def test_an_unknown_code_is_a_refusal(visitor: Person) -> None:
    for code in ("", "made up", "a" * 4096, "\0", "%ff"):
        state = query_of(await leave(visitor))["state"]
        answer = await visitor.client.get("/oauth2/oidc/callback", params={"state": state, "code": code})
        assert problem_of(answer) == (400, "provider-refused")


@pytest.mark.checklist("G13")
@pytest.mark.parametrize(
    "odd",
    [
        {"expires_in": "3600"},
        {"expires_in": "soon"},
        {"expires_in": -1},
        {"expires_in": 3600.5},
        {"expires_in": 10**30},
        {"expires_in": {}},
        {"expires_in": None},
        {"refresh_token": 5},
        {"token_type": 5, "scope": ["openid"]},
    ],
    ids=str,
)
async def test_fields_that_are_not_used_may_be_odd(
    app: Litestar, visitor: Person, network: FakeNetwork, odd: dict[str, object]
) -> None:
    network.oidc.more_tokens = odd
    with with_settings(app, oauth_store_tokens=Switch.ON):
        assert (await sign_in(visitor, network)).status_code == 201


@pytest.mark.checklist("G11")
async def test_a_token_may_be_long(visitor: Person, network: FakeNetwork) -> None:
    answer = await sign_in(visitor, network, answer_fault=AnswerFault.LONG_TOKEN, address=EmailClaim.ASKED_FOR)
    assert answer.status_code == 201


# What is no answer of a token endpoint, and what is one with an ID token that does not hold or is missing.
NO_TOKENS = [
    b'{"access_token": "a", "id_token": 5}',
    b'{"access_token": "caf\\u00e9\\r\\nX-More: 1", "id_token": "a.b.c"}',
    b'{"access_token": "\\ud800", "id_token": "a.b.c"}',
    b'{"access_token": "", "id_token": "a.b.c"}',
    b'{"access_token": null, "id_token": "a.b.c"}',
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
    visitor: Person,
    network: FakeNetwork,
    monkeypatch: pytest.MonkeyPatch,
    answers: list[bytes],
    refusal: tuple[int, str],
) -> None:
    handle, answer = network.handle_async_request, b""

    async def replace(request: httpx.Request) -> httpx.Response:
        is_replaced = request.url.path == Endpoint.TOKEN
        return httpx.Response(200, stream=httpx.ByteStream(answer)) if is_replaced else await handle(request)

    monkeypatch.setattr(network, "handle_async_request", replace)
    for answer in answers:
        assert problem_of(await sign_in(visitor, network)) == refusal, answer


@pytest.mark.checklist("G11")
async def test_a_secret_that_the_provider_does_not_know_is_our_failure_and_not_the_callers(
    visitor: Person, network: FakeNetwork, caplog: pytest.LogCaptureFixture
) -> None:
    back = await network.consent(await leave(visitor))
    network.oidc.client_secret = "another"
    assert problem_of(await visitor.get(back)) == FAILED
    assert "failed: POST https://provider.example/token answered 401 invalid_client: HTTPStatusError" in caplog.text


@pytest.mark.checklist("G11")
async def test_of_an_answer_without_an_end_little_is_read(
    visitor: Person, network: FakeNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = Endless()

    async def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=stream)

    monkeypatch.setattr(network, "handle_async_request", answer)
    tracemalloc.start()
    assert problem_of(await visitor.get("/oauth2/oidc/authorize")) == FAILED
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert stream.sent <= http_client.MAX_BYTES + 1024
    assert most < 20 * http_client.MAX_BYTES


@pytest.mark.checklist("G11", "G10")
@pytest.mark.parametrize("endpoint", [Endpoint.METADATA, Endpoint.KEYS, Endpoint.USERINFO])
async def test_no_redirect_of_a_provider_is_followed(visitor: Person, network: FakeNetwork, endpoint: Endpoint) -> None:
    if endpoint is Endpoint.METADATA:
        network.oidc.answer_faults = {endpoint: AnswerFault.ELSEWHERE}
        await visitor.get("/oauth2/oidc/authorize")
    else:
        await sign_in(
            visitor, network, endpoint=endpoint, answer_fault=AnswerFault.ELSEWHERE, address=EmailClaim.ASKED_FOR
        )
    assert {url.host for url in network.asked} == {"provider.example"}


@pytest.mark.checklist("G11")
@pytest.mark.usefixtures("short_patience")
async def test_an_answer_that_drips_is_given_up(
    visitor: Person, network: FakeNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Endless(PATIENCE_SECONDS / 10))

    monkeypatch.setattr(network, "handle_async_request", answer)
    assert problem_of(await visitor.get("/oauth2/oidc/authorize")) == FAILED


@pytest.mark.checklist("G11")
async def test_an_unreachable_provider_is_a_refusal(
    visitor: Person, network: FakeNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("hidden address", request=request)

    monkeypatch.setattr(network, "handle_async_request", answer)
    refusal = await visitor.get("/oauth2/oidc/authorize")
    assert (problem_of(refusal), "hidden" in refusal.text) == (FAILED, False)


@pytest.mark.checklist("G11")
@pytest.mark.usefixtures("short_patience")
async def test_no_connection_to_the_database_is_held_while_a_provider_is_waited_for(
    app: Litestar, grace: Person, network: FakeNetwork
) -> None:
    await grace.sign_in()
    back = await network.consent(await leave(grace), endpoint=Endpoint.TOKEN, answer_fault=AnswerFault.SILENT)
    network.oidc.answer_faults |= {Endpoint.METADATA: AnswerFault.SILENT}
    pool = app.plugins.get(SQLAlchemyInitPlugin).config[0].get_engine().pool
    waiting = [
        asyncio.create_task(grace.get(back)),
        asyncio.create_task(grace.get("/oauth2-associate/google/authorize")),
    ]
    network.google.answer_faults = {Endpoint.METADATA: AnswerFault.SILENT}
    while len([url for url in network.asked if url.host == "accounts.google.com" or url.path == Endpoint.TOKEN]) < 2:  # noqa: ASYNC110  # the provider sets no event
        await asyncio.sleep(0.01)
    assert pool.checkedout() == 0  # type: ignore[attr-defined]  # the pool that the service has counts
    assert [problem_of(answer) for answer in await asyncio.gather(*waiting)] == [FAILED] * 2
