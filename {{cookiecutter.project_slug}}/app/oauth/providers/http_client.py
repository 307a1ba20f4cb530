"""How the service talks to providers: whatever they answer, in bounded time and bounded memory."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from ssl import SSLContext
from typing import Any
from typing import TypeVar

import httpx
import msgspec
from httpx_oauth.exceptions import HTTPXOAuthError

from app.oauth.errors import ProviderFailed

logger = logging.getLogger(__name__)

# For all that is asked of a provider during one request.
PATIENCE_SECONDS = 10
MAX_BYTES = 256 * 1024
# Tests put providers of their own in its place, and nothing else does; None is the network.
network: httpx.AsyncBaseTransport | None = None

Shape = TypeVar("Shape")


class LimitedClient(httpx.AsyncClient):
    """Reads an answer up to a limit and follows no redirect."""

    def __init__(self) -> None:
        # What is packed may unpack to more memory than there is.
        headers = {"Accept-Encoding": "identity"}
        super().__init__(transport=network, timeout=PATIENCE_SECONDS, headers=headers, verify=_trusted())

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """The whole answer.

        Raises:
            HTTPError: if it does not come, is too long or packed.
        """
        answer = await super().send(request, **options | {"stream": True})
        try:
            if answer.headers.get("Content-Encoding", "identity") != "identity":
                raise httpx.DecodingError("The answer is packed.", request=request)
            content = bytearray()
            async for chunk in answer.aiter_raw():
                content += chunk
                if len(content) > MAX_BYTES:
                    raise httpx.DecodingError("The answer is too long.", request=request)
        finally:
            await answer.aclose()
        return httpx.Response(answer.status_code, headers=answer.headers, content=bytes(content), request=request)


@cache
def _trusted() -> SSLContext:
    # Reading the certificates takes longer than most answers.
    return httpx.create_ssl_context()


@asynccontextmanager
async def talking_to(provider: str) -> AsyncIterator[None]:
    """A conversation, which ends in time.

    Raises:
        ProviderFailed: whatever goes wrong; the log says what, and the caller is not told.
    """
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield
    except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, HTTPXOAuthError, msgspec.MsgspecError) as error:
        # The message may repeat what the provider said, which may be a secret.
        logger.warning("The provider %s has failed: %s", provider, type(error).__name__)
        raise ProviderFailed from error


async def read(url: str, shape: type[Shape], token: str | None = None) -> Shape:
    """What the answer at this address says, if it has this shape; `token` opens it.

    Raises:
        HTTPError: if there is no answer, or it is not a success.
        MsgspecError: if it has another shape.
    """
    headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    async with LimitedClient() as client:
        answer = await client.get(url, headers=headers)
    # A redirect is no success either: nobody but the operator says which hosts are asked.
    if not answer.is_success:
        raise httpx.HTTPStatusError(f"Answered {answer.status_code}.", request=answer.request, response=answer)
    return decode(answer.content, shape)


def decode(content: bytes, shape: type[Shape]) -> Shape:
    """The content as JSON of this shape.

    Raises:
        MsgspecError: if it is none.
    """
    try:
        return msgspec.json.decode(content, type=shape, strict=False)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError("It is no JSON that anybody would send.") from error
