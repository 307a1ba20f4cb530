"""What an OpenID provider is asked about the end of a session, and what it says about it."""

from urllib.parse import urlencode

from app.oauth.providers import http_client
from app.oauth.providers import logout_tokens
from app.oauth.providers.logout_tokens import LogoutToken
from app.oauth.providers.openid import OpenIDProvider


async def end_session_url(provider: OpenIDProvider, page: str | None) -> str | None:
    """The URL that ends the session of a browser there, and may lead to a page that is registered there.

    None if the provider ends no sessions (OpenID Connect RP-Initiated Logout 1.0, 2).

    Raises:
        ProviderFailed: if the provider does not say where that is.
    """
    async with http_client.talking_to(provider.name):
        endpoint = (await provider.discovery.metadata()).end_session_endpoint
    if endpoint is None:
        return None
    given = {"client_id": provider.client.id} | ({"post_logout_redirect_uri": page} if page else {})
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(given)}"


async def read_logout_token(provider: OpenIDProvider, token: str) -> LogoutToken:
    """What a logout token of this provider says.

    Raises:
        InvalidIdentity: if it breaks a rule.
        ProviderFailed: if the provider does not show its keys.
    """
    async with http_client.talking_to(provider.name):
        issuer = (await provider.discovery.metadata()).issuer
        return await provider.verified(lambda keys: logout_tokens.read(token, keys, issuer, provider.client.id))
