"""Clients of httpx-oauth that hold out against what a provider may answer."""

from contextlib import suppress
from typing import Annotated
from typing import Any
from typing import NamedTuple
from urllib.parse import quote

import httpx
import msgspec
from httpx_oauth.oauth2 import BaseOAuth2
from httpx_oauth.oauth2 import GetAccessTokenError
from httpx_oauth.oauth2 import OAuth2RequestError
from msgspec import Meta
from msgspec import Struct

from app.oauth.authorization_request import AuthorizationRequest
from app.oauth.authorization_request import Identity
from app.oauth.errors import ProviderRefused
from app.oauth.providers import http_client

# What providers call a code that is used, expired, made up or of somebody else.
WORTHLESS_CODE = {"invalid_grant", "bad_verification_code"}


class Tokens(Struct, omit_defaults=True):
    """What a provider hands out for a code."""

    # What a header can carry (RFC 6750, 2.1).
    access_token: Annotated[str, Meta(pattern=r"\A[!-~]+\Z")]
    id_token: str | None = None
    refresh_token: str | None = None
    # Nobody means decades by it, and the column holds no more.
    expires_in: Annotated[int, Meta(ge=0, le=1_000_000_000)] | None = None


class Arrival(NamedTuple):
    """Who came back from a provider, and what it handed out for them."""

    identity: Identity
    tokens: Tokens


class OAuth2Client(BaseOAuth2[dict[str, Any]]):
    """A client that asks through `wire`."""

    def get_httpx_client(self) -> httpx.AsyncClient:
        """What it asks with."""
        return http_client.LimitedClient()

    def build_request(self, *arguments: Any, **options: Any) -> tuple[httpx.Request, httpx.Auth | None]:
        """The request, with the client's id and secret encoded if they go into a header (RFC 6749, 2.3.1)."""
        request, auth = super().build_request(*arguments, **options)
        if auth is not None:
            # A space becomes %20 and a plus %2B: providers differ in what they make of a "+".
            auth = httpx.BasicAuth(quote(self.client_id, safe=""), quote(self.client_secret, safe=""))
        return request, auth

    async def get_authorization_url(self, *arguments: Any, **options: Any) -> str:
        """Where the browser is sent; the endpoint may have a query of its own (RFC 6749, 3.1)."""
        address = await super().get_authorization_url(*arguments, **options)
        query = address.removeprefix(f"{self.authorize_endpoint}?")
        return f"{self.authorize_endpoint}{'&' if '?' in self.authorize_endpoint else '?'}{query}"

    def get_json(self, response: httpx.Response, *, exc_class: type[OAuth2RequestError]) -> dict[str, Any]:
        """The tokens in an answer.

        Raises:
            OAuth2RequestError: if it is an error; some providers say so with the status of a success.
            MsgspecError: if it is neither.
        """
        if reason := reason_in(response):
            raise exc_class(reason, response)
        tokens: dict[str, Any] = msgspec.to_builtins(http_client.decode(response.content, Tokens))
        return tokens


async def redeem(client: OAuth2Client, trip: AuthorizationRequest, code: str) -> Tokens:
    """What the provider hands out for the code.

    Raises:
        ProviderRefused: if the code is worth nothing there.
        HTTPXOAuthError, MsgspecError: if the provider does not answer as agreed.
    """
    try:
        answer = await client.get_access_token(code, trip.redirect_uri, trip.verifier)
    except GetAccessTokenError as error:
        if error.response is not None and reason_in(error.response) in WORTHLESS_CODE:
            raise ProviderRefused from error
        raise
    return msgspec.convert(dict(answer), Tokens)


class ErrorBody(Struct):
    """How a provider says no (RFC 6749, 5.2)."""

    error: str = ""


def reason_in(response: httpx.Response) -> str:
    """Why the provider says no, if it does."""
    with suppress(msgspec.MsgspecError):
        return http_client.decode(response.content, ErrorBody).error
    return ""
