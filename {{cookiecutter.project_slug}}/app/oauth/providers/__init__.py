"""What a provider is to the rest of the service, and which ones are offered."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Protocol
from urllib.parse import urlsplit

from advanced_alchemy.exceptions import NotFoundError

from app.oauth.authorization_request import AuthorizationRequest
from app.oauth.providers.github import GitHub
from app.oauth.providers.id_tokens import TENANT
from app.oauth.providers.oauth2_client import Arrival
from app.oauth.providers.openid import OpenIDProvider
from app.oauth.providers.openid import Preset
from app.oauth.providers.openid import email_is_verified_by_domain
from app.settings import Settings


class Provider(Protocol):
    """Somebody who vouches for people."""

    name: str
    label: str

    async def authorization_url(self, trip: AuthorizationRequest) -> str:
        """Where the browser is sent.

        Raises:
            ProviderFailed: if the provider has to be asked first, and does not answer.
        """

    async def identify(self, trip: AuthorizationRequest, code: str, issuer: str | None) -> Arrival:
        """Who came back with this code; `issuer` is who the answer says that it comes from, if it does.

        Raises:
            ProviderRefused: if the code is worth nothing.
            InvalidIdentity: if what the provider says does not hold.
            ProviderFailed: if it does not answer as it should.
        """


PRESETS = {
    "google": Preset("Google", "https://accounts.google.com", {"prompt": "select_account"}),
    # A company can write any address into its accounts there; another claim says which ones have been proven.
    "microsoft": Preset(
        "Microsoft", f"https://login.microsoftonline.com/{TENANT}/v2.0", vouches=email_is_verified_by_domain
    ),
    "gitlab": Preset("GitLab", "https://gitlab.com"),
}


@cache
def offered(settings: Settings) -> Mapping[str, Provider]:
    """The providers with credentials, by name; they live as long as the process, and with them what they know."""
    presets = dict(PRESETS)
    if settings.oauth_oidc_issuer:
        label = urlsplit(settings.oauth_oidc_issuer).netloc
        presets["oidc"] = Preset(label, settings.oauth_oidc_issuer)
    providers: dict[str, Provider] = {}
    for name, preset in presets.items():
        if client := settings.client_of(name):
            providers[name] = OpenIDProvider(name, preset, client)
    if client := settings.client_of("github"):
        providers["github"] = GitHub(client)
    return MappingProxyType(dict(sorted(providers.items())))


def offered_as(settings: Settings, name: str) -> Provider:
    """The provider with this name.

    Raises:
        NotFoundError: if none is offered.
    """
    try:
        return offered(settings)[name]
    except KeyError as error:
        raise NotFoundError from error
