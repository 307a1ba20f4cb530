"""Any provider that speaks OpenID Connect, and publishes its endpoints and keys itself."""

import logging
from collections.abc import Callable
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from typing import NamedTuple
from typing import TypeVar

import jwt

from app.oauth.authorization_request import AuthorizationRequest
from app.oauth.authorization_request import identity
from app.oauth.errors import InvalidIdentity
from app.oauth.providers import http_client
from app.oauth.providers import id_tokens
from app.oauth.providers.client_authentication import ClientAuthentication
from app.oauth.providers.discovery import ASKED_AGAIN_AFTER
from app.oauth.providers.discovery import Discovery
from app.oauth.providers.discovery import Metadata
from app.oauth.providers.id_tokens import MAX_AGE_SECONDS
from app.oauth.providers.id_tokens import TENANT
from app.oauth.providers.id_tokens import Claims
from app.oauth.providers.id_tokens import Expected
from app.oauth.providers.id_tokens import Key
from app.oauth.providers.id_tokens import WrongSignature
from app.oauth.providers.oauth2_client import OAuth2Client
from app.oauth.providers.oauth2_client import ProviderAccount
from app.oauth.providers.oauth2_client import Tokens
from app.settings.openid_providers import SCOPES
from app.settings.openid_providers import AuthMethod
from app.settings.providers import Client

logger = logging.getLogger(__name__)

SIGNED = "application/jwt"

Read = TypeVar("Read")


def email_is_verified(claims: Claims) -> bool | None:
    """Whether the provider has verified the address; None if it does not say."""
    return _said(claims.get("email_verified"), yes=(True, "true"))


def email_is_verified_by_domain(claims: Claims) -> bool | None:
    """Whether Microsoft has: the company has proven that it owns the domain, and not just typed the address."""
    return _said(claims.get("xms_edov"), yes=(True, "true", 1, "1"))


def _said(value: object, yes: tuple[object, ...]) -> bool | None:
    # Python takes 1 for True, which only some providers mean.
    word = value.casefold() if isinstance(value, str) else value
    return None if value is None else any(word == each and type(word) is type(each) for each in yes)


class Preset(NamedTuple):
    """What is known of a provider beforehand."""

    label: str
    issuer: str
    # How it is told to sign the user in again; each understands something else.
    reauthentication_parameters: Mapping[str, str] = MappingProxyType(
        {"prompt": "login", "max_age": str(MAX_AGE_SECONDS)}
    )
    is_email_verified: Callable[[Claims], bool | None] = email_is_verified
    scopes: tuple[str, ...] = SCOPES
    # Where it describes itself, if that is not under its issuer.
    url: str = ""
    # What every authorization request contains.
    parameters: Mapping[str, str] = MappingProxyType({})
    # Makes a client secret, where none is given once and for all.
    make_secret: Callable[[], str] | None = None


class OpenIDProvider:
    """A provider, and what this process knows of it."""

    def __init__(self, name: str, preset: Preset, client: Client) -> None:
        self.name = name
        self.label = preset.label
        self.preset = preset
        self.client = client
        self.discovery = Discovery(name, preset.issuer, preset.url or preset.issuer)
        self._authentication = ClientAuthentication(name, client)

    def registration(self) -> Client:
        """The client as it authenticates now."""
        make = self.preset.make_secret
        return self.client._replace(secret=make(), auth_method=AuthMethod.POST) if make else self.client

    async def authorization_url(self, authorization: AuthorizationRequest) -> str:
        """The URL of the provider's page.

        Raises:
            ProviderFailed: if the provider does not say where that is.
        """
        extras: dict[str, Any] = {"nonce": authorization.nonce, **self.preset.parameters} | (
            dict(self.preset.reauthentication_parameters) if authorization.is_reauthentication else {}
        )
        async with http_client.talking_to(self.name):
            metadata = await self.discovery.metadata()
            client = self._client_for(metadata)
            url = await client.get_authorization_url(
                authorization.redirect_uri, authorization.state, None, authorization.challenge, "S256", extras
            )
            if metadata.require_pushed_authorization_requests and metadata.pushed_authorization_request_endpoint:
                url = await client.push(metadata.pushed_authorization_request_endpoint, url)
        return url

    async def identify(self, authorization: AuthorizationRequest, code: str, issuer: str | None) -> ProviderAccount:
        """The account for this code.

        Raises:
            ProviderRefused: if the code is not valid.
            InvalidIdentity: if the ID token breaks a rule.
            ProviderFailed: if the provider does not answer as it should.
        """
        async with http_client.talking_to(self.name):
            metadata = await self.discovery.metadata()
            self._require_sender(metadata, issuer)
            tokens = await self._client_for(metadata).redeem(authorization, code)
            claims = await self._claims(metadata, authorization, tokens.id_token)
        is_complete = "email" in claims and self.preset.is_email_verified(claims) is not None
        return self._provider_account(claims, tokens, None if is_complete or not metadata.userinfo_endpoint else claims)

    async def complete(self, provider_account: ProviderAccount) -> ProviderAccount:
        """The same with the address that the userinfo endpoint says (OpenID Connect Core, 5.3).

        Raises:
            InvalidIdentity: if it is about another account, or its signature is wrong.
            ProviderFailed: if the provider does not answer as it should.
        """
        claims = dict(provider_account.incomplete or {})
        async with http_client.talking_to(self.name):
            metadata = await self.discovery.metadata()
            about = await self._userinfo(metadata, provider_account.tokens.access_token)
        # It may be about another account (OpenID Connect Core, 5.3.2).
        if about.get("sub") != claims["sub"]:
            raise InvalidIdentity
        # An explicit "not verified" stays.
        kept = claims.keys() - {"email"} if self.preset.is_email_verified(claims) is False else {"iss", "sid"}
        return self._provider_account(
            claims | {name: about[name] for name in about.keys() - kept}, provider_account.tokens
        )

    def _provider_account(self, claims: Claims, tokens: Tokens, incomplete: Claims | None = None) -> ProviderAccount:
        said = self.preset.is_email_verified(claims)
        is_verified = self.client.trusts_email if said is None else said
        who = identity(self.name, claims["iss"], claims["sub"], claims.get("email"), is_verified=is_verified)
        return ProviderAccount(who, tokens, incomplete, str(claims.get("sid") or ""))

    def _require_sender(self, metadata: Metadata, issuer: str | None) -> None:
        # An answer of one provider must not pass for one of another (RFC 9207).
        is_missing = issuer is None and metadata.authorization_response_iss_parameter_supported
        is_another = issuer is not None and TENANT not in metadata.issuer and issuer != metadata.issuer
        if is_missing or is_another:
            raise InvalidIdentity

    async def _claims(self, metadata: Metadata, authorization: AuthorizationRequest, token: str | None) -> Claims:
        if token is None:
            raise InvalidIdentity
        is_asked = authorization.is_reauthentication and "max_age" in self.preset.reauthentication_parameters
        asked_at = authorization.started_at.timestamp() if is_asked else None
        expected = Expected(metadata.issuer, self.client.id, authorization.nonce, asked_at)
        return await self.verified(lambda keys: id_tokens.read(token, keys, expected))

    async def _userinfo(self, metadata: Metadata, access_token: str) -> Claims:
        answer = await http_client.fetch(str(metadata.userinfo_endpoint), f"application/json, {SIGNED}", access_token)
        if answer.headers.get("Content-Type", "").partition(";")[0].strip().lower() != SIGNED:
            return http_client.decode(answer.content, dict[str, Any])
        token = answer.text.strip()
        return await self.verified(lambda keys: id_tokens.read_userinfo(token, keys, metadata.issuer, self.client.id))

    async def verified(self, read: Callable[[list[Key]], Read]) -> Read:
        """What this function reads from a token with the provider's keys, which are read again if none of them fits.

        Raises:
            InvalidIdentity: if the token breaks a rule.
        """
        try:
            try:
                return read(await self.discovery.keys())
            except WrongSignature:
                return read(await self.discovery.keys(ASKED_AGAIN_AFTER))
        except jwt.PyJWTError as error:
            logger.warning("A token of %s was refused: %s", self.name, type(error).__name__)
            raise InvalidIdentity from error

    def _client_for(self, metadata: Metadata) -> OAuth2Client:
        return OAuth2Client(
            self.registration(),
            metadata.authorization_endpoint,
            metadata.token_endpoint,
            scopes=self.preset.scopes,
            authentication=self._authentication,
            listed_methods=metadata.token_endpoint_auth_methods_supported,
        )
