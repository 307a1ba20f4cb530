"""The settings of sign-in with other providers: what is refused, and in which words."""

import pytest

from app.oauth.authorization_request import FlowPurpose
from app.oauth.authorization_request import redirect_uri
from app.oauth.providers import offered
from app.settings import SettingsError
from app.settings import read_settings
from app.settings.openid_providers import OpenIDSettings
from app.settings.providers import Client
from app.settings.types import Switch

SECRET_KEY = "a secret key of the tests that opens nothing else"
TEST = {"ENVIRONMENT": "test", "SECRET_KEY": SECRET_KEY}
GOOGLE = {"OAUTH_GOOGLE_CLIENT_ID": "id", "OAUTH_GOOGLE_CLIENT_SECRET": "hidden-word"}
COMPANY = "0f0e7c4d-1a2b-4c3d-8e9f-001122334455"
OIDC = {
    "OAUTH_OIDC_ISSUER": "https://login.example.com/tenant",
    "OAUTH_OIDC_CLIENT_ID": "id",
    "OAUTH_OIDC_CLIENT_SECRET": "hidden-word",
}
ISSUER = "OAUTH_OIDC_ISSUER must start with https://, for example https://accounts.example.com"
PAGE = (
    "OAUTH_RETURN_URL must be the URL of a page, for example https://app.example.com/signed-in,"
    " or of an app, for example com.example.app:/signed-in"
)


PAGES_OF_NOBODY = [
    "/signed-in",
    "app.example.com",
    "javascript://alert(1)",
    "https://a.example/#b",
    "http://app.example.com/signed-in",
    "http://localhost:1@app.example.com/",
    "javascript:/alert(1)",
    "com.example.app:signed-in",
    "com.example.app://",
    "com.example.app:/signed-in#b",
]


def refusal_of(environment: dict[str, str]) -> list[str]:
    """The lines with which these settings are refused."""
    with pytest.raises(SettingsError) as refusal:
        read_settings(TEST | environment)
    return refusal.value.message.splitlines()


def test_without_credentials_no_provider_is_offered() -> None:
    assert dict(offered(read_settings(TEST))) == {}


@pytest.mark.parametrize("provider", ["GOOGLE", "GITHUB", "MICROSOFT", "GITLAB"])
def test_a_secret_without_a_client_keeps_the_service_from_starting(provider: str) -> None:
    given, missing = f"OAUTH_{provider}_CLIENT_SECRET", f"OAUTH_{provider}_CLIENT_ID"
    assert refusal_of({given: "hidden-word"}) == [f"{missing} must be set too, since {given} is"]


@pytest.mark.parametrize("provider", ["GOOGLE", "GITHUB"])
def test_a_provider_that_accepts_no_public_client_needs_a_secret(provider: str) -> None:
    given, missing = f"OAUTH_{provider}_CLIENT_ID", f"OAUTH_{provider}_CLIENT_SECRET"
    assert refusal_of({given: "id"}) == [f"{missing} must be set too, since {given} is"]


@pytest.mark.parametrize("provider", ["microsoft", "gitlab", "oidc"])
def test_without_a_secret_the_service_is_a_public_client(provider: str) -> None:
    issuer = {"OAUTH_OIDC_ISSUER": OIDC["OAUTH_OIDC_ISSUER"]} if provider == "oidc" else {}
    settings = read_settings(TEST | issuer | {f"OAUTH_{provider.upper()}_CLIENT_ID": "id"})
    assert settings.client_of(provider) == Client("id", "")
    assert {*offered(settings)} == {provider}


def test_a_method_to_send_a_secret_needs_a_secret() -> None:
    given = {"OAUTH_GITLAB_CLIENT_ID": "id", "OAUTH_GITLAB_AUTH_METHOD": "client_secret_post"}
    assert refusal_of(given) == ["OAUTH_GITLAB_CLIENT_SECRET must be set too, since OAUTH_GITLAB_CLIENT_ID is"]
    assert refusal_of({"OAUTH_GITLAB_AUTH_METHOD": "none"}) == [
        "OAUTH_GITLAB_AUTH_METHOD must be 'client_secret_basic' or 'client_secret_post'"
    ]


@pytest.mark.parametrize("missing", ["OAUTH_OIDC_ISSUER", "OAUTH_OIDC_CLIENT_ID"])
def test_an_openid_provider_needs_an_issuer_and_a_client(missing: str) -> None:
    given = next(name for name in OIDC if name != missing)
    lines = refusal_of({name: value for name, value in OIDC.items() if name != missing})
    assert lines == [f"{missing} must be set too, since {given} is"]


def test_everything_that_is_missing_is_said_at_once() -> None:
    lines = refusal_of({"OAUTH_OIDC_CLIENT_ID": "id", "OAUTH_GITHUB_CLIENT_ID": "id"})
    assert [line.split()[0] for line in lines] == [
        "OAUTH_GITHUB_CLIENT_SECRET",
        "OAUTH_OIDC_ISSUER",
    ]


@pytest.mark.parametrize(
    "issuer",
    [
        "http://login.example.com",
        "login.example.com",
        "https://a?b=c",
        "https://a#b",
        "http://localhost.evil",
        "http://localhost:1?a",
        "http://localhost:1@login.example.com",
    ],
)
def test_an_issuer_that_can_be_overheard_is_refused(issuer: str) -> None:
    assert refusal_of(OIDC | {"OAUTH_OIDC_ISSUER": issuer}) == [f"{ISSUER}; got {issuer!r}"]


@pytest.mark.parametrize("issuer", ["http://localhost:9000", "http://127.0.0.1:9000/a", "https://login.example.com/a/"])
def test_an_issuer_on_this_machine_is_enough_for_a_desk(issuer: str) -> None:
    assert read_settings(TEST | OIDC | {"OAUTH_OIDC_ISSUER": issuer}).oauth_oidc_issuer == issuer


@pytest.mark.parametrize("page", PAGES_OF_NOBODY)
def test_a_page_to_come_back_to_has_a_whole_address(page: str) -> None:
    assert refusal_of({"OAUTH_RETURN_URL": page}) == [f"{PAGE}; got {page!r}"]


@pytest.mark.parametrize(
    "page",
    [
        "https://app.example.com/signed-in?a=b",
        "http://localhost:5173/",
        "shop://signed-in",
        "com.example.app:/signed-in",
        "com.example.app:/",
    ],
)
def test_it_may_be_a_page_of_an_app(page: str) -> None:
    assert read_settings(TEST | {"OAUTH_RETURN_URL": page}).oauth_return_url == page


@pytest.mark.parametrize("tenant", ["contoso.onmicrosoft.com", "common/x", "1", f"{COMPANY}0"])
def test_a_directory_of_microsoft_is_named_by_its_id(tenant: str) -> None:
    says = "must be your directory (tenant) ID, or one of common, organizations, consumers"
    assert refusal_of({"OAUTH_MICROSOFT_TENANT": tenant}) == [f"OAUTH_MICROSOFT_TENANT {says}; got {tenant!r}"]
    assert read_settings(TEST | {"OAUTH_MICROSOFT_TENANT": COMPANY.upper()}).oauth_microsoft_tenant == COMPANY


@pytest.mark.checklist("G07")
@pytest.mark.parametrize("tenant", ["", "common", "organizations", "consumers"])
def test_addresses_that_any_company_can_type_are_never_trusted(tenant: str) -> None:
    given = {"OAUTH_MICROSOFT_TRUSTS_EMAIL": "on", "OAUTH_MICROSOFT_TENANT": tenant}
    assert refusal_of(given) == [
        "OAUTH_MICROSOFT_TRUSTS_EMAIL needs OAUTH_MICROSOFT_TENANT: your directory (tenant) ID"
    ]
    assert read_settings(TEST | given | {"OAUTH_MICROSOFT_TENANT": COMPANY}).oauth_microsoft_tenant == COMPANY


@pytest.mark.parametrize("scopes", ["openid profile email", "profile, email", "profile email openid profile"])
def test_scopes_are_a_list_that_has_openid(scopes: str) -> None:
    settings = read_settings(TEST | {"OAUTH_OIDC_SCOPES": scopes})
    assert (settings.oauth_oidc_scopes[0], {*settings.oauth_oidc_scopes}) == ("openid", {"openid", "profile", "email"})


def test_any_number_of_openid_providers_have_a_name_each() -> None:
    acme = {name.replace("OIDC", "ACME_2"): value for name, value in OIDC.items()}
    acme |= {"OAUTH_ACME_2_LABEL": "Acme", "OAUTH_ACME_2_SCOPES": "profile", "OAUTH_ACME_2_TRUSTS_EMAIL": "on"}
    settings = read_settings(TEST | OIDC | acme)
    assert settings.openid_providers() == {
        "acme_2": OpenIDSettings("https://login.example.com/tenant", "Acme", ("openid", "profile")),
        "oidc": OpenIDSettings("https://login.example.com/tenant", "", ("openid", "email")),
    }
    assert settings.client_of("acme_2") == Client("id", "hidden-word", trusts_email=True)
    assert {name: each.label for name, each in offered(settings).items()} == {
        "acme_2": "Acme",
        "oidc": "login.example.com",
    }
    assert "hidden-word" not in repr(settings)


@pytest.mark.checklist("I12")
def test_mistakes_in_each_of_them_are_said_by_name() -> None:
    lines = refusal_of(
        {
            "OAUTH_ACME_CLIENT_ID": "id",
            "OAUTH_ACME2_ISSUER": "http://login.example.com",
            "OAUTH_OIDC_CLIENT_ID": "id",
            f"OAUTH_{'A' * 33}_CLIENT_ID": "id",
            "OPENAPI": "maybe",
        }
    )
    assert sorted(line.partition(";")[0] for line in lines) == [
        f"OAUTH_{'A' * 33}_CLIENT_ID must have at most 32 characters between OAUTH_ and _CLIENT_ID",
        "OAUTH_ACME2_ISSUER must start with https://, for example https://accounts.example.com",
        "OAUTH_ACME_ISSUER must be set too, since OAUTH_ACME_CLIENT_ID is",
        "OAUTH_OIDC_ISSUER must be set too, since OAUTH_OIDC_CLIENT_ID is",
        "OPENAPI must be 'on' or 'off'",
    ]


@pytest.mark.parametrize("name", ["GITHUB", "GOOGLE", "MICROSOFT", "GITLAB"])
def test_a_preset_keeps_its_own_issuer(name: str) -> None:
    given = {f"OAUTH_{name}_{field}": "id" for field in ("CLIENT_ID", "CLIENT_SECRET")}
    settings = read_settings(TEST | given | {f"OAUTH_{name}_ISSUER": "https://evil.example"})
    assert settings.openid_providers() == {}
    assert [*offered(settings)] == [name.lower()]


@pytest.mark.parametrize("url", ["github.example.com", "http://github.example.com", "https://github.example.com/path"])
def test_a_github_of_your_own_has_a_whole_address(url: str) -> None:
    says = "must be a scheme and a host, for example https://github.example.com"
    assert refusal_of({"OAUTH_GITHUB_URL": url}) == [f"OAUTH_GITHUB_URL {says}; got {url!r}"]


def test_what_may_be_done_is_switched_on_or_off() -> None:
    settings = read_settings(TEST)
    assert (settings.oauth_sign_up, settings.oauth_store_tokens) == (Switch.ON, Switch.OFF)
    assert refusal_of({"OAUTH_SIGN_UP": "yes"}) == ["OAUTH_SIGN_UP must be 'on' or 'off'"]


def test_secrets_show_in_no_representation_and_in_no_refusal() -> None:
    settings = read_settings(TEST | GOOGLE | OIDC)
    shown = [
        repr(settings),
        str(settings),
        settings.model_dump_json(),
        *refusal_of({"OAUTH_OIDC_CLIENT_SECRET": "hidden-word"}),
    ]
    assert not any("hidden-word" in text for text in shown)
    client = settings.client_of("google")
    assert client is not None
    assert client.secret == "hidden-word"


def test_what_has_to_be_registered_with_a_provider_hangs_on_base_url_alone() -> None:
    settings = read_settings(TEST | GOOGLE | {"BASE_URL": "https://service.example/"})
    addresses = [redirect_uri(settings, "google", purpose) for purpose in FlowPurpose]
    assert sorted(set(addresses)) == [
        "https://service.example/oauth2-associate/google/callback",
        "https://service.example/oauth2/google/callback",
    ]
