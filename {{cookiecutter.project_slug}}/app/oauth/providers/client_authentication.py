"""How the service proves to a provider that it is the registered client (RFC 6749, 2.3).

A provider accepts one method for each client, often without saying which, so the other one is tried once if the first
is refused. What a provider accepted is remembered in this process.
"""

import logging
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Sequence
from http import HTTPStatus
from typing import TypeVar

from httpx_oauth.oauth2 import OAuth2RequestError

from app.oauth.providers.http_client import error_code
from app.settings.openid_providers import AuthMethod
from app.settings.providers import Client

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")


class ClientAuthentication:
    """The methods of one client at one provider."""

    def __init__(self, provider: str, client: Client) -> None:
        self._provider = provider
        self._client = client
        self._accepted: AuthMethod | None = None

    async def send(self, ask: Callable[[AuthMethod], Awaitable[Answer]], listed: Sequence[str] | None) -> Answer:
        """The answer to a request that carries the client's credentials.

        Raises:
            OAuth2RequestError: if the provider answers with an error.
        """
        first, *others = self._methods(listed)
        try:
            return await ask(first)
        except OAuth2RequestError as error:
            if not others or not is_unknown_client(error):
                raise
        logger.warning("The provider %s does not accept %s; trying %s", self._provider, first, others[0])
        try:
            answer = await ask(others[0])
        except OAuth2RequestError as error:
            # Some providers spend a code before they check the client, so the next user should begin with this method.
            self._accepted = self._accepted if is_unknown_client(error) else others[0]
            raise
        self._accepted = others[0]
        return answer

    def _methods(self, listed: Sequence[str] | None) -> list[AuthMethod]:
        # A public client has nothing to prove: whichever method it is, it sends its id.
        if not self._client.secret:
            return [AuthMethod.POST]
        if self._client.auth_method:
            return [self._client.auth_method]
        is_post = AuthMethod.POST in (listed or ()) and AuthMethod.BASIC not in (listed or ())
        first = self._accepted or (AuthMethod.POST if is_post else AuthMethod.BASIC)
        return sorted(AuthMethod, key=lambda method: method is not first)


def is_unknown_client(error: OAuth2RequestError) -> bool:
    """Whether the provider refused the client itself, and not what it asks for (RFC 6749, 5.2)."""
    if error.response is None:
        return False
    code = error_code(error.response)
    status = error.response.status_code
    # With status 400 the provider knows the client, which may not do this.
    is_glewlwyds = code == "unauthorized_client" and status == HTTPStatus.FORBIDDEN
    return code == "invalid_client" or is_glewlwyds or (status == HTTPStatus.UNAUTHORIZED and code != "invalid_grant")
