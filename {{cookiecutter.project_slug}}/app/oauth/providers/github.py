"""GitHub, which speaks OAuth 2 alone: who somebody is and which addresses they have proven is asked of its API."""

from typing import Any

from httpx_oauth.clients import github
from msgspec import Struct

from app.oauth.authorization_request import AuthorizationRequest
from app.oauth.authorization_request import identity
from app.oauth.providers import http_client
from app.oauth.providers.oauth2_client import Arrival
from app.oauth.providers.oauth2_client import OAuth2Client
from app.oauth.providers.oauth2_client import redeem
from app.settings.providers import Client

ISSUER = "https://github.com"
# To read the addresses; who somebody is can be read with any token.
SCOPES = ["user:email"]


class Profile(Struct):
    """An account at GitHub; names and addresses may change hands, the number does not."""

    id: int


class Address(Struct):
    """An address of theirs."""

    email: str
    primary: bool
    verified: bool


class GitHub:
    """GitHub as a provider."""

    name = "github"
    label = "GitHub"

    def __init__(self, client: Client) -> None:
        self._client = OAuth2Client(
            client.id,
            client.secret,
            github.AUTHORIZE_ENDPOINT,
            github.ACCESS_TOKEN_ENDPOINT,
            name=self.name,
            base_scopes=SCOPES,
        )

    async def authorization_url(self, trip: AuthorizationRequest) -> str:
        """Where the browser is sent."""
        extras: dict[str, Any] = {"prompt": "select_account"} if trip.is_again else {}
        return await self._client.get_authorization_url(
            trip.redirect_uri, trip.state, None, trip.challenge, "S256", extras
        )

    async def identify(self, trip: AuthorizationRequest, code: str, issuer: str | None) -> Arrival:  # noqa: ARG002  # as `Provider` has it
        """Who came back with this code.

        Raises:
            ProviderRefused: if the code is worth nothing.
            ProviderFailed: if GitHub does not answer as it should.
        """
        async with http_client.talking_to(self.name):
            tokens = await redeem(self._client, trip, code)
            profile = await http_client.read(github.PROFILE_ENDPOINT, Profile, tokens.access_token)
            addresses = await http_client.read(github.EMAILS_ENDPOINT, list[Address], tokens.access_token)
        primary = next((address for address in addresses if address.primary), None)
        email, is_verified = (primary.email, primary.verified) if primary else (None, False)
        return Arrival(identity(self.name, ISSUER, str(profile.id), email, is_verified=is_verified), tokens)
