"""Requests to providers, with limits on time and memory."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextlib import suppress
from contextvars import ContextVar
from functools import cache
from ssl import SSLContext
from typing import Any
from typing import TypeVar

import httpx
import msgspec
from httpx_oauth.exceptions import HTTPXOAuthError
from msgspec import Struct

from app.oauth.errors import ProviderFailed

logger = logging.getLogger(__name__)

# For the requests of one `talking_to` block. A callback has at most two of them: for the tokens, and for userinfo.
PATIENCE_SECONDS = 10
MAX_BYTES = 256 * 1024
# Tests put their own providers here; None is the network.
network: httpx.AsyncBaseTransport | None = None
# Everything that can be wrong with a provider that is away for a while.
FAILURES = (TimeoutError, httpx.HTTPError, httpx.InvalidURL, HTTPXOAuthError, msgspec.MsgspecError)

Shape = TypeVar("Shape")


class ErrorBody(Struct):
    """An error of a provider (RFC 6749, 5.2)."""

    error: str = ""


class LastRequest:
    """The last request to a provider and its answer, for the log."""

    request: httpx.Request | None = None
    answer: httpx.Response | None = None

    def __str__(self) -> str:
        """Method and URL without the query, status and error code, as far as there are any."""
        if self.request is None:
            return "no request"
        url = f"{self.request.url.scheme}://{self.request.url.netloc.decode()}{self.request.url.path}"
        status = (
            f"answered {self.answer.status_code} {error_code(self.answer)}" if self.answer else "gave no usable answer"
        )
        return f"{self.request.method} {url} {status}".rstrip()


_last: ContextVar[LastRequest] = ContextVar("_last")


class LimitedClient(httpx.AsyncClient):
    """Reads an answer up to a limit and follows no redirect."""

    def __init__(self) -> None:
        # A small compressed answer may expand to more memory than there is.
        headers = {"Accept-Encoding": "identity"}
        super().__init__(transport=network, timeout=PATIENCE_SECONDS, headers=headers, verify=_trusted())

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """The whole answer.

        Raises:
            HTTPError: if it does not come, is too long or compressed.
        """
        last = _last.get(LastRequest())
        last.request, last.answer = request, None
        answer = await super().send(request, **options | {"stream": True})
        try:
            if answer.headers.get("Content-Encoding", "identity") != "identity":
                raise httpx.DecodingError("The answer is compressed.", request=request)
            content = bytearray()
            async for chunk in answer.aiter_raw():
                content += chunk
                if len(content) > MAX_BYTES:
                    raise httpx.DecodingError("The answer is too long.", request=request)
        finally:
            await answer.aclose()
        last.answer = httpx.Response(
            answer.status_code, headers=answer.headers, content=bytes(content), request=request
        )
        return last.answer


@cache
def _trusted() -> SSLContext:
    # Reading the certificates takes longer than most answers.
    return httpx.create_ssl_context()


@asynccontextmanager
async def talking_to(provider: str) -> AsyncIterator[None]:
    """Requests to one provider, which end in time.

    Raises:
        ProviderFailed: if one of them fails; the log says which, and the caller is not told.
    """
    last = LastRequest()
    _last.set(last)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield
    except FAILURES as error:
        logger.warning("The provider %s failed: %s: %s", provider, last, reason_of(error))
        raise ProviderFailed from error


def reason_of(error: Exception) -> str:
    """The error in a word or a line; the messages of most may repeat what the provider sent, which may be a secret."""
    cause = error.__cause__ if isinstance(error, HTTPXOAuthError) and error.__cause__ else error
    says_itself = isinstance(cause, msgspec.ValidationError | httpx.DecodingError)
    return str(cause) if says_itself else type(cause).__name__


async def fetch(url: str, accept: str = "application/json", token: str | None = None) -> httpx.Response:
    """The answer at this URL; `token` opens it.

    Raises:
        HTTPError: if there is no answer, or it is not a success.
    """
    headers = {"Accept": accept} | ({"Authorization": f"Bearer {token}"} if token else {})
    async with LimitedClient() as client:
        answer = await client.get(url, headers=headers)
    # A redirect is not a success either: only the operator says which hosts are asked.
    if not answer.is_success:
        raise httpx.HTTPStatusError(f"Answered {answer.status_code}.", request=answer.request, response=answer)
    return answer


async def read(url: str, shape: type[Shape], token: str | None = None) -> Shape:
    """The JSON at this URL, if it has this shape.

    Raises:
        HTTPError: if there is no answer, or it is not a success.
        MsgspecError: if it has another shape.
    """
    return decode((await fetch(url, token=token)).content, shape)


def decode(content: bytes, shape: type[Shape]) -> Shape:
    """The content, read as JSON of this shape.

    Raises:
        MsgspecError: if it has another shape or is not JSON.
    """
    try:
        return msgspec.json.decode(content, type=shape, strict=False)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError("The answer is not JSON.") from error


def error_code(response: httpx.Response) -> str:
    """The error code in an answer (RFC 6749, 5.2), or nothing; it is safe to log."""
    with suppress(msgspec.MsgspecError):
        return readable(decode(response.content, ErrorBody).error)
    return ""


def readable(code: str) -> str:
    """An error code as it can be logged: a provider may put anything into its place."""
    return code if re.fullmatch(r"[\w.:/-]{0,64}", code, re.ASCII) else "(an unreadable error code)"
