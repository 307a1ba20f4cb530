"""The request under way: its number, the address it comes from, and its user, as far as they are known."""

import re
import secrets
from contextvars import ContextVar
from dataclasses import dataclass
from dataclasses import field
from time import monotonic
from typing import TYPE_CHECKING
from typing import Any
from uuid import UUID

from litestar import Request
from litestar.enums import ScopeType
from litestar.types import ASGIApp
from litestar.types import Receive
from litestar.types import Scope
from litestar.types import Send

from app.http.client_address import client_ip
from app.http.client_address import is_from_trusted_proxy
from app.settings import Settings

if TYPE_CHECKING:
    from app.access_tokens.requests import PresentedToken
    from app.auth.current_user import CurrentUser
    from app.models import User

REQUEST_ID = "X-Request-ID"


@dataclass
class CurrentRequest:
    """The origin of the request under way."""

    ip: str = ""
    request_id: str = ""
    user: "CurrentUser | User | None" = None
    # Still known when `user` cannot be read any more, after a rollback.
    user_id: UUID | None = None
    # The sign-in that the request presents.
    session_id: UUID | None = None
    # The token for programs that it presents instead.
    token: "PresentedToken | None" = None
    # The target of the act, if the path does not contain it.
    target_id: UUID | None = None
    # Whether the refusal already has an audit entry of its own.
    is_refusal_recorded: bool = False
    # By the monotonic clock.
    began: float = field(default_factory=monotonic)


_caller: ContextVar[CurrentRequest] = ContextVar("caller")


def current_request() -> CurrentRequest:
    """The request under way; an empty one in commands and background tasks."""
    return _caller.get(None) or CurrentRequest()


def token_of(user_id: UUID) -> "PresentedToken | None":
    """The token of the request under way, if it acts for this user."""
    now = current_request()
    return now.token if now.user_id == user_id else None


class TrackCurrentRequest:
    """Numbers each request and keeps its origin. Responses do not contain the number, so that they can be compared."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Set the current request for everything below."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        request: Request[Any, Any, Any] = Request(scope)
        ip, number = str(client_ip(request, self._settings) or ""), _number(request, self._settings)
        token = _caller.set(CurrentRequest(ip, number))
        try:
            await self._app(scope, receive, send)
        finally:
            _caller.reset(token)


def _number(request: Request[Any, Any, Any], settings: Settings) -> str:
    given = request.headers.get(REQUEST_ID, "")
    # A number of our own proxy is in its logs, too; clients could make theirs collide.
    is_ours = bool(given) and is_from_trusted_proxy(request, settings)
    return given if is_ours and re.fullmatch(r"[\w-]{8,64}", given, re.ASCII) else secrets.token_hex(16)
