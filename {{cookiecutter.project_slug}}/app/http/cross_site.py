"""Refuses requests that the pages of other sites make a browser send (CSRF)."""

import asyncio
from typing import Any

from litestar import Request
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp
from litestar.types import HTTPReceiveMessage
from litestar.types import Receive
from litestar.types import Scope
from litestar.types import Send
from litestar.types import WebSocketReceiveMessage

from app.http import request_limits
from app.http.errors import BodyTooSlow
from app.http.errors import CrossSiteRequest
from app.http.errors import UnsupportedMediaType
from app.http.program_tokens import OPTION
from app.http.program_tokens import presented_token
from app.settings import Settings

READING = {"GET", "HEAD", "OPTIONS", "TRACE"}


class RefuseCrossSite(ASGIMiddleware):
    """Refuses requests that change something and that a page of another site has sent (ASVS 3.5.1 to 3.5.3).

    Browsers say where a request comes from, and no page can change that: `Sec-Fetch-Site`, and in older ones `Origin`.
    A client that sends neither is not a browser, so another site cannot use its cookies. Bodies must be JSON: a page
    can send a form to any site without asking, but not JSON.
    """

    scopes = (ScopeType.HTTP,)

    def __init__(self, settings: Settings) -> None:
        self._trusted = {settings.base_url, *settings.cors_origins}

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Pass the request on.

        Raises:
            CrossSiteRequest: if it comes from another site.
            UnsupportedMediaType: if it has a body whose type is not JSON.
        """
        if scope.get("method") not in READING:
            request: Request[Any, Any, Any] = Request(scope)
            if not (self._is_own(request) or _needs_no_cookie(request)):
                raise CrossSiteRequest
            if not _may_be_sent(request):
                receive = await _require_no_body(request, receive)
        await next_app(scope, receive, send)

    def _is_own(self, request: Request[Any, Any, Any]) -> bool:
        origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
        if origin in self._trusted:
            return True
        if site is not None:
            return site in {"same-origin", "none"}
        host = request.headers.get("Host")
        return origin is None or origin in {f"https://{host}", f"http://{host}"}


def _needs_no_cookie(request: Request[Any, Any, Any]) -> bool:
    # A handler that judges nothing itself may say so: `@post(..., accepts_other_sites=True)`. Where a route is open to
    # tokens, a token is judged alone, and no page of another site can add one.
    options = request.route_handler.opt
    return options.get("accepts_other_sites", False) or (OPTION in options and presented_token(request) is not None)


async def _require_no_body(request: Request[Any, Any, Any], receive: Receive) -> Receive:
    if request.headers.get("Content-Length", "0") != "0":
        raise UnsupportedMediaType
    if "Transfer-Encoding" not in request.headers:
        return receive
    # Some clients announce chunks and send none.
    try:
        async with asyncio.timeout(request_limits.BODY_SECONDS):
            first = await receive()
    except TimeoutError as error:
        raise BodyTooSlow from error
    if first["type"] == "http.request" and (first["body"] or first["more_body"]):
        raise UnsupportedMediaType
    messages = iter([first])

    async def replay() -> HTTPReceiveMessage | WebSocketReceiveMessage:
        return next(messages, None) or await receive()

    return replay


def _may_be_sent(request: Request[Any, Any, Any]) -> bool:
    # A handler that takes files or forms says so: `@post(..., accepts_forms=True)`.
    return request.content_type[0] == "application/json" or request.route_handler.opt.get("accepts_forms", False)
