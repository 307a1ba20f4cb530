"""Apple: a client secret made from a key, an answer in a form, a name once, and addresses that forward."""

import json
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization import NoEncryption
from cryptography.hazmat.primitives.serialization import PrivateFormat
from joserfc import jwt
from litestar import Litestar
from litestar.routes import HTTPRoute
from pydantic import SecretStr

from app.oauth.doctor_checks import documents
from app.oauth.doctor_checks import redirects
from app.settings import Settings
from app.settings import read_settings
from app.settings.apple_key import WRITE
from app.settings.findings import Level
from tests.cast import BASE_URL
from tests.cast import Clock
from tests.cast import Outbox
from tests.cast import Person
from tests.cast import Stage
from tests.oauth.fake_network import FORMS
from tests.oauth.fake_network import FakeNetwork
from tests.oauth.fake_network import come_back
from tests.oauth.fake_network import leave
from tests.oauth.fake_network import link
from tests.oauth.fake_network import post_form
from tests.oauth.fake_network import problem_of
from tests.oauth.fake_network import query_of
from tests.oauth.fake_network import sign_in
from tests.oauth.fake_network import with_settings
from tests.oauth.test_settings import TEST
from tests.oauth.test_settings import refusal_of
from tests.provider.apple import KEY
from tests.provider.apple import KEY_ID
from tests.provider.apple import PRIVATE_KEY
from tests.provider.apple import TEAM
from tests.tables import Tables

AUTHORIZE, CALLBACK = "/oauth2/apple/authorize", "/oauth2/apple/callback"
RELAY = "dpdcnf87nu@privaterelay.appleid.com"
APPLE = {
    "OAUTH_APPLE_CLIENT_ID": "com.example.web",
    "OAUTH_APPLE_TEAM_ID": TEAM,
    "OAUTH_APPLE_KEY_ID": KEY_ID,
    "OAUTH_APPLE_PRIVATE_KEY": PRIVATE_KEY,
}


def pem_of(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    """The key as Apple would write it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


async def test_a_user_signs_up_with_a_form_that_brings_no_cookie(visitor: Person, network: FakeNetwork) -> None:
    address = await leave(visitor, AUTHORIZE)
    query = query_of(address)
    assert (query["response_mode"], query["scope"]) == ("form_post", "openid email name")
    answer = await come_back(visitor, await network.consent(address, email=visitor.email))
    assert answer.status_code == 201, answer.text
    assert (await visitor.get("/users/me")).json()["display_name"] == "Grace Hopper"


async def test_linking_works_the_same(grace: Person, network: FakeNetwork) -> None:
    await grace.sign_in()
    answer = await link(grace, network, "apple")
    assert (answer.status_code, answer.json()["provider"]) == (200, "apple")
    assert (await grace.get("/users/me")).json()["display_name"] == ""


async def test_signing_in_again_keeps_the_name(
    visitor: Person, stage: Stage, network: FakeNetwork, tables: Tables
) -> None:
    await sign_in(visitor, network, "apple")
    for is_new_there in (False, True):
        network.apple.introduced -= {visitor.email} if is_new_there else set()
        again = stage.person("visitor")
        assert (await sign_in(again, network, "apple", first_name="Mallory")).status_code == 201
    assert [row["display_name"] for row in await tables.rows("user")] == ["Grace Hopper"]


@pytest.mark.checklist("G01")
async def test_a_form_counts_in_the_browser_that_was_sent_there_and_in_no_other(
    visitor: Person, mallory: Person, network: FakeNetwork, tables: Tables
) -> None:
    address = await network.consent(await leave(visitor, AUTHORIZE))
    elsewhere = await post_form(mallory, address, FORMS[address])
    assert problem_of(await mallory.get(elsewhere)) == (400, "invalid-state")
    assert network.apple.secrets == []
    assert (await come_back(visitor, address)).status_code == 201
    assert len(await tables.rows("user_session")) == 1


@pytest.mark.checklist("E08")
def test_nothing_but_such_a_form_is_taken_from_other_sites(app: Litestar) -> None:
    taken = {
        (method, route.path_format)
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method, (handler, _) in route.route_handler_map.items()
        if handler.opt.get("accepts_other_sites")
    }
    assert taken - {("OPTIONS", path) for _, path in taken} == {
        ("POST", "/oauth2/{provider}/callback"),
        ("POST", "/oauth2-associate/{provider}/callback"),
    }


@pytest.mark.checklist("G10")
@pytest.mark.parametrize(
    "form",
    [
        {},
        {"state": "unknown", "code": "made up"},
        {"state": "unknown", "code": "made up", "user": json.dumps({"name": {"firstName": "Mallory"}})},
        {"state": "unknown", "error": "user_cancelled_authorize"},
    ],
)
async def test_a_form_leads_to_the_same_path_alone(visitor: Person, form: dict[str, str]) -> None:
    form |= {"redirect_uri": "https://evil.example", "next": "https://evil.example", "Host": "evil.example"}
    place = await post_form(visitor, f"{BASE_URL}{CALLBACK}", form)
    assert {*query_of(place)} <= {"state", "code", "error", "iss"}
    assert problem_of(await visitor.get(place)) == (400, "invalid-state")


@pytest.mark.checklist("G11", "I13")
@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"state": "a" * 257}, "state"),
        ({"code": "a" * 4097}, "code"),
        ({"code": "a\r\nSet-Cookie: a=b"}, "code"),
        ({"user": "a" * 4097}, "user"),
        ({"state": ["a", "b"]}, "state"),
    ],
)
async def test_an_odd_form_is_refused(visitor: Person, form: dict[str, str | list[str]], field: str) -> None:
    answer = await visitor.client.post(CALLBACK, data=form)
    assert problem_of(answer)[0] == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_a_form_for_a_provider_that_is_not_offered_is_not_found(app: Litestar, visitor: Person) -> None:
    with with_settings(app, oauth_apple_client_id=None):
        assert problem_of(await visitor.client.post(CALLBACK, data={"state": "a"})) == (404, "not-found")


async def test_a_user_who_cancels_gets_no_account(visitor: Person, network: FakeNetwork, tables: Tables) -> None:
    address = await network.consent(await leave(visitor, AUTHORIZE), decision="no")
    assert problem_of(await come_back(visitor, address)) == (400, "provider-refused")
    assert await tables.rows("user") == []


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("no JSON", ""),
        ("[]", ""),
        ("[" * 4000, ""),
        ('{"name": "Grace"}', ""),
        ('{"name": {"firstName": 5, "lastName": null}}', ""),
        ('{"name": {"lastName": "Hopper"}}', "Hopper"),
        ('{"name": {"firstName": "Gra\\u0000ce\\u202e", "lastName": "Hopper\\r\\nBcc: x"}}', "Grace HopperBcc: x"),
        (json.dumps({"name": {"firstName": "a" * 200}}), "a" * 100),
    ],
    ids=str,
)
async def test_a_name_is_taken_if_it_is_one(visitor: Person, network: FakeNetwork, said: str, name: str) -> None:
    network.apple.says_of_user = said
    assert (await sign_in(visitor, network, "apple")).status_code == 201
    assert (await visitor.get("/users/me")).json()["display_name"] == name


@pytest.mark.checklist("A10")
async def test_the_name_of_the_provider_replaces_that_of_an_unproven_sign_up(
    visitor: Person, mallory: Person, network: FakeNetwork
) -> None:
    mallory.email = visitor.email
    await mallory.post("/register", email=visitor.email, password=mallory.password, display_name="Mallory")
    assert (await sign_in(visitor, network, "apple")).status_code == 201
    assert (await visitor.get("/users/me")).json()["display_name"] == "Grace Hopper"


@pytest.mark.checklist("G13")
@pytest.mark.parametrize("words", [{"is_private_email": True}, {"is_private_email": "true"}])
async def test_an_address_that_forwards_is_an_address(
    visitor: Person, network: FakeNetwork, outbox: Outbox, words: dict[str, object]
) -> None:
    network.apple.more_claims = {"email": RELAY} | words
    assert (await sign_in(visitor, network, "apple", address="verified, as a word instead of a yes")).status_code == 201
    assert (await visitor.get("/users/me")).json()["email"] == RELAY
    await visitor.post("/forgot-password", email=RELAY)
    assert len(outbox.to_address(RELAY)) == 1


@pytest.mark.checklist("G07")
async def test_an_address_that_apple_has_not_verified_makes_no_account(visitor: Person, network: FakeNetwork) -> None:
    network.apple.more_claims = {"email_verified": "false"}
    assert problem_of(await sign_in(visitor, network, "apple")) == (400, "address-not-verified")


async def test_the_secret_is_made_with_the_key_for_a_few_minutes(
    visitor: Person, network: FakeNetwork, clock: Clock
) -> None:
    await sign_in(visitor, network, "apple")
    clock.advance(timedelta(days=200))
    await sign_in(visitor, network, "apple")
    for secret, later in zip(network.apple.secrets, (0, 200), strict=True):
        token = jwt.decode(secret, KEY, algorithms=["ES256"])
        assert token.header == {"alg": "ES256", "kid": KEY_ID, "typ": "JWT"}
        assert {*token.claims} == {"iss", "sub", "aud", "iat", "exp"}
        assert token.claims["exp"] - token.claims["iat"] <= 15 * 60
        age = network.apple.now().timestamp() - token.claims["iat"] - (200 - later) * 86_400
        assert 60 <= age < 600


@pytest.mark.parametrize(
    "changes",
    [
        {"oauth_apple_team_id": "ANOTHER"},
        {"oauth_apple_key_id": "ANOTHER"},
        {"oauth_apple_private_key": SecretStr(pem_of(ec.generate_private_key(ec.SECP256R1())))},
    ],
    ids=lambda each: str([*each]),
)
async def test_a_wrong_key_is_a_failure_that_the_log_names(
    app: Litestar, visitor: Person, network: FakeNetwork, changes: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    with with_settings(app, **changes):
        assert problem_of(await sign_in(visitor, network, "apple")) == (502, "provider-failed")
    assert "/token answered 401 invalid_client" in caplog.text
    assert "PRIVATE KEY" not in caplog.text


@pytest.mark.checklist("I12")
@pytest.mark.parametrize("missing", [*APPLE])
def test_all_four_settings_are_needed(missing: str) -> None:
    [line] = refusal_of({name: value for name, value in APPLE.items() if name != missing})
    assert line.startswith(f"{missing} must be set too, since OAUTH_APPLE_")


@pytest.mark.checklist("I12")
@pytest.mark.parametrize(
    "written",
    [PRIVATE_KEY, PRIVATE_KEY.replace("\n", "\\n"), "".join(PRIVATE_KEY.splitlines()[1:-1]), f" {PRIVATE_KEY}\r\n"],
)
def test_the_key_may_be_written_on_one_line(written: str) -> None:
    settings = read_settings(TEST | APPLE | {"OAUTH_APPLE_PRIVATE_KEY": written})
    key = settings.apple_key()
    assert key is not None
    assert key.private_key == PRIVATE_KEY
    assert PRIVATE_KEY.splitlines()[1] not in repr(settings)


@pytest.mark.checklist("I12")
@pytest.mark.parametrize(
    "written",
    [
        "AuthKey_KEY1234567.p8",
        "hidden-word",
        pem_of(ec.generate_private_key(ec.SECP384R1())),
        pem_of(rsa.generate_private_key(65537, 2048)),
        KEY.as_pem(private=False).decode(),
    ],
)
def test_another_key_is_refused_at_start_and_not_repeated(written: str) -> None:
    assert refusal_of(APPLE | {"OAUTH_APPLE_PRIVATE_KEY": written}) == [
        f"OAUTH_APPLE_PRIVATE_KEY {WRITE}",
    ]


async def test_the_doctor_says_what_apple_wants_to_know(settings: Settings) -> None:
    about = [finding async for finding in documents(settings) if finding.about == "OAUTH_APPLE_CLIENT_ID"]
    assert [finding.level for finding in about] == [Level.OK]
    says = [finding.says for finding in redirects(settings) if finding.about == "OAUTH_APPLE_CLIENT_ID"]
    assert f"{BASE_URL}{CALLBACK}" in says[0]
    assert "noreply@service.example" in says[1]
    local = settings.model_copy(update={"base_url": "http://localhost:8000"})
    warned = [finding for finding in redirects(local) if finding.level is Level.WARNING]
    assert [finding.about for finding in warned] == ["BASE_URL"]
