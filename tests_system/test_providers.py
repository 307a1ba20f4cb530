"""A browser signs in with the local provider, as the service's README leads there, and links it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs
from urllib.parse import urlsplit

import pytest

from tests.server import Server
from tests.server import providing
from tests.server import serving
from tests_system.accounts import PASSWORD
from tests_system.accounts import register_and_verify
from tests_system.browser import Browser
from tests_system.browser import until
from tests_system.conftest import Generate
from tests_system.test_sign_in import elsewhere
from tests_system.test_sign_in import send

AUTHORIZE = "/oauth2/oidc/authorize?redirect=1"
LINK = "/oauth2-associate/oidc/authorize"
LINKED = "/users/me/oauth-accounts"


@dataclass(frozen=True)
class Offered:
    """A service that offers the local provider."""

    kind: str
    server: Server
    provider: str

    @property
    def url(self) -> str:
        """The address that it calls its own, and that the provider sends browsers back to."""
        return self.server.url.replace("127.0.0.1", "localhost")


@pytest.fixture(scope="module")
def offered(kind: str, generate: Generate) -> Iterator[Offered]:
    """The service with this kind of credentials, and the provider that `make serve-provider` starts."""
    project = generate(auth_backend=kind)
    project.run("alembic", "upgrade", "head")
    own = {"BASE_URL": "http://localhost:{port}"}
    # Bearers need a page that trades its code for tokens; any page of the service will do.
    own |= {"OAUTH_RETURN_URL": "http://localhost:{port}/health"} if kind == "jwt" else {}
    with providing(project) as settings, serving(project, **settings, **own) as server:
        yield Offered(kind, server, settings["OAUTH_OIDC_ISSUER"])


def says_yes(browser: Browser, offered: Offered, email: str) -> None:
    """On the provider's page, and waits to be back."""
    until(lambda: browser.address.startswith(offered.provider))
    browser.type("input[name=email]", email)
    browser.click("button[value=yes]")
    until(lambda: browser.address.startswith(offered.url))


def ask(browser: Browser, path: str) -> Any:  # noqa: ANN401 - JSON
    """What the service answers its own page, which holds a bearer token or none."""
    return browser.run(f"""
        const token = sessionStorage.getItem("access_token");
        const headers = token ? {{"Authorization": `Bearer ${{token}}`}} : {{}};
        return fetch({path!r}, {{headers}}).then(answer => answer.json());
    """)


def trades_the_code(browser: Browser) -> None:
    """As a front end does that holds tokens."""
    [code] = parse_qs(urlsplit(browser.address).query)["code"]
    assert send(browser, "POST", "/oauth2/exchange", code=code) == 201
    assert send(browser, "POST", "/oauth2/exchange", code=code) == 400


def test_somebody_signs_in_with_the_local_provider(offered: Offered, browser: Browser) -> None:
    browser.open(f"{offered.url}{AUTHORIZE}")
    browser.picture("provider")
    assert browser.text("h1") == "Sign in with the local provider"
    says_yes(browser, offered, "grace@example.com")
    browser.picture("signed-in")

    if offered.kind == "jwt":
        trades_the_code(browser)
    else:
        until(lambda: browser.address == f"{offered.url}/account")
        shown = "return document.querySelector('[name=display_name]')?.checkVisibility() ?? false"
        until(lambda: bool(browser.run(shown)))
        browser.picture("account")
    assert send(browser, "GET", "/users/me") == 200
    # What a browser asks for by itself, and the refusal of the second trade, are nothing to complain of.
    complaints = [line for line in browser.complaints() if "favicon.ico" not in line and "/exchange" not in line]
    assert complaints == []


def test_somebody_who_says_no_reads_so_on_a_page(offered: Offered, browser: Browser) -> None:
    browser.open(f"{offered.url}{AUTHORIZE}")
    browser.click("button[value=no]")
    until(lambda: browser.address.startswith(offered.url))
    browser.picture("refused")

    if offered.kind == "jwt":
        # It has a front end to return to.
        assert "error=provider-refused" in browser.address
    else:
        assert browser.text("h1") == "The provider did not confirm who you are."
        assert browser.text("a") == "Go back"
    assert send(browser, "GET", "/users/me") == 401


def test_the_address_of_a_proven_account_does_not_open_it(offered: Offered, browser: Browser) -> None:
    judy = "judy@example.com"
    register_and_verify(offered.server, judy)
    browser.open(f"{offered.url}{AUTHORIZE}")
    says_yes(browser, offered, judy)

    if offered.kind == "jwt":
        until(lambda: "error=link-required" in browser.address)
    else:
        assert browser.text("h1") == "Your e-mail address has an account. Sign in to it, then link the provider."
    assert send(browser, "GET", "/users/me") == 401


def test_somebody_links_the_provider_and_no_other_site_begins_that(offered: Offered, browser: Browser) -> None:
    heidi = "heidi@example.com"
    register_and_verify(offered.server, heidi)
    browser.open(f"{offered.url}/health")
    assert send(browser, "POST", "/login", email=heidi, password=PASSWORD) == 201

    with elsewhere("127.0.0.1") as foreign:
        browser.open(foreign)
        browser.run(f"location.href = {offered.url + LINK + '?redirect=1'!r}")
        until(lambda: browser.address.startswith(offered.url))
        # A link carries no bearer token, whichever page it is on.
        assert ("not-authenticated" if offered.kind == "jwt" else "cross-site-request") in browser.text("body")

    browser.open(f"{offered.url}/health")
    browser.open(ask(browser, LINK)["authorization_url"])
    says_yes(browser, offered, "heidi-elsewhere@example.com")
    browser.open(f"{offered.url}/health")
    assert [account["email"] for account in ask(browser, LINKED)] == ["heidi-elsewhere@example.com"]
