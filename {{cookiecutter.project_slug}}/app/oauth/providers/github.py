"""GitHub speaks OAuth 2 alone: its API says which account it is and which addresses are verified."""

from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from app.oauth.authorization_request import AuthorizationRequest
from app.oauth.authorization_request import identity
from app.oauth.providers import http_client
from app.oauth.providers.client_authentication import ClientAuthentication
from app.oauth.providers.oauth2_client import OAuth2Client
from app.oauth.providers.oauth2_client import ProviderAccount
from app.settings.openid_providers import AuthMethod
from app.settings.providers import Client

# To read the addresses; any token can read the account.
SCOPES = ["user:email"]
PUBLIC = "https://github.com"
# The domain of companies that have an address of their own at GitHub.
COMPANIES = ".ghe.com"


class Profile(Struct):
    """An account at GitHub; names and addresses may change hands, the number does not."""

    id: int


class Address(Struct):
    """One of its addresses."""

    email: str
    primary: bool
    verified: bool


def api_of(url: str) -> str:
    """The address of the API of this GitHub."""
    host = urlsplit(url).netloc
    return f"https://api.{host}" if url == PUBLIC or host.endswith(COMPANIES) else f"{url}/api/v3"


class GitHub:
    """GitHub as a provider."""

    name = "github"
    label = "GitHub"

    def __init__(self, client: Client, url: str = PUBLIC) -> None:
        self._issuer, self._api = url, api_of(url)
        self._client = OAuth2Client(
            client,
            f"{url}/login/oauth/authorize",
            f"{url}/login/oauth/access_token",
            scopes=SCOPES,
            # It documents no other method.
            authentication=ClientAuthentication(self.name, client._replace(auth_method=AuthMethod.POST)),
        )

    async def authorization_url(self, authorization: AuthorizationRequest) -> str:
        """The URL of GitHub's page."""
        extras: dict[str, Any] = {"prompt": "select_account"} if authorization.is_reauthentication else {}
        return await self._client.get_authorization_url(
            authorization.redirect_uri, authorization.state, None, authorization.challenge, "S256", extras
        )

    async def identify(self, authorization: AuthorizationRequest, code: str, issuer: str | None) -> ProviderAccount:  # noqa: ARG002  # as `Provider` has it
        """The account for this code.

        Raises:
            ProviderRefused: if the code is not valid.
            ProviderFailed: if GitHub does not answer as it should.
        """
        async with http_client.talking_to(self.name):
            tokens = await self._client.redeem(authorization, code)
            profile = await http_client.read(f"{self._api}/user", Profile, tokens.access_token)
            addresses = await http_client.read(f"{self._api}/user/emails", list[Address], tokens.access_token)
        primary = next((address for address in addresses if address.primary), None)
        email, is_verified = (primary.email, primary.verified) if primary else (None, False)
        return ProviderAccount(
            identity(self.name, self._issuer, str(profile.id), email, is_verified=is_verified), tokens
        )

    async def complete(self, provider_account: ProviderAccount) -> ProviderAccount:
        """The same: GitHub has been asked for everything."""
        return provider_account
