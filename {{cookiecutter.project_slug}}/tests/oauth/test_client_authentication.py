"""The service as a client of a provider that accepts it in one way: the one that it was registered with."""

import pytest
from litestar import Litestar
from pydantic import SecretStr

from app.settings.openid_providers import AuthMethod
from tests.cast import Person
from tests.oauth.fake_network import FakeNetwork
from tests.oauth.fake_network import come_back
from tests.oauth.fake_network import leave
from tests.oauth.fake_network import problem_of
from tests.oauth.fake_network import query_of
from tests.oauth.fake_network import sign_in
from tests.oauth.fake_network import with_settings
from tests.provider.fault_switches import Endpoint

pytestmark = pytest.mark.checklist("G13")
METHODS = ["client_secret_basic", "client_secret_post"]
LISTED = "token_endpoint_auth_methods_supported"
FAILED = (502, "provider-failed")


def attempts(network: FakeNetwork) -> int:
    """How often the service has asked for tokens."""
    return [url.path for url in network.asked].count(Endpoint.TOKEN)


@pytest.mark.parametrize("registered", METHODS)
@pytest.mark.parametrize(
    "listed", [METHODS, METHODS[::-1], METHODS[:1], METHODS[1:], [], ["private_key_jwt"], None, ...]
)
async def test_users_sign_in_whatever_is_registered_and_whatever_is_listed(
    visitor: Person, network: FakeNetwork, registered: str, listed: object
) -> None:
    network.oidc.auth_method = registered
    network.oidc.more_metadata = {LISTED: listed}
    assert (await sign_in(visitor, network)).status_code == 201
    first = "client_secret_post" if listed == METHODS[1:] else "client_secret_basic"
    assert attempts(network) == (1 if first == registered else 2)


async def test_refusals_in_the_words_of_glewlwyd_are_understood(visitor: Person, network: FakeNetwork) -> None:
    network.oidc.refuses_client, network.oidc.refuses_code = (403, "unauthorized_client"), (403, "invalid_code")
    network.oidc.auth_method = "client_secret_post"
    assert (await sign_in(visitor, network)).status_code == 201
    state = query_of(await leave(visitor))["state"]
    answer = await visitor.get(f"/oauth2/oidc/callback?state={state}&code=made-up")
    assert (problem_of(answer), attempts(network)) == ((400, "provider-refused"), 3)


async def test_the_method_that_was_accepted_is_remembered(visitor: Person, network: FakeNetwork) -> None:
    network.oidc.auth_method = "client_secret_post"
    for _ in range(3):
        assert (await sign_in(visitor, network)).status_code == 201
    assert attempts(network) == 4
    network.oidc.auth_method = "client_secret_basic"
    assert (await sign_in(visitor, network)).status_code == 201
    assert attempts(network) == 6


async def test_a_provider_that_spends_a_code_at_once_refuses_one_user_and_no_more(
    visitor: Person, network: FakeNetwork
) -> None:
    network.oidc.auth_method, network.oidc.spends_codes_first = "client_secret_post", True
    assert problem_of(await sign_in(visitor, network)) == (400, "provider-refused")
    for _ in range(2):
        assert (await sign_in(visitor, network)).status_code == 201
    assert attempts(network) == 4


async def test_a_wrong_secret_is_sent_twice_and_no_more(visitor: Person, network: FakeNetwork) -> None:
    network.oidc.client_secret = "another"
    assert problem_of(await sign_in(visitor, network)) == FAILED
    assert attempts(network) == 2


async def test_a_code_that_is_not_valid_is_sent_once(visitor: Person, network: FakeNetwork) -> None:
    state = query_of(await leave(visitor))["state"]
    answer = await visitor.get(f"/oauth2/oidc/callback?state={state}&code=made-up")
    assert (problem_of(answer), attempts(network)) == ((400, "provider-refused"), 1)


@pytest.mark.parametrize("registered", METHODS)
@pytest.mark.parametrize("set_to", AuthMethod)
async def test_a_setting_rules_over_what_is_listed(
    app: Litestar, visitor: Person, network: FakeNetwork, registered: str, set_to: AuthMethod
) -> None:
    network.oidc.auth_method = registered
    network.oidc.more_metadata = {LISTED: [registered]}
    with with_settings(app, oauth_oidc_auth_method=set_to):
        answer = await sign_in(visitor, network)
    assert answer.status_code == (201 if set_to == registered else 502)
    assert attempts(network) == 1


async def test_a_client_that_is_known_but_may_not_do_this_is_tried_once(visitor: Person, network: FakeNetwork) -> None:
    network.oidc.auth_method, network.oidc.refuses_client = "client_secret_post", (400, "unauthorized_client")
    assert problem_of(await sign_in(visitor, network)) == FAILED
    assert attempts(network) == 1


async def test_without_a_secret_the_service_is_a_public_client(
    app: Litestar, visitor: Person, network: FakeNetwork
) -> None:
    network.oidc.auth_method = "none"
    assert problem_of(await sign_in(visitor, network)) == FAILED
    with with_settings(app, oauth_oidc_client_secret=None):
        assert (await sign_in(visitor, network)).status_code == 201


@pytest.mark.parametrize("secret", ["a:b", "caf\u00e9", "100% of + and &", "%2B"])
@pytest.mark.parametrize("registered", METHODS)
async def test_a_secret_may_hold_any_character(
    app: Litestar, visitor: Person, network: FakeNetwork, registered: str, secret: str
) -> None:
    network.oidc.auth_method, network.oidc.client_secret = registered, secret
    with with_settings(app, oauth_oidc_client_secret=SecretStr(secret)):
        assert (await sign_in(visitor, network)).status_code == 201


@pytest.mark.parametrize("registered", [*METHODS, "none"])
async def test_a_request_is_pushed_where_the_provider_requires_it(
    app: Litestar, visitor: Person, network: FakeNetwork, registered: str
) -> None:
    network.oidc.auth_method = registered
    network.oidc.more_metadata = {"require_pushed_authorization_requests": True}
    secret = app.state.settings.oauth_oidc_client_secret if registered != "none" else None
    with with_settings(app, oauth_oidc_client_secret=secret):
        address = await leave(visitor)
        assert {*query_of(address)} == {"client_id", "request_uri"}
        back = await network.consent(address, email=visitor.email)
        assert (await come_back(visitor, back)).status_code == 201


async def test_a_request_that_may_not_be_pushed_is_a_failure(visitor: Person, network: FakeNetwork) -> None:
    network.oidc.more_metadata = {"require_pushed_authorization_requests": True}
    network.oidc.client_secret = "another"
    assert problem_of(await visitor.get("/oauth2/oidc/authorize")) == FAILED
