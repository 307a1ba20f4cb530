"""Requests that Litestar does not take as they come: HEAD, and a `Host` from which it cannot make a URL."""

from functools import lru_cache
from urllib.parse import urlsplit

from litestar.enums import ScopeType
from litestar.types import ASGIApp
from litestar.types import Message
from litestar.types import Receive
from litestar.types import Scope
from litestar.types import Send

from app.settings import Settings
from app.settings.urls import is_readable

UNREADABLE = frozenset("/?#\t")


class AnswerHead:
    """Answers HEAD as GET without the body (RFC 9110, 9.3.2). Litestar answers 405, since no route names the method."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, as GET if it is HEAD."""
        if scope["type"] != ScopeType.HTTP or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        as_get = {**scope, "method": "GET"}

        async def send_without_body(message: Message) -> None:
            if message["type"] == "http.response.start":
                # Hooks that see the response name the route, which Litestar has found by now.
                scope.update({**as_get, "method": "HEAD"})  # type: ignore[typeddict-item]  # the same keys
            if message["type"] == "http.response.body":
                message["body"] = b""
            await send(message)

        await self._app(as_get, receive, send_without_body)  # type: ignore[arg-type]  # the same keys


class ReadableHost:
    """Replaces a `Host` that is missing or cannot be taken apart with that of `BASE_URL`.

    Litestar fails on it wherever it makes a URL, also while it answers another error. Links and redirects begin with
    `BASE_URL`; only the comparison with `Origin` reads `Host`.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._host = urlsplit(settings.base_url).netloc.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] in {ScopeType.HTTP, ScopeType.WEBSOCKET}:
            host = next((value for name, value in scope["headers"] if name == b"host"), b"")
            if not _is_readable(host):
                others = [header for header in scope["headers"] if header[0] != b"host"]
                scope["headers"] = [(b"host", self._host), *others]
        await self._app(scope, receive, send)


@lru_cache(maxsize=256)
def _is_readable(host: bytes) -> bool:
    # Most requests name one of a few hosts. Litestar takes all of it for the host and the port, also what stands after
    # a slash; `urlsplit` leaves tabs out.
    text = host.decode("latin-1")
    return host != b"" and not UNREADABLE.intersection(text) and is_readable(f"//{text}")
