"""The header `Host`, from which Litestar makes the URL of a request."""

from urllib.parse import urlsplit

from litestar.enums import ScopeType
from litestar.types import ASGIApp
from litestar.types import Receive
from litestar.types import Scope
from litestar.types import Send

from app.settings import Settings
from app.settings.urls import is_readable


class ReadableHost:
    """Replaces a `Host` that is missing or cannot be taken apart with that of `BASE_URL`.

    Litestar fails on it wherever it makes a URL, also while it answers another error. Nothing here depends on `Host`:
    links and redirects begin with `BASE_URL`.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._host = urlsplit(settings.base_url).netloc.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] in {ScopeType.HTTP, ScopeType.WEBSOCKET}:
            host = next((value for name, value in scope["headers"] if name == b"host"), b"")
            if not (host and is_readable(f"//{host.decode('latin-1')}")):
                others = [header for header in scope["headers"] if header[0] != b"host"]
                scope["headers"] = [(b"host", self._host), *others]
        await self._app(scope, receive, send)
