"""The OAuth 2 client of httpx-oauth, with client authentication and answers that are checked."""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Annotated
from typing import Any
from typing import NamedTuple
from urllib.parse import quote
from urllib.parse import urlencode

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
from app.oauth.providers.client_authentication import ClientAuthentication
from app.settings.openid_providers import AuthMethod
from app.settings.providers import Client

# The error codes for a code that is used, expired, made up or of another client: the standard's, GitHub's, Glewlwyd's.
WORTHLESS_CODE = {"invalid_grant", "bad_verification_code", "invalid_code"}
# The column holds no more, and no provider means decades by it.
MAX_LIFETIME_SECONDS = 1_000_000_000


class Tokens(Struct, omit_defaults=True):
    """The answer of a token endpoint."""

    # What a header can carry (RFC 6750, 2.1).
    access_token: Annotated[str, Meta(pattern=r"\A[!-~]+\Z")]
    id_token: str | None = None
    # Stored, if at all, for code of the owner; an odd value does not prevent a sign-in.
    refresh_token: Any = None
    expires_in: Any = None

    def __post_init__(self) -> None:
        """Drop what is not what it should be."""
        self.refresh_token = self.refresh_token if isinstance(self.refresh_token, str) else None
        self.expires_in = _seconds(self.expires_in)


class PushedRequest(Struct):
    """The answer to a pushed authorization request (RFC 9126, 2.2)."""

    request_uri: str


class ProviderAccount(NamedTuple):
    """A user who came back from a provider, and the tokens that it issued."""

    identity: Identity
    tokens: Tokens
    # The claims of an ID token that says too little about the address.
    incomplete: Mapping[str, Any] | None = None
    # What the provider calls the session of the user there, if it says so.
    session_id: str = ""


class OAuth2Client(BaseOAuth2[dict[str, Any]]):
    """A client that asks through `http_client`."""

    def __init__(  # noqa: PLR0913  # what a client follows from
        self,
        client: Client,
        authorize_endpoint: str,
        access_token_endpoint: str,
        *,
        scopes: Sequence[str],
        authentication: ClientAuthentication,
        listed_methods: Sequence[str] | None = None,
    ) -> None:
        super().__init__(client.id, client.secret, authorize_endpoint, access_token_endpoint, base_scopes=list(scopes))
        self._authentication = authentication
        self._listed_methods = listed_methods

    def get_httpx_client(self) -> httpx.AsyncClient:
        """The client of this service, with its limits."""
        return http_client.LimitedClient()

    def build_request(
        self,
        client: httpx.AsyncClient,
        method: str,
        url: str,
        *,
        auth_method: str | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> tuple[httpx.Request, httpx.Auth | None]:
        """The request, with the client's id and secret form-encoded if they go into a header (RFC 6749, 2.3.1)."""
        if not self.client_secret:
            data = {**(data or {}), "client_id": self.client_id}
            return client.build_request(method, url, data=data, headers=self.request_headers), None
        request, auth = super().build_request(client, method, url, auth_method=auth_method, data=data)  # type: ignore[arg-type]  # one of the two that it knows
        if auth is not None:
            # A space becomes %20 and a plus %2B: providers differ in how they read a "+".
            auth = httpx.BasicAuth(quote(self.client_id, safe=""), quote(self.client_secret, safe=""))
        return request, auth

    async def get_authorization_url(self, *arguments: Any, **options: Any) -> str:
        """The URL of the provider's page; the endpoint may have a query of its own (RFC 6749, 3.1)."""
        address = await super().get_authorization_url(*arguments, **options)
        return self._at_the_endpoint(address.removeprefix(f"{self.authorize_endpoint}?"))

    async def push(self, endpoint: str, authorization_url: str) -> str:
        """The URL of the provider's page, whose query the provider has got beforehand (RFC 9126).

        Raises:
            HTTPXOAuthError, MsgspecError: if the provider does not answer as agreed.
        """
        form = dict(httpx.URL(authorization_url).params)

        async def ask(method: AuthMethod) -> httpx.Response:
            async with self.get_httpx_client() as client:
                request, auth = self.build_request(client, "POST", endpoint, auth_method=method, data=form)
                return await self.send_request(client, request, auth, exc_class=OAuth2RequestError)

        answer = await self._authentication.send(ask, self._listed_methods)
        pushed = http_client.decode(answer.content, PushedRequest)
        return self._at_the_endpoint(urlencode({"client_id": self.client_id, "request_uri": pushed.request_uri}))

    async def redeem(self, authorization: AuthorizationRequest, code: str) -> Tokens:
        """The tokens for a code.

        Raises:
            ProviderRefused: if the code is not valid there.
            HTTPXOAuthError, MsgspecError: if the provider does not answer as agreed.
        """

        async def ask(method: AuthMethod) -> dict[str, Any]:
            self.token_endpoint_auth_method = method.value
            return await self.get_access_token(code, authorization.redirect_uri, authorization.verifier)

        try:
            answer = await self._authentication.send(ask, self._listed_methods)
        except GetAccessTokenError as error:
            if error.response is not None and http_client.error_code(error.response) in WORTHLESS_CODE:
                raise ProviderRefused from error
            raise
        return msgspec.convert(dict(answer), Tokens)

    def get_json(self, response: httpx.Response, *, exc_class: type[OAuth2RequestError]) -> dict[str, Any]:
        """The tokens in an answer.

        Raises:
            OAuth2RequestError: if it is an error; some providers send one with the status of a success.
            MsgspecError: if it is neither.
        """
        if reason := http_client.error_code(response):
            raise exc_class(reason, response)
        tokens: dict[str, Any] = msgspec.to_builtins(http_client.decode(response.content, Tokens))
        return tokens

    def _at_the_endpoint(self, query: str) -> str:
        return f"{self.authorize_endpoint}{'&' if '?' in self.authorize_endpoint else '?'}{query}"


def _seconds(value: object) -> int | None:
    # Some providers send it as a string (RFC 6749 says number), and the service does not depend on it.
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    is_usable = text.isascii() and text.isdigit() and len(text) <= len(str(MAX_LIFETIME_SECONDS))
    return min(int(text), MAX_LIFETIME_SECONDS) if is_usable else None
