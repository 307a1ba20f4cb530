"""The interface of a provider to the rest of the service, and the providers that are offered."""

from collections.abc import Mapping
from functools import cache
from functools import partial
from types import MappingProxyType
from typing import Protocol
from urllib.parse import urlsplit

from advanced_alchemy.exceptions import NotFoundError

from app.oauth.authorization_request import AuthorizationRequest
from app.oauth.providers import apple
from app.oauth.providers.github import GitHub
from app.oauth.providers.id_tokens import TENANT
from app.oauth.providers.oauth2_client import ProviderAccount
from app.oauth.providers.openid import OpenIDProvider
from app.oauth.providers.openid import Preset
from app.oauth.providers.openid import email_is_verified_by_domain
from app.settings import Settings


class Provider(Protocol):
    """A service that says who its users are."""

    name: str
    label: str

    async def authorization_url(self, authorization: AuthorizationRequest) -> str:
        """The URL of its page.

        Raises:
            ProviderFailed: if the provider has to be asked first, and does not answer.
        """

    async def identify(self, authorization: AuthorizationRequest, code: str, issuer: str | None) -> ProviderAccount:
        """The account for this code; `issuer` is the sender that the answer names, if it does.

        Raises:
            ProviderRefused: if the code is not valid.
            InvalidIdentity: if what the provider says cannot be trusted.
            ProviderFailed: if it does not answer as it should.
        """

    async def complete(self, provider_account: ProviderAccount) -> ProviderAccount:
        """The same with its address, asked for now, if its `incomplete` is set.

        Raises:
            InvalidIdentity, ProviderFailed: as above.
        """


MICROSOFT = "https://login.microsoftonline.com"
# The directory of personal accounts, which calls itself by this id.
CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"
PRESETS = {
    "google": Preset("Google", "https://accounts.google.com", {"prompt": "select_account"}),
    # A company can write any address into its accounts there; another claim says which ones are verified.
    "microsoft": Preset("Microsoft", f"{MICROSOFT}/{TENANT}/v2.0", is_email_verified=email_is_verified_by_domain),
    "gitlab": Preset("GitLab", "https://gitlab.com"),
    # It sends an address or a name only in a form, and does not sign users in again when asked.
    "apple": Preset("Apple", apple.ISSUER, {}, scopes=apple.SCOPES, parameters={"response_mode": "form_post"}),
}


@cache
def offered(settings: Settings) -> Mapping[str, Provider]:
    """The providers with credentials, by name; each keeps its documents as long as the process runs."""
    providers: dict[str, Provider] = {}
    for name, preset in _presets(settings).items():
        if client := settings.client_of(name):
            providers[name] = OpenIDProvider(name, preset, client)
    if client := settings.client_of("github"):
        providers["github"] = GitHub(client, settings.oauth_github_url)
    return MappingProxyType(dict(sorted(providers.items())))


def _presets(settings: Settings) -> dict[str, Preset]:
    tenant = settings.oauth_microsoft_tenant
    one = {"common": TENANT, "organizations": TENANT, "consumers": CONSUMERS}.get(tenant, tenant)
    microsoft = PRESETS["microsoft"]._replace(issuer=f"{MICROSOFT}/{one}/v2.0", url=f"{MICROSOFT}/{tenant}/v2.0")
    named = {
        name: Preset(each.label or urlsplit(each.issuer).netloc, each.issuer, scopes=each.scopes)
        for name, each in settings.openid_providers().items()
    }
    key = settings.apple_key()
    with_key = PRESETS["apple"]._replace(make_secret=partial(apple.client_secret, settings, key) if key else None)
    return PRESETS | {"microsoft": microsoft, "apple": with_key} | named


def provider_named(settings: Settings, name: str) -> Provider:
    """The provider with this name.

    Raises:
        NotFoundError: if none is offered.
    """
    try:
        return offered(settings)[name]
    except KeyError as error:
        raise NotFoundError from error
