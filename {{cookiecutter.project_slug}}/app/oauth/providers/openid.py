"""Any provider that speaks OpenID Connect, and says itself where its endpoints and keys are."""

import logging
from collections.abc import Callable
from collections.abc import Mapping
from datetime import datetime
from datetime import timedelta
from types import MappingProxyType
from typing import Any
from typing import NamedTuple

import jwt
from msgspec import Struct

from app import clock
from app.oauth.authorization_request import AuthorizationRequest
from app.oauth.authorization_request import identity
from app.oauth.errors import InvalidIdentity
from app.oauth.errors import ProviderFailed
from app.oauth.providers import http_client
from app.oauth.providers import id_tokens
from app.oauth.providers.id_tokens import TENANT
from app.oauth.providers.id_tokens import Claims
from app.oauth.providers.id_tokens import Expected
from app.oauth.providers.id_tokens import Key
from app.oauth.providers.oauth2_client import Arrival
from app.oauth.providers.oauth2_client import OAuth2Client
from app.oauth.providers.oauth2_client import redeem
from app.settings.providers import Client

logger = logging.getLogger(__name__)

SCOPES = ["openid", "email"]
# Providers change their keys over days, and their endpoints hardly ever.
KNOWN_FOR = timedelta(hours=1)
# A token may name a key that is newer than what we know; strangers must not make us ask all the time.
ASKED_AGAIN_AFTER = timedelta(minutes=1)


class Metadata(Struct):
    """What a provider says about itself."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False

    def __post_init__(self) -> None:
        """Whoever is reached over TLS sends nobody to a place that is not.

        Raises:
            ValueError: if it does; msgspec makes an error of its own of it.
        """
        schemes = ("https://",) if self.issuer.startswith("https://") else ("https://", "http://")
        endpoints = (self.authorization_endpoint, self.token_endpoint, self.jwks_uri, self.userinfo_endpoint)
        if not all(endpoint.startswith(schemes) for endpoint in endpoints if endpoint is not None):
            raise ValueError("An endpoint can be read by everybody on the way.")


class KeySet(Struct):
    """The keys with which it signs."""

    keys: list[Key]


def email_is_verified(claims: Claims) -> bool:
    """Whether the provider vouches for the address."""
    return claims.get("email_verified") is True


def email_is_verified_by_domain(claims: Claims) -> bool:
    """Whether Microsoft does: whoever runs the domain of the address has proven that, and not just typed it."""
    return claims.get("xms_edov") in (True, "1", "true")


class Preset(NamedTuple):
    """What is known of a provider beforehand."""

    label: str
    issuer: str
    # How it is told to ask again who is there; each understands something else.
    asks_again: Mapping[str, str] = MappingProxyType({"prompt": "login", "max_age": "0"})
    vouches: Callable[[Claims], bool] = email_is_verified


class OpenIDProvider:
    """A provider, and what this process knows of it."""

    def __init__(self, name: str, preset: Preset, client: Client) -> None:
        self.name = name
        self.label = preset.label
        self._preset = preset
        self._client = client
        self._metadata: Metadata | None = None
        self._keys: list[Key] = []
        self._metadata_read_at = self._keys_read_at = datetime.min.replace(tzinfo=clock.now().tzinfo)

    async def authorization_url(self, trip: AuthorizationRequest) -> str:
        """Where the browser is sent.

        Raises:
            ProviderFailed: if the provider does not say where that is.
        """
        async with http_client.talking_to(self.name):
            client = self._client_for(await self._known_metadata())
        extras: dict[str, Any] = {"nonce": trip.nonce} | (dict(self._preset.asks_again) if trip.is_again else {})
        return await client.get_authorization_url(trip.redirect_uri, trip.state, None, trip.challenge, "S256", extras)

    async def identify(self, trip: AuthorizationRequest, code: str, issuer: str | None) -> Arrival:
        """Who came back with this code.

        Raises:
            ProviderRefused: if the code is worth nothing.
            InvalidIdentity: if what the provider says does not hold.
            ProviderFailed: if it does not answer as it should.
        """
        async with http_client.talking_to(self.name):
            metadata = await self._known_metadata()
            self._require_sender(metadata, issuer)
            tokens = await redeem(self._client_for(metadata), trip, code)
            claims = await self._claims(metadata, trip, tokens.id_token)
            about = await self._with_address(metadata, claims, tokens.access_token)
        who = identity(
            self.name, claims["iss"], claims["sub"], about.get("email"), is_verified=self._preset.vouches(about)
        )
        return Arrival(who, tokens)

    def _require_sender(self, metadata: Metadata, issuer: str | None) -> None:
        # An answer of one provider must not pass for one of another (RFC 9207).
        is_missing = issuer is None and metadata.authorization_response_iss_parameter_supported
        is_another = issuer is not None and TENANT not in metadata.issuer and issuer != metadata.issuer
        if is_missing or is_another:
            raise InvalidIdentity

    async def _claims(self, metadata: Metadata, trip: AuthorizationRequest, token: str | None) -> Claims:
        if token is None:
            raise InvalidIdentity
        asked_since = trip.begun_at.timestamp() if trip.is_again else None
        expected = Expected(metadata.issuer, self._client.id, trip.nonce, asked_since)
        try:
            return id_tokens.read(token, await self._key(metadata, token), expected)
        except jwt.PyJWTError as error:
            logger.warning("An ID token of %s does not hold: %s", self.name, type(error).__name__)
            raise InvalidIdentity from error

    async def _key(self, metadata: Metadata, token: str) -> Key:
        for patience in (KNOWN_FOR, ASKED_AGAIN_AFTER):
            if self._keys_read_at < clock.now() - patience:
                self._keys = (await http_client.read(metadata.jwks_uri, KeySet)).keys
                self._keys_read_at = clock.now()
            if key := id_tokens.key_for(token, self._keys):
                return key
        raise jwt.InvalidKeyError("Signed with a key that the provider does not show")

    async def _with_address(self, metadata: Metadata, claims: Claims, access_token: str) -> Claims:
        if "email" in claims or metadata.userinfo_endpoint is None:
            return claims
        about = await http_client.read(metadata.userinfo_endpoint, dict[str, Any], access_token)
        # What is said about somebody else is said about somebody else (OpenID Connect Core, 5.3.2).
        if about.get("sub") != claims["sub"]:
            raise InvalidIdentity
        return about

    async def _known_metadata(self) -> Metadata:
        if self._metadata is None or self._metadata_read_at < clock.now() - KNOWN_FOR:
            self._metadata = await self._read_metadata()
            self._metadata_read_at = clock.now()
        return self._metadata

    async def _read_metadata(self) -> Metadata:
        issuer = self._preset.issuer.replace(TENANT, "common").rstrip("/")
        metadata = await http_client.read(f"{issuer}/.well-known/openid-configuration", Metadata)
        # Whoever answers there must not speak for others (OpenID Connect Discovery, 4.3).
        if metadata.issuer.rstrip("/") != self._preset.issuer.rstrip("/"):
            logger.warning(
                "The provider %s calls itself %r and not %r", self.name, metadata.issuer, self._preset.issuer
            )
            raise ProviderFailed
        return metadata

    def _client_for(self, metadata: Metadata) -> OAuth2Client:
        methods = metadata.token_endpoint_auth_methods_supported
        return OAuth2Client(
            self._client.id,
            self._client.secret,
            metadata.authorization_endpoint,
            metadata.token_endpoint,
            name=self.name,
            base_scopes=SCOPES,
            # In the body where the provider accepts it, since some providers do not decode what the header encodes.
            token_endpoint_auth_method="client_secret_post"
            if "client_secret_post" in methods
            else "client_secret_basic",
        )
