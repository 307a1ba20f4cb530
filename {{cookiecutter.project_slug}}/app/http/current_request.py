"""The request under way: its number, the address it comes from, and its user, as far as they are known."""

import re
from contextvars import ContextVar
from dataclasses import dataclass
from dataclasses import field
from time import monotonic
from typing import TYPE_CHECKING
from typing import Any
from uuid import UUID
from uuid import uuid4

from litestar import Request
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp
from litestar.types import Receive
from litestar.types import Scope
from litestar.types import Send

from app.http.client_address import client_ip
from app.http.client_address import is_from_trusted_proxy
from app.settings import Settings

if TYPE_CHECKING:
    from app.models import AccessToken
    from app.models import User

REQUEST_ID = "X-Request-ID"
# Its key in the state of a request, for hooks that see the response.
STATE_KEY = "caller"


@dataclass
class CurrentRequest:
    """The origin of the request under way."""

    ip: str = ""
    request_id: str = ""
    user: "User | None" = None
    # Still known when `user` cannot be read any more, after a rollback.
    user_id: UUID | None = None
    # The sign-in that the request presents.
    session_id: UUID | None = None
    # The token for programs that it presents instead.
    token: "AccessToken | None" = None
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


class TrackCurrentRequest(ASGIMiddleware):
    """Numbers each request and keeps its origin. Responses do not contain the number, so that they can be compared."""

    scopes = (ScopeType.HTTP,)

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Set the current request for everything below."""
        noted = scope["state"][STATE_KEY] = describe_request(Request(scope), self._settings)
        token = _caller.set(noted)
        try:
            await next_app(scope, receive, send)
        finally:
            _caller.reset(token)


def describe_request(request: Request[Any, Any, Any], settings: Settings) -> CurrentRequest:
    """The origin of a request, before its user is known."""
    return CurrentRequest(str(client_ip(request, settings) or ""), _number(request, settings))


def _number(request: Request[Any, Any, Any], settings: Settings) -> str:
    given = request.headers.get(REQUEST_ID, "")
    # A number of our own proxy is in its logs, too; clients could make theirs collide.
    is_ours = bool(given) and is_from_trusted_proxy(request, settings)
    return given if is_ours and re.fullmatch(r"[\w-]{8,64}", given, re.ASCII) else uuid4().hex
