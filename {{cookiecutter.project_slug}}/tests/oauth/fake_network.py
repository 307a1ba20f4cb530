"""The providers that the service of these tests knows, and how users come back from them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from typing import Any
from urllib.parse import parse_qs
from urllib.parse import urlencode
from urllib.parse import urlsplit

import httpx
from advanced_alchemy.extensions.litestar import SQLAlchemyInitPlugin
from httpx import ASGITransport
from httpx import AsyncClient
from httpx import Response
from litestar import Litestar

from app import clock
from app.settings import Settings
from tests.cast import BASE_URL
from tests.cast import Person
from tests.credentials import kind
from tests.oauth.github import GitHub
from tests.oauth.github import application as github_application
from tests.provider.apple import ISSUER as APPLE
from tests.provider.apple import Apple
from tests.provider.people import Provider
from tests.provider.routes import application

ISSUER = "https://provider.example"
ACCOUNTS = "/users/me/oauth-accounts"
COMPANY = "https://login.microsoftonline.com/0f0e7c4d-company/v2.0"
# A plus and a percent sign, which a header encodes and a body need not.
CLIENT_ID, CLIENT_SECRET = "this-service", "a secret with + and %2B, as providers make them"


# GitHub itself, one of its companies, and a server of its Enterprise edition.
GITHUB = ("github.com", "api.github.com", "acme.ghe.com", "api.acme.ghe.com", "github.example.com")


class FakeNetwork(httpx.AsyncBaseTransport):
    """The network as the service sees it: providers, each at its host, and nothing else."""

    def __init__(self) -> None:
        self.oidc = provider_at(ISSUER)
        self.google = provider_at("https://accounts.google.com")
        self.gitlab = provider_at("https://gitlab.com")
        self.microsoft = provider_at("https://login.microsoftonline.com/common/v2.0")
        self.microsoft.path = "/common/v2.0"
        self.microsoft.calls_itself = "https://login.microsoftonline.com/{tenantid}/v2.0"
        self.microsoft.more_claims = {"iss": COMPANY, "tid": "0f0e7c4d-company"}
        self.apple = Apple(APPLE, CLIENT_ID, "", origins=(BASE_URL,), now=clock.now)
        self.github = GitHub(CLIENT_ID, CLIENT_SECRET)
        # What the service has asked for, as addresses.
        self.asked: list[httpx.URL] = []
        providers = (self.oidc, self.google, self.gitlab, self.microsoft, self.apple)
        self._hosts = {str(urlsplit(each.issuer).hostname): _served(each) for each in providers}
        self._hosts |= dict.fromkeys(GITHUB, _served(self.github))

    def add(self, provider: Provider) -> None:
        """Put another provider at its host."""
        self._hosts[str(urlsplit(provider.issuer).hostname)] = _served(provider)

    async def handle_async_request(self, request: httpx.Request) -> Response:
        """Answer the service."""
        self.asked.append(request.url)
        if request.url.host not in self._hosts:
            raise httpx.ConnectError("No such host.", request=request)
        return await self._hosts[request.url.host].handle_async_request(request)

    async def consent(self, authorization_url: str, *, decision: str = "yes", **answers: str) -> str:
        """Say yes or no on the provider's page; the address that the browser is sent back to."""
        host = str(urlsplit(authorization_url).hostname)
        async with AsyncClient(transport=self._hosts[host]) as browser:
            page = await browser.get(authorization_url)
            assert page.status_code == 200, page.text
            hidden = dict(re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', page.text))
            answer = await browser.post(
                authorization_url.partition("?")[0],
                data=hidden | {"email": "grace@example.com", "decision": decision} | answers,
            )
        if answer.status_code == 200:
            return self._noted_form(answer.text)
        assert answer.status_code == 302, answer.text
        return str(answer.headers["Location"])

    def _noted_form(self, page: str) -> str:
        # `come_back` posts it.
        fields = re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', page)
        form = {name: unescape(value) for name, value in fields}
        [action] = re.findall(r'action="([^"]*)"', page)
        address = f"{action}?{urlencode({'state': form['state']})}"
        FORMS[address] = form
        return address


# An application takes a moment to make, and serves one provider after the other.
APPLICATIONS: dict[str, Litestar] = {}
# Forms that wait to be posted, by the address that they are posted to and their state.
FORMS: dict[str, dict[str, str]] = {}


def provider_at(issuer: str) -> Provider:
    """A provider that knows this service, by its issuer."""
    return Provider(issuer, CLIENT_ID, CLIENT_SECRET, origins=(BASE_URL,), now=clock.now)


def _served(provider: Provider | GitHub) -> ASGITransport:
    name = getattr(provider, "issuer", "github")
    if name not in APPLICATIONS:
        made = github_application(provider) if isinstance(provider, GitHub) else application(provider)
        APPLICATIONS[name] = made
    APPLICATIONS[name].state.provider = provider
    return ASGITransport(APPLICATIONS[name])  # type: ignore[arg-type]  # as in cast.py


@contextmanager
def with_settings(app: Litestar, **changes: Any) -> Iterator[Settings]:
    """The service with changed settings for as long as the block runs, which is cheaper than another service."""
    with with_other_settings(app, app.state.settings.model_copy(update=changes)) as settings:
        yield settings


@contextmanager
def with_other_settings(app: Litestar, settings: Settings) -> Iterator[Settings]:
    """The same with these settings."""
    info = app.plugins.get(SQLAlchemyInitPlugin).config[0].session_config.info
    assert isinstance(info, dict)
    before: Settings = app.state.settings
    app.state.settings = info["settings"] = settings
    try:
        yield app.state.settings
    finally:
        app.state.settings = info["settings"] = before


async def leave(person: Person, path: str = "/oauth2/oidc/authorize", **query: str) -> str:
    """Ask to be sent to a provider; the address of its page."""
    answer = await person.client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["authorization_url"])


async def come_back(person: Person, address: str) -> Response:
    """Follow the provider's answer with the browser of this person."""
    if form := FORMS.pop(address, None):
        address = await post_form(person, address, form)
    answer = await person.client.get(address)
    if answer.is_error:
        # In ten minutes it would by itself.
        person.client.cookies.delete(f"__Host-oauth-{query_of(address)['state'][:8]}")
    if answer.status_code == 201:
        kind.present(person.client, answer)
    return answer


async def post_form(person: Person, address: str, form: dict[str, str]) -> str:
    """Post a form from the page of a provider, as a browser does; the address that it is redirected to."""
    address = address.partition("?")[0]
    # A page of another site posts it, so cookies that are lax or strict stay behind.
    kept, person.client.cookies = person.client.cookies, httpx.Cookies()
    headers = {"Origin": APPLE, "Sec-Fetch-Site": "cross-site"}
    answer = await person.client.post(address, data=form, headers=headers)
    person.client.cookies = kept
    assert answer.status_code == 303, answer.text
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Location"].partition("?")[0] == address
    return str(answer.headers["Location"])


async def sign_in(person: Person, network: FakeNetwork, provider: str = "oidc", **answers: str) -> Response:
    """All the way to a provider and back."""
    address = await leave(person, f"/oauth2/{provider}/authorize")
    return await come_back(person, await network.consent(address, **{"email": person.email} | answers))


async def link(person: Person, network: FakeNetwork, provider: str = "oidc", **answers: str) -> Response:
    """The same, to link."""
    address = await leave(person, f"/oauth2-associate/{provider}/authorize")
    return await come_back(person, await network.consent(address, **{"email": person.email} | answers))


def query_of(address: str) -> dict[str, str]:
    """What an address says behind its question mark."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def problem_of(answer: Response) -> tuple[int, Any]:
    """The status and the type of a refusal."""
    assert answer.headers["Content-Type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")
