"""What an OpenID provider says about somebody, and whether it is believed."""

from datetime import timedelta

import pytest

from app.oauth.providers import openid
from app.oauth.providers.id_tokens import REQUIRED
from tests.cast import Clock
from tests.cast import Person
from tests.cast import Stage
from tests.oauth.abroad import Abroad
from tests.oauth.abroad import leave
from tests.oauth.abroad import problem_of
from tests.oauth.abroad import sign_in
from tests.provider.lies import Lie
from tests.provider.lies import Place
from tests.provider.lies import Trouble
from tests.provider.people import Claims
from tests.provider.people import key
from tests.tables import Tables

LIES = [lie for lie in Lie if lie not in {Lie.NONE, Lie.NOT_AGAIN}]


SAME: list[Claims] = [
    {"aud": ["this-service"]},
    {"aud": ["this-service", "another"], "azp": "this-service"},
    {"azp": "this-service"},
    {"exp": 4102444800.5},
    {"more": {"than": ["anybody", "expects"]}},
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
    {"iat": None},
    {"iat": {}},
    {"azp": ["this-service"]},
    {"nonce": ["a"]},
]
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
async def test_a_token_that_does_not_hold_signs_nobody_in(visitor: Person, abroad: Abroad, tables: Tables) -> None:
    for lie in LIES:
        answer = await sign_in(visitor, abroad, lie=lie)
        assert (lie, *problem_of(answer)) == (lie, 400, "invalid-identity")
        assert answer.json().keys() == {"type", "title", "status"}
    assert (await tables.rows("user"), await tables.rows("user_session")) == ([], [])


@pytest.mark.checklist("G04")
async def test_a_token_may_say_the_same_in_other_words(visitor: Person, abroad: Abroad) -> None:
    for claims in SAME:
        abroad.oidc.more_claims = claims
        assert (claims, (await sign_in(visitor, abroad)).status_code) == (claims, 201)


@pytest.mark.checklist("G04")
async def test_a_claim_of_another_kind_is_no_mistake_of_ours(visitor: Person, abroad: Abroad) -> None:
    for claims in ODD:
        abroad.oidc.more_claims = claims
        assert (claims, *problem_of(await sign_in(visitor, abroad))) == (claims, 400, "invalid-identity")


@pytest.mark.checklist("G04")
async def test_the_clock_of_a_provider_may_be_a_minute_off(visitor: Person, abroad: Abroad) -> None:
    here = abroad.oidc.now
    for shift, status in ((timedelta(seconds=50), 201), (timedelta(seconds=70), 400)):
        abroad.oidc.now = lambda shift=shift: here() + shift  # type: ignore[misc]  # a default is no parameter here
        assert (await sign_in(visitor, abroad)).status_code == status


@pytest.mark.checklist("G04")
@pytest.mark.parametrize("keys", ODD_KEYS, ids=str)
async def test_odd_keys_are_no_mistake_of_ours(
    visitor: Person, abroad: Abroad, keys: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.provider.routes.keys_of", lambda _: keys)
    assert problem_of(await sign_in(visitor, abroad)) == (400, "invalid-identity")


@pytest.mark.checklist("G04")
async def test_a_key_without_a_name_or_an_algorithm_counts_if_it_is_the_only_one(
    visitor: Person, abroad: Abroad, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = {name: value for name, value in key("first").as_dict(private=False).items() if name in {"kty", "n", "e"}}
    monkeypatch.setattr("tests.provider.routes.keys_of", lambda _: [public])
    abroad.oidc.names_keys = False
    assert (await sign_in(visitor, abroad)).status_code == 201


@pytest.mark.checklist("G04")
async def test_a_key_that_is_for_something_else_signs_nothing(
    visitor: Person, abroad: Abroad, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = key("first").as_dict(private=False) | {"use": "enc"}
    monkeypatch.setattr("tests.provider.routes.keys_of", lambda _: [public])
    assert problem_of(await sign_in(visitor, abroad)) == (400, "invalid-identity")


async def test_a_new_key_is_asked_for_but_not_all_the_time(visitor: Person, abroad: Abroad, clock: Clock) -> None:
    def asked_for_keys() -> int:
        return [url.path for url in abroad.asked].count(Place.KEYS)

    for _ in range(3):
        assert (await sign_in(visitor, abroad)).status_code == 201
    assert asked_for_keys() == 1
    abroad.oidc.key_name = "second"
    # Whoever makes tokens up makes us ask no more than once a minute.
    assert (await sign_in(visitor, abroad)).status_code == 400
    assert asked_for_keys() == 1
    clock.advance(openid.ASKED_AGAIN_AFTER + timedelta(seconds=1))
    assert (await sign_in(visitor, abroad)).status_code == 201
    assert asked_for_keys() == 2


async def test_what_a_provider_says_about_itself_is_asked_for_once_an_hour(
    visitor: Person, abroad: Abroad, clock: Clock
) -> None:
    for _ in range(3):
        await leave(visitor)
    assert len(abroad.asked) == 1
    clock.advance(openid.KNOWN_FOR + timedelta(seconds=1))
    await leave(visitor)
    assert len(abroad.asked) == 2


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
    visitor: Person, abroad: Abroad, metadata: dict[str, object]
) -> None:
    abroad.oidc.more_metadata = metadata
    assert problem_of(await visitor.get("/oauth2/oidc/authorize")) == (502, "provider-failed")


async def test_a_provider_that_failed_once_is_asked_again(visitor: Person, abroad: Abroad) -> None:
    abroad.oidc.troubles = {Place.METADATA: Trouble.BROKEN}
    assert problem_of(await visitor.get("/oauth2/oidc/authorize")) == (502, "provider-failed")
    abroad.oidc.troubles = {}
    assert (await sign_in(visitor, abroad)).status_code == 201


@pytest.mark.checklist("G04")
async def test_who_somebody_is_hangs_on_the_subject_and_not_on_the_address(
    visitor: Person, stage: Stage, abroad: Abroad, tables: Tables
) -> None:
    await sign_in(visitor, abroad, subject="one")
    # The address goes to somebody else at the provider, and the same person gets another one.
    stranger = stage.person("visitor", "198.51.100.7")
    assert problem_of(await sign_in(stranger, abroad, subject="two")) == (409, "link-required")
    assert (await sign_in(visitor, abroad, subject="one", email="new@example.com")).status_code == 201
    [user] = await tables.rows("user")
    [account] = await tables.rows("oauth_account")
    assert (user["email"], account["account_email"]) == (visitor.email, "new@example.com")


@pytest.mark.checklist("G04")
async def test_the_same_subject_of_another_issuer_is_somebody_else(
    visitor: Person, stage: Stage, abroad: Abroad, tables: Tables
) -> None:
    await sign_in(visitor, abroad, subject="one")
    other = stage.person("hopper")
    for provider in ("google", "gitlab"):
        await sign_in(other, abroad, provider, subject="one")
        other = stage.person(f"{provider}-user")
    assert {row["email"] for row in await tables.rows("user")} == {
        "visitor@example.com",
        "hopper@example.com",
        "google-user@example.com",
    }


@pytest.mark.checklist("G04")
async def test_a_new_issuer_under_an_old_name_knows_nobody(visitor: Person, abroad: Abroad, tables: Tables) -> None:
    await sign_in(visitor, abroad, subject="one")
    await tables.execute("UPDATE oauth_account SET issuer = 'https://the-former-one.example'")
    assert problem_of(await sign_in(visitor, abroad, subject="one")) == (409, "link-required")
