"""The preset providers, each with what is special about it."""

from typing import Any
from urllib.parse import urlsplit

import pytest
from litestar import Litestar

from app.settings.types import Switch
from tests.cast import Person
from tests.cast import Stage
from tests.oauth.fake_network import COMPANY
from tests.oauth.fake_network import FakeNetwork
from tests.oauth.fake_network import leave
from tests.oauth.fake_network import problem_of
from tests.oauth.fake_network import provider_at
from tests.oauth.fake_network import query_of
from tests.oauth.fake_network import sign_in
from tests.oauth.fake_network import with_settings
from tests.oauth.github import email_at_github as at_github
from tests.tables import Tables

TENANT = "0f0e7c4d-1a2b-4c3d-8e9f-001122334455"
ANOTHER_COMPANY = COMPANY.replace("0f0e7c4d", "1a2b3c4d")


async def account(tables: Tables) -> dict[str, Any]:
    """What is linked."""
    [row] = await tables.rows("oauth_account")
    return row


@pytest.mark.parametrize(
    ("provider", "issuer"), [("google", "https://accounts.google.com"), ("gitlab", "https://gitlab.com")]
)
async def test_a_preset_speaks_openid_connect(
    visitor: Person, network: FakeNetwork, tables: Tables, provider: str, issuer: str
) -> None:
    assert (await sign_in(visitor, network, provider, subject="1")).status_code == 201
    row = await account(tables)
    assert (row["oauth_name"], row["issuer"], row["account_id"]) == (provider, issuer, "1")


@pytest.mark.parametrize("edov", [True, "1", 1, "true"])
async def test_microsoft_vouches_for_addresses_whose_domain_is_proven(
    visitor: Person, network: FakeNetwork, tables: Tables, edov: object
) -> None:
    network.microsoft.more_claims |= {"xms_edov": edov}
    assert (await sign_in(visitor, network, "microsoft", address="not said to be verified")).status_code == 201
    assert (await account(tables))["issuer"] == COMPANY


@pytest.mark.checklist("G07")
@pytest.mark.parametrize("claims", [{}, {"xms_edov": False}, {"xms_edov": "0"}, {"xms_edov": None}])
@pytest.mark.parametrize("address", ["verified", "not verified", "not said to be verified"])
async def test_microsoft_does_not_vouch_for_what_a_company_has_typed(
    visitor: Person, network: FakeNetwork, claims: dict[str, object], address: str
) -> None:
    network.microsoft.more_claims |= claims
    answer = await sign_in(visitor, network, "microsoft", address=address)
    assert problem_of(answer) == (400, "address-not-verified")


@pytest.mark.checklist("G04")
@pytest.mark.parametrize(
    "claims",
    [
        {"iss": ANOTHER_COMPANY},
        {"tid": "another"},
        {"tid": None},
        {"iss": "https://login.microsoftonline.com/{tenantid}/v2.0"},
        {"iss": "https://login.microsoftonline.com/common/v2.0"},
    ],
    ids=str,
)
async def test_at_microsoft_the_issuer_is_the_company_that_the_token_names(
    visitor: Person, network: FakeNetwork, claims: dict[str, object]
) -> None:
    network.microsoft.more_claims |= {"xms_edov": True} | claims
    assert problem_of(await sign_in(visitor, network, "microsoft")) == (400, "invalid-identity")


@pytest.mark.checklist("G04")
async def test_the_same_subject_of_another_company_is_another_user(
    visitor: Person, stage: Stage, network: FakeNetwork, tables: Tables
) -> None:
    network.microsoft.more_claims |= {"xms_edov": True}
    await sign_in(visitor, network, "microsoft", subject="1")
    network.microsoft.more_claims |= {"iss": ANOTHER_COMPANY, "tid": "1a2b3c4d-company"}
    hopper = stage.person("hopper")
    assert (await sign_in(hopper, network, "microsoft", subject="1")).status_code == 201
    assert len(await tables.rows("user")) == 2


async def test_an_account_at_github_is_known_by_its_number(
    visitor: Person, network: FakeNetwork, tables: Tables
) -> None:
    network.github.emails = [at_github("other@example.com", primary=False), at_github(visitor.email)]
    assert (await sign_in(visitor, network, "github")).status_code == 201
    row = await account(tables)
    assert (row["issuer"], row["account_id"], row["account_email"]) == ("https://github.com", "583231", visitor.email)
    assert query_of(await leave(visitor, "/oauth2/github/authorize"))["scope"] == "user:email"


@pytest.mark.checklist("G07")
@pytest.mark.parametrize(
    "emails",
    [
        [],
        [at_github("grace@example.com", verified=False)],
        [at_github("grace@example.com", primary=False)],
        [at_github("grace@example.com", verified=False), at_github("hopper@example.com", primary=False)],
        [at_github("nowhere")],
    ],
)
async def test_github_vouches_for_a_primary_address_that_is_verified(
    visitor: Person, network: FakeNetwork, tables: Tables, emails: list[dict[str, Any]]
) -> None:
    network.github.emails = emails
    assert problem_of(await sign_in(visitor, network, "github")) == (400, "address-not-verified")
    assert await tables.rows("user") == []


@pytest.mark.checklist("G11")
@pytest.mark.parametrize(
    ("number", "emails"),
    [("5", "x"), (None, []), ([], []), (5, None), (5, [{}]), (5, [{"email": 1, "primary": True, "verified": True}])],
    ids=str,
)
async def test_odd_answers_of_github_are_no_mistake_of_ours(
    visitor: Person, network: FakeNetwork, number: object, emails: object
) -> None:
    network.github.number, network.github.emails = number, emails
    assert problem_of(await sign_in(visitor, network, "github")) == (502, "provider-failed")


@pytest.mark.checklist("G12")
async def test_a_code_that_github_does_not_know_is_refused(visitor: Person) -> None:
    state = query_of(await leave(visitor, "/oauth2/github/authorize"))["state"]
    answer = await visitor.get(f"/oauth2/github/callback?state={state}&code=made-up")
    assert problem_of(answer) == (400, "provider-refused")


async def test_an_endpoint_may_have_a_query_of_its_own(visitor: Person, network: FakeNetwork) -> None:
    network.oidc.more_metadata = {"authorization_endpoint": "https://provider.example/authorize?policy=one"}
    address = await leave(visitor)
    assert address.count("?") == 1
    assert (query_of(address)["policy"], query_of(address)["response_type"]) == ("one", "code")


async def test_an_issuer_may_be_written_with_a_slash_or_without(
    app: Litestar, visitor: Person, network: FakeNetwork
) -> None:
    with with_settings(app, oauth_oidc_issuer="https://provider.example/"):
        assert (await sign_in(visitor, network)).status_code == 201


async def test_a_provider_without_credentials_is_not_offered(app: Litestar, visitor: Person) -> None:
    with with_settings(app, oauth_google_client_id=None, oauth_google_client_secret=None):
        names = [provider["name"] for provider in (await visitor.get("/oauth2/providers")).json()]
        assert names == ["apple", "github", "gitlab", "microsoft", "oidc"]
        assert problem_of(await visitor.get("/oauth2/google/authorize")) == (404, "not-found")


@pytest.mark.parametrize(
    ("tenant", "issuer"),
    [
        (TENANT, f"https://login.microsoftonline.com/{TENANT}/v2.0"),
        ("organizations", COMPANY),
        ("consumers", "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"),
    ],
)
async def test_microsoft_may_be_one_directory(  # noqa: PLR0913, PLR0917  # who acts, and what it is tried with
    app: Litestar, visitor: Person, network: FakeNetwork, tables: Tables, tenant: str, issuer: str
) -> None:
    one = provider_at(f"https://login.microsoftonline.com/{tenant}/v2.0")
    one.path = f"/{tenant}/v2.0"
    one.calls_itself = network.microsoft.calls_itself if tenant == "organizations" else issuer
    one.more_claims = {"iss": issuer, "tid": issuer.split("/")[3], "xms_edov": True}
    network.add(one)
    with with_settings(app, oauth_microsoft_tenant=tenant):
        assert (await sign_in(visitor, network, "microsoft")).status_code == 201
        assert (await account(tables))["issuer"] == issuer
        one.more_claims |= {"iss": ANOTHER_COMPANY}
        assert problem_of(await sign_in(visitor, network, "microsoft")) == (400, "invalid-identity")


@pytest.mark.checklist("G07")
@pytest.mark.parametrize(("claims", "status"), [({}, 201), ({"xms_edov": False}, 400), ({"xms_edov": True}, 201)])
async def test_addresses_of_a_directory_of_your_own_can_be_trusted(
    app: Litestar, visitor: Person, network: FakeNetwork, claims: dict[str, object], status: int
) -> None:
    issuer = f"https://login.microsoftonline.com/{TENANT}/v2.0"
    own = provider_at(issuer)
    own.path, own.more_claims = f"/{TENANT}/v2.0", {"tid": TENANT} | claims
    network.add(own)
    with with_settings(app, oauth_microsoft_tenant=TENANT, oauth_microsoft_trusts_email=Switch.ON):
        assert (await sign_in(visitor, network, "microsoft", address="not said to be verified")).status_code == status


@pytest.mark.parametrize(
    ("url", "api"),
    [
        ("https://github.example.com", "github.example.com"),
        ("https://acme.ghe.com", "api.acme.ghe.com"),
        ("https://github.com", "api.github.com"),
    ],
)
async def test_github_may_be_a_server_of_your_own(  # noqa: PLR0913, PLR0917  # who acts, and what it is tried with
    app: Litestar, visitor: Person, network: FakeNetwork, tables: Tables, url: str, api: str
) -> None:
    network.github.emails = [at_github(visitor.email)]
    with with_settings(app, oauth_github_url=url):
        assert (await sign_in(visitor, network, "github")).status_code == 201
    assert (await account(tables))["issuer"] == url
    assert [asked.host for asked in network.asked] == [urlsplit(url).hostname, api, api]


async def test_an_openid_provider_has_a_label_and_scopes(app: Litestar, visitor: Person) -> None:
    with with_settings(app, oauth_oidc_label="Example Inc.", oauth_oidc_scopes=("openid", "email", "profile")):
        assert {"name": "oidc", "label": "Example Inc."} in (await visitor.get("/oauth2/providers")).json()
        assert query_of(await leave(visitor))["scope"] == "openid email profile"
    assert {"name": "oidc", "label": "provider.example"} in (await visitor.get("/oauth2/providers")).json()
