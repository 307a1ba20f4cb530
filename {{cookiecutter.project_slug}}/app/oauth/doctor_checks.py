"""The findings of `litestar doctor` about providers."""

from collections.abc import AsyncIterator
from collections.abc import Iterable
from urllib.parse import urlsplit

import httpx
from msgspec import Struct

from app.oauth.authorization_request import FlowPurpose
from app.oauth.authorization_request import redirect_uri
from app.oauth.errors import ProviderFailed
from app.oauth.providers import http_client
from app.oauth.providers import offered
from app.oauth.providers.discovery import KeySet
from app.oauth.providers.discovery import Metadata
from app.oauth.providers.id_tokens import ALGORITHMS
from app.oauth.providers.id_tokens import KEY_TYPES
from app.oauth.providers.openid import OpenIDProvider
from app.settings import Settings
from app.settings.findings import Finding
from app.settings.findings import Level
from app.settings.openid_providers import AuthMethod


class Abilities(Struct):
    """The issuer in the metadata of a provider, and fields that sign-in does not need."""

    issuer: str = ""
    code_challenge_methods_supported: tuple[str, ...] | None = None
    id_token_signing_alg_values_supported: tuple[str, ...] | None = None
    backchannel_logout_supported: bool | None = False


def redirects(settings: Settings) -> Iterable[Finding]:
    """The URLs to register with each provider, letter for letter."""
    for name, provider in offered(settings).items():
        both = " and ".join(
            redirect_uri(settings, name, purpose) for purpose in (FlowPurpose.SIGN_IN, FlowPurpose.LINK)
        )
        yield Finding(Level.OK, f"OAUTH_{name.upper()}_CLIENT_ID", f"Register with {provider.label}: {both}")
        yield from _about_apple(settings) if name == "apple" else ()


def _about_apple(settings: Settings) -> Iterable[Finding]:
    says = f"Apple forwards mails to users who hide their address only from registered senders: {settings.mail_from}."
    yield Finding(Level.OK, "OAUTH_APPLE_CLIENT_ID", says, "Register it, or its domain, for private email relay.")
    host = urlsplit(settings.base_url).hostname or ""
    if not settings.serves_https or "." not in host or host.replace(".", "").isdecimal():
        says = f"Apple accepts no URLs like {settings.base_url}."
        yield Finding(Level.WARNING, "BASE_URL", says, "It must start with https:// and have a domain.")


async def documents(settings: Settings) -> AsyncIterator[Finding]:
    """Whether each OpenID provider answers, and whether sign-in works with what it publishes."""
    for name, provider in offered(settings).items():
        if isinstance(provider, OpenIDProvider):
            is_named = name in settings.openid_providers()
            about = f"OAUTH_{name.upper()}_ISSUER" if is_named else f"OAUTH_{name.upper()}_CLIENT_ID"
            findings = [Finding(level, about, says, fix) async for level, says, fix in _problems_of(settings, provider)]
            if not any(finding.level is not Level.OK for finding in findings):
                yield Finding(Level.OK, about, f"{provider.label} answers; its keys can be read.")
            for finding in findings:
                yield finding


async def _problems_of(settings: Settings, provider: OpenIDProvider) -> AsyncIterator[tuple[Level, str, str]]:
    try:
        async with http_client.talking_to(provider.name):
            answer = await http_client.fetch(provider.discovery.url)
            abilities = http_client.decode(answer.content, Abilities)
            if not provider.discovery.is_issuer(abilities.issuer):
                said = f"{provider.discovery.url} says that its issuer is {abilities.issuer!r}"
                says = f"{said}, not {provider.preset.issuer!r}."
                yield Level.ERROR, says, "Set the issuer that it says, if it is yours."
                return
            metadata = http_client.decode(answer.content, Metadata)
            keys = await http_client.read(metadata.jwks_uri, KeySet)
    except ProviderFailed as error:
        yield Level.ERROR, f"{provider.label} cannot be used: {_cause(error)}", "Is the issuer right, and is it up?"
        return
    for says, fix in _missing(provider, metadata, abilities, keys):
        yield Level.ERROR, says, fix
    if "S256" not in (abilities.code_challenge_methods_supported or ("S256",)):
        yield Level.WARNING, f"{provider.label} does not list S256 (PKCE).", "Turn PKCE on there."
    # Some accept public clients without listing them.
    if not provider.registration().secret and "none" not in (metadata.token_endpoint_auth_methods_supported or ()):
        fix = f"If the client has a secret there, set OAUTH_{provider.name.upper()}_CLIENT_SECRET."
        yield Level.WARNING, f"{provider.label} does not list public clients.", fix
    if abilities.backchannel_logout_supported:
        url = f"{settings.base_url}/oauth2/{provider.name}/backchannel-logout"
        yield Level.OK, f"{provider.label} says when a session has ended. Register there: {url}", ""


def _missing(
    provider: OpenIDProvider, metadata: Metadata, abilities: Abilities, keys: KeySet
) -> Iterable[tuple[str, str]]:
    if not any(isinstance(key, dict) and key.get("kty") in KEY_TYPES.values() for key in keys.keys):
        yield f"{metadata.jwks_uri} has no public key.", "Let the provider sign with RS256 or ES256."
    if not set(abilities.id_token_signing_alg_values_supported or ALGORITHMS) & {*ALGORITHMS}:
        yield f"{provider.label} signs with none of {', '.join(ALGORITHMS)}.", "Let it sign with RS256 or ES256."
    if metadata.require_pushed_authorization_requests and not metadata.pushed_authorization_request_endpoint:
        yield f"{provider.label} requires pushed requests and names no endpoint for them.", "Correct its metadata."
    methods = {*(metadata.token_endpoint_auth_methods_supported or AuthMethod)}
    if provider.registration().secret and not methods & {*AuthMethod}:
        accepts = ", ".join(sorted(methods))
        yield f"{provider.label} authenticates clients by {accepts} alone.", "Register another method there."


def _cause(error: ProviderFailed) -> str:
    cause = error.__cause__
    if isinstance(cause, httpx.HTTPStatusError):
        return f"{cause.request.url} answered {cause.response.status_code}."
    return f"{http_client.reason_of(cause)}." if isinstance(cause, Exception) else "it does not answer as it should."
