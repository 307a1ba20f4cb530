"""HEAD, answered wherever GET is (RFC 9110, 9.3.2)."""

from litestar.enums import ScopeType
from litestar.types import ASGIApp
from litestar.types import Message
from litestar.types import Receive
from litestar.types import Scope
from litestar.types import Send


class AnswerHead:
    """Answers HEAD as GET, without the body. Litestar answers 405, since no route names the method."""

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
