"""ID tokens and the keys that sign them: what is accepted and what is refused."""

import math
from datetime import timedelta

import pytest

from app.oauth.providers import discovery
from app.oauth.providers import http_client
from app.oauth.providers.id_tokens import REQUIRED
from tests.cast import Clock
from tests.cast import Person
from tests.cast import Stage
from tests.oauth.fake_network import FakeNetwork
from tests.oauth.fake_network import come_back
from tests.oauth.fake_network import leave
from tests.oauth.fake_network import problem_of
from tests.oauth.fake_network import sign_in
from tests.provider.fault_switches import AnswerFault
from tests.provider.fault_switches import Endpoint
from tests.provider.fault_switches import TokenFault
from tests.provider.people import Claims
from tests.provider.people import key
from tests.tables import Tables

TOKEN_FAULTS = [
    token_fault
    for token_fault in TokenFault
    if token_fault not in {TokenFault.NONE, TokenFault.NOT_AGAIN, TokenFault.NO_AUTH_TIME}
]


SAME: list[Claims] = [
    {"aud": ["this-service"]},
    {"aud": ["this-service", "another"], "azp": "this-service"},
    {"azp": "this-service"},
    {"exp": 4102444800.5},
    {"more": {"than": ["we", "expect"]}},
]
ODD: list[Claims] = [
    *({name: ...} for name in REQUIRED),
    {"iss": None},
    {"iss": ["https://provider.example"]},
    {"iss": "https://provider.example/"},
    {"aud": []},
    {"aud": 5},
    {"aud": {"this-service": 1}},
    {"sub": 5},
    {"sub": None},
    {"sub": "\u202egrace"},
    {"exp": "4102444800"},
    {"exp": True},
    {"exp": None},
    {"exp": math.inf},
    {"exp": math.nan},
    {"iat": None},
    {"iat": {}},
    {"azp": ["this-service"]},
    {"nonce": ["a"]},
]
FIRST = key("first").as_dict(private=False)
ODD_KEYS: list[list[object]] = [
    [{"kty": "RSA", "kid": "first", "use": "sig"}],
    [{"kty": "RSA", "kid": "first", "n": 5, "e": []}],
    [{"kty": "oct", "kid": "first", "k": "c2VjcmV0"}],
    [{"kid": "first"}],
    [{}, {}],
    [],
    [{"kty": ["RSA"], "kid": "first", "alg": {}}],
]


@pytest.mark.checklist("G04")
async def test_an_invalid_id_token_signs_no_one_in(visitor: Person, network: FakeNetwork, tables: Tables) -> None:
    for token_fault in TOKEN_FAULTS:
        answer = await sign_in(visitor, network, token_fault=token_fault)
        assert (token_fault, *problem_of(answer)) == (token_fault, 400, "invalid-identity")
        assert answer.json().keys() == {"type", "title", "status"}
    assert (await tables.rows("user"), await tables.rows("user_session")) == ([], [])


@pytest.mark.checklist("G04")
async def test_a_token_may_say_the_same_in_other_words(visitor: Person, network: FakeNetwork) -> None:
    for claims in SAME:
        network.oidc.more_claims = claims
        assert (claims, (await sign_in(visitor, network)).status_code) == (claims, 201)


@pytest.mark.checklist("G04")
async def test_a_claim_of_another_kind_is_no_mistake_of_ours(visitor: Person, network: FakeNetwork) -> None:
    for claims in ODD:
        network.oidc.more_claims = claims
        assert (claims, *problem_of(await sign_in(visitor, network))) == (claims, 400, "invalid-identity")


@pytest.mark.checklist("G04")
async def test_the_clock_of_a_provider_may_be_a_minute_off(visitor: Person, network: FakeNetwork) -> None:
    here = network.oidc.now
    for shift, status in ((timedelta(seconds=50), 201), (timedelta(seconds=70), 400)):
        network.oidc.now = lambda shift=shift: here() + shift  # type: ignore[misc]  # a default is no parameter here
        assert (await sign_in(visitor, network)).status_code == status


@pytest.mark.checklist("G04")
@pytest.mark.parametrize("keys", ODD_KEYS, ids=str)
async def test_odd_keys_are_no_mistake_of_ours(
    visitor: Person, network: FakeNetwork, keys: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.provider.routes.keys_of", lambda _: keys)
    assert problem_of(await sign_in(visitor, network)) == (400, "invalid-identity")


@pytest.mark.checklist("G04")
async def test_a_key_without_a_name_or_an_algorithm_counts_if_it_is_the_only_one(
    visitor: Person, network: FakeNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = {name: value for name, value in key("first").as_dict(private=False).items() if name in {"kty", "n", "e"}}
    monkeypatch.setattr("tests.provider.routes.keys_of", lambda _: [public])
    network.oidc.names_keys = False
    assert (await sign_in(visitor, network)).status_code == 201


@pytest.mark.checklist("G04")
async def test_a_key_that_is_for_something_else_signs_nothing(
    visitor: Person, network: FakeNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = key("first").as_dict(private=False) | {"use": "enc"}
    monkeypatch.setattr("tests.provider.routes.keys_of", lambda _: [public])
    assert problem_of(await sign_in(visitor, network)) == (400, "invalid-identity")


def keys_asked_for(network: FakeNetwork) -> int:
    """How often the service has read the keys of the provider."""
    return [url.path for url in network.asked].count(Endpoint.KEYS)


async def test_a_new_key_is_asked_for_but_not_all_the_time(visitor: Person, network: FakeNetwork, clock: Clock) -> None:
    for _ in range(3):
        assert (await sign_in(visitor, network)).status_code == 201
    assert keys_asked_for(network) == 1
    network.oidc.key_name = "second"
    # Made-up tokens make the service ask no more than once a minute.
    assert (await sign_in(visitor, network)).status_code == 400
    assert keys_asked_for(network) == 1
    clock.advance(discovery.ASKED_AGAIN_AFTER + timedelta(seconds=1))
    assert (await sign_in(visitor, network)).status_code == 201
    assert keys_asked_for(network) == 2


@pytest.mark.checklist("G13")
async def test_a_key_that_was_replaced_under_its_name_is_read_again(
    visitor: Person, network: FakeNetwork, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = key("another").as_dict(private=False) | {"kid": "first"}
    with monkeypatch.context() as patch:
        patch.setattr("tests.provider.routes.keys_of", lambda _: [public])
        assert (await sign_in(visitor, network)).status_code == 400
    assert keys_asked_for(network) == 1
    clock.advance(discovery.ASKED_AGAIN_AFTER + timedelta(seconds=1))
    assert (await sign_in(visitor, network)).status_code == 201
    assert keys_asked_for(network) == 2


@pytest.mark.checklist("G13")
@pytest.mark.parametrize(
    "others",
    [
        [FIRST],
        [key("another").as_dict(private=False) | {"kid": "first"}],
        [FIRST | {"use": "enc"}],
        [{"kty": "EC", "kid": "first", "crv": "P-256", "x": "AA", "y": "AA"}],
        [FIRST | {"alg": "PS256"}],
        ["no key", None, 5, {"kid": "first"}],
    ],
    ids=["twice", "two under one name", "for encryption", "of another type", "for another algorithm", "odd"],
)
@pytest.mark.parametrize("names_keys", [True, False])
async def test_a_set_may_list_more_than_the_key_that_fits(
    visitor: Person, network: FakeNetwork, monkeypatch: pytest.MonkeyPatch, others: list[object], *, names_keys: bool
) -> None:
    monkeypatch.setattr("tests.provider.routes.keys_of", lambda _: [*others, FIRST])
    network.oidc.names_keys = names_keys
    assert (await sign_in(visitor, network)).status_code == 201


@pytest.mark.checklist("G04")
async def test_a_key_signs_with_its_own_algorithm_alone(
    visitor: Person, network: FakeNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.provider.routes.keys_of", lambda _: [FIRST | {"alg": "PS256"}])
    assert problem_of(await sign_in(visitor, network)) == (400, "invalid-identity")


@pytest.mark.checklist("G13")
@pytest.mark.parametrize("fault", [AnswerFault.BROKEN, AnswerFault.NO_JSON, AnswerFault.SILENT, AnswerFault.SHAPE])
@pytest.mark.parametrize("endpoint", [Endpoint.METADATA, Endpoint.KEYS])
async def test_users_sign_in_while_documents_cannot_be_read(  # noqa: PLR0913, PLR0917  # who acts, and what it is tried with
    visitor: Person,
    network: FakeNetwork,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    endpoint: Endpoint,
    fault: AnswerFault,
) -> None:
    monkeypatch.setattr(http_client, "PATIENCE_SECONDS", 3)
    assert (await sign_in(visitor, network)).status_code == 201
    clock.advance(discovery.KNOWN_FOR + timedelta(seconds=1))
    asked = keys_asked_for(network) if endpoint is Endpoint.KEYS else len(network.asked)
    for _ in range(2):
        back = await network.consent(await leave(visitor), email=visitor.email)
        network.oidc.answer_faults = {endpoint: fault}
        assert (await come_back(visitor, back)).status_code == 201
        network.oidc.answer_faults = {}
    assert (keys_asked_for(network) if endpoint is Endpoint.KEYS else len(network.asked)) > asked


@pytest.mark.checklist("G13")
async def test_former_keys_count_for_a_day(visitor: Person, network: FakeNetwork, clock: Clock) -> None:
    assert (await sign_in(visitor, network)).status_code == 201
    clock.advance(discovery.USABLE_FOR + timedelta(seconds=1))
    assert problem_of(await sign_in(visitor, network, endpoint=Endpoint.KEYS, answer_fault=AnswerFault.BROKEN)) == (
        502,
        "provider-failed",
    )


async def test_what_a_provider_says_about_itself_is_asked_for_once_an_hour(
    visitor: Person, network: FakeNetwork, clock: Clock
) -> None:
    for _ in range(3):
        await leave(visitor)
    assert len(network.asked) == 1
    clock.advance(discovery.KNOWN_FOR + timedelta(seconds=1))
    await leave(visitor)
    assert len(network.asked) == 2


@pytest.mark.checklist("G04")
@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example"},
        {"issuer": "http://provider.example"},
        {"token_endpoint": "http://provider.example/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": "file:///etc/passwd"},
        {"userinfo_endpoint": 5},
        {"token_endpoint": None},
    ],
    ids=str,
)
async def test_a_provider_that_speaks_for_others_or_in_the_open_is_not_used(
    visitor: Person, network: FakeNetwork, metadata: dict[str, object]
) -> None:
    network.oidc.more_metadata = metadata
    assert problem_of(await visitor.get("/oauth2/oidc/authorize")) == (502, "provider-failed")


async def test_a_provider_that_failed_once_is_asked_again(visitor: Person, network: FakeNetwork) -> None:
    network.oidc.answer_faults = {Endpoint.METADATA: AnswerFault.BROKEN}
    assert problem_of(await visitor.get("/oauth2/oidc/authorize")) == (502, "provider-failed")
    network.oidc.answer_faults = {}
    assert (await sign_in(visitor, network)).status_code == 201


@pytest.mark.checklist("G04")
async def test_a_user_is_known_by_the_subject_and_not_by_the_address(
    visitor: Person, stage: Stage, network: FakeNetwork, tables: Tables
) -> None:
    await sign_in(visitor, network, subject="one")
    # The address goes to another user of the provider, and the first user gets another one.
    stranger = stage.person("visitor", "198.51.100.7")
    assert problem_of(await sign_in(stranger, network, subject="two")) == (409, "link-required")
    assert (await sign_in(visitor, network, subject="one", email="new@example.com")).status_code == 201
    [user] = await tables.rows("user")
    [account] = await tables.rows("oauth_account")
    assert (user["email"], account["account_email"]) == (visitor.email, "new@example.com")


@pytest.mark.checklist("G04")
async def test_the_same_subject_of_another_issuer_is_another_user(
    visitor: Person, stage: Stage, network: FakeNetwork, tables: Tables
) -> None:
    await sign_in(visitor, network, subject="one")
    other = stage.person("hopper")
    for provider in ("google", "gitlab"):
        await sign_in(other, network, provider, subject="one")
        other = stage.person(f"{provider}-user")
    assert {row["email"] for row in await tables.rows("user")} == {
        "visitor@example.com",
        "hopper@example.com",
        "google-user@example.com",
    }


@pytest.mark.checklist("G04")
async def test_a_new_issuer_under_an_old_name_knows_no_users(
    visitor: Person, network: FakeNetwork, tables: Tables
) -> None:
    await sign_in(visitor, network, subject="one")
    await tables.execute("UPDATE oauth_account SET issuer = 'https://the-former-one.example'")
    assert problem_of(await sign_in(visitor, network, subject="one")) == (409, "link-required")
