"""Limits on the size of bodies and on how long they take to arrive."""

import asyncio
from typing import Any

from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp
from litestar.types import Receive
from litestar.types import Scope
from litestar.types import Send

from app.http.errors import BodyTooSlow

# Far more than any body of this service. A handler that takes files sets `request_max_body_size`.
MAX_BODY_BYTES = 100_000
BODY_SECONDS = 30


class BodyDeadline(ASGIMiddleware):
    """Limits the time in which a body must arrive."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Pass the request on.

        Raises:
            BodyTooSlow: if it takes too long to arrive.
        """
        until, is_complete = asyncio.get_running_loop().time() + BODY_SECONDS, False

        async def receive_in_time() -> Any:
            nonlocal is_complete
            try:
                # After the body, the next message is that the client has left, which has no deadline.
                async with asyncio.timeout_at(None if is_complete else until):
                    message = await receive()
            except TimeoutError as error:
                raise BodyTooSlow from error
            is_complete = message["type"] != "http.request" or not message.get("more_body")
            return message

        await next_app(scope, receive_in_time, send)
