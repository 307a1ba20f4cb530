"""What browsers are told about every answer, and which of their requests are believed."""

from typing import Any

from litestar import Request
from litestar.config.cors import CORSConfig
from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp
from litestar.types import BeforeMessageSendHookHandler
from litestar.types import Message
from litestar.types import Receive
from litestar.types import Scope
from litestar.types import Send

from app.errors import CrossSite
from app.errors import UnsupportedMediaType
from app.settings import Environment
from app.settings import Settings

READING = {"GET", "HEAD", "OPTIONS", "TRACE"}
A_YEAR_IN_SECONDS = 31_536_000


class OwnPagesOnly(ASGIMiddleware):
    """Refuses what the pages of other sites make a browser send, whoever is signed in (ASVS 3.5.1 to 3.5.3).

    Browsers say where a request comes from, and no page can change that: `Sec-Fetch-Site`, and in older ones `Origin`.
    Whoever sends neither is no browser, and holds no cookies that another site could use. Bodies are JSON, since forms
    can be sent to any site and JSON cannot.
    """

    scopes = (ScopeType.HTTP,)

    def __init__(self, settings: Settings) -> None:
        self._trusted = {settings.base_url, *settings.cors_origins}

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Let it pass.

        Raises:
            CrossSite: if it comes from another site.
            UnsupportedMediaType: if it has a body that does not say that it is JSON.
        """
        request: Request[Any, Any, Any] = Request(scope)
        if request.method not in READING:
            if not self._is_own(request):
                raise CrossSite
            if _has_body(request) and not _may_be_sent(request):
                raise UnsupportedMediaType
        await next_app(scope, receive, send)

    def _is_own(self, request: Request[Any, Any, Any]) -> bool:
        origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
        if origin in self._trusted:
            return True
        if site is not None:
            return site in {"same-origin", "none"}
        host = request.headers.get("Host")
        return origin is None or origin in {f"https://{host}", f"http://{host}"}


def _has_body(request: Request[Any, Any, Any]) -> bool:
    return "Transfer-Encoding" in request.headers or request.headers.get("Content-Length", "0") != "0"


def _may_be_sent(request: Request[Any, Any, Any]) -> bool:
    # A handler that takes files says so: `@post(..., accepts_forms=True)`.
    return request.content_type[0] == "application/json" or request.route_handler.opt.get("accepts_forms", False)


def one_cookie(connection: ASGIConnection[Any, Any, Any, Any], name: str) -> str | None:
    """The value of the cookie with this name; None if there is none, or several.

    Another host of the same domain can set a second one, and a request does not say which is whose (RFC 6265, 8.6).
    Names are compared as browsers compare them: Litestar strips more than spaces, so a name that begins with another
    character would pass for one that browsers accept from this host alone.
    """
    sent = (pair for header in connection.headers.getall("Cookie", []) for pair in header.split(";") if name in pair)
    pairs = (pair.partition("=") for pair in sent)
    values = [value.strip(" \t") for given, _, value in pairs if given.strip(" \t") == name]
    return values[0] if len(values) == 1 else None


def cors_config(settings: Settings) -> CORSConfig | None:
    """Which other sites may read answers; without `CORS_ORIGINS` none may."""
    if not settings.cors_origins:
        return None
    return CORSConfig(
        allow_origins=[*settings.cors_origins],
        allow_credentials=True,
        allow_headers=["Authorization", "Content-Type"],
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
    )


def security_headers(settings: Settings) -> BeforeMessageSendHookHandler:
    """A hook that puts these headers on every answer, errors and unknown paths included (ASVS 3.4)."""
    headers = {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "X-Frame-Options": "DENY",
        "Content-Security-Policy": "frame-ancestors 'none'",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    if settings.environment is Environment.PRODUCTION:
        headers["Strict-Transport-Security"] = f"max-age={A_YEAR_IN_SECONDS}"

    encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def add(message: Message, _: Scope) -> None:
        if message["type"] == "http.response.start":
            given = [*message["headers"]]
            names = {name.lower() for name, _ in given}
            # A page that runs scripts has a stricter policy of its own.
            message["headers"] = [*given, *(each for each in encoded if each[0] not in names)]

    return add
