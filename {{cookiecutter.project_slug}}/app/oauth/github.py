"""GitHub, which speaks OAuth 2 alone: who somebody is and which addresses they have proven is asked of its API."""

from typing import Any

from httpx_oauth.clients import github
from msgspec import Struct

from app.oauth import wire
from app.oauth.clients import Arrival
from app.oauth.clients import BoundedOAuth2
from app.oauth.clients import redeem
from app.oauth.trips import Trip
from app.oauth.trips import identity
from app.provider_settings import Client

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
        self._client = BoundedOAuth2(
            client.id,
            client.secret,
            github.AUTHORIZE_ENDPOINT,
            github.ACCESS_TOKEN_ENDPOINT,
            name=self.name,
            base_scopes=SCOPES,
        )

    async def authorization_url(self, trip: Trip) -> str:
        """Where the browser is sent."""
        extras: dict[str, Any] = {"prompt": "select_account"} if trip.is_again else {}
        return await self._client.get_authorization_url(
            trip.redirect_uri, trip.state, None, trip.challenge, "S256", extras
        )

    async def identify(self, trip: Trip, code: str, issuer: str | None) -> Arrival:  # noqa: ARG002  # as `Provider` has it
        """Who came back with this code.

        Raises:
            ProviderRefused: if the code is worth nothing.
            ProviderFailed: if GitHub does not answer as it should.
        """
        async with wire.talking_to(self.name):
            tokens = await redeem(self._client, trip, code)
            profile = await wire.read(github.PROFILE_ENDPOINT, Profile, tokens.access_token)
            addresses = await wire.read(github.EMAILS_ENDPOINT, list[Address], tokens.access_token)
        primary = next((address for address in addresses if address.primary), None)
        email, is_verified = (primary.email, primary.verified) if primary else (None, False)
        return Arrival(identity(self.name, ISSUER, str(profile.id), email, is_verified=is_verified), tokens)
