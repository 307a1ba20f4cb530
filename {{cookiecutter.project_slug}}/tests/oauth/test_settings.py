"""The settings of sign-in with other providers: what is refused, and in which words."""

import pytest

from app.oauth.authorization_request import FlowPurpose
from app.oauth.authorization_request import redirect_uri
from app.oauth.providers import offered
from app.settings import SettingsError
from app.settings import read_settings
from app.settings.types import Switch

SECRET_KEY = "a secret key of the tests that opens nothing else"
TEST = {"ENVIRONMENT": "test", "SECRET_KEY": SECRET_KEY}
GOOGLE = {"OAUTH_GOOGLE_CLIENT_ID": "id", "OAUTH_GOOGLE_CLIENT_SECRET": "hidden-word"}
OIDC = {
    "OAUTH_OIDC_ISSUER": "https://login.example.com/tenant",
    "OAUTH_OIDC_CLIENT_ID": "id",
    "OAUTH_OIDC_CLIENT_SECRET": "hidden-word",
}
ISSUER = "OAUTH_OIDC_ISSUER must start with https://, for example https://accounts.example.com"
PAGE = "OAUTH_RETURN_URL must be the address of a page, for example https://app.example.com/signed-in"


PAGES_OF_NOBODY = [
    "/signed-in",
    "app.example.com",
    "javascript://alert(1)",
    "https://a.example/#b",
    "http://app.example.com/signed-in",
    "http://localhost:1@app.example.com/",
]


def refusal_of(environment: dict[str, str]) -> list[str]:
    """The lines with which these settings are refused."""
    with pytest.raises(SettingsError) as refusal:
        read_settings(TEST | environment)
    return refusal.value.message.splitlines()


def test_without_credentials_nobody_is_offered() -> None:
    assert dict(offered(read_settings(TEST))) == {}


@pytest.mark.parametrize("provider", ["GOOGLE", "GITHUB", "MICROSOFT", "GITLAB"])
@pytest.mark.parametrize(("given", "missing"), [("CLIENT_ID", "CLIENT_SECRET"), ("CLIENT_SECRET", "CLIENT_ID")])
def test_half_a_provider_keeps_the_service_from_starting(provider: str, given: str, missing: str) -> None:
    given, missing = f"OAUTH_{provider}_{given}", f"OAUTH_{provider}_{missing}"
    assert refusal_of({given: "hidden-word"}) == [f"{missing} must be set too, since {given} is"]


@pytest.mark.parametrize("missing", OIDC)
def test_an_openid_provider_needs_all_three(missing: str) -> None:
    given = next(name for name in OIDC if name != missing)
    lines = refusal_of({name: value for name, value in OIDC.items() if name != missing})
    assert lines == [f"{missing} must be set too, since {given} is"]


def test_everything_that_is_missing_is_said_at_once() -> None:
    lines = refusal_of({"OAUTH_OIDC_CLIENT_ID": "id", "OAUTH_GITHUB_CLIENT_ID": "id"})
    assert [line.split()[0] for line in lines] == [
        "OAUTH_GITHUB_CLIENT_SECRET",
        "OAUTH_OIDC_ISSUER",
        "OAUTH_OIDC_CLIENT_SECRET",
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
    "page", ["https://app.example.com/signed-in?a=b", "http://localhost:5173/", "shop://signed-in"]
)
def test_it_may_be_a_page_of_an_app(page: str) -> None:
    assert read_settings(TEST | {"OAUTH_RETURN_URL": page}).oauth_return_url == page


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
