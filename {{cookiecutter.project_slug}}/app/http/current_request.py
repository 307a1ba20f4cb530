"""Who calls: from where, in which request, and as whom, as far as it can be told."""

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
    from app.models import User

REQUEST_ID = "X-Request-ID"
# Where it stands in the state of a request, for what sees the answer leave.
STATE_KEY = "caller"


@dataclass
class CurrentRequest:
    """Whoever is behind what is done right now."""

    ip: str = ""
    request_id: str = ""
    user: "User | None" = None
    # Known also when the user cannot be read any more, since a transaction was rolled back.
    user_id: UUID | None = None
    # The sign-in that the request presents.
    session_id: UUID | None = None
    # To whom or what the act under way is done, where the path does not say it.
    target_id: UUID | None = None
    # Whether the trail has an entry of its own for what is refused.
    is_refusal_entered: bool = False
    # Of the clock that no change of the time moves.
    began: float = field(default_factory=monotonic)


_caller: ContextVar[CurrentRequest] = ContextVar("caller")


def current_request() -> CurrentRequest:
    """The caller of the request under way; a command and work in the background have nobody in particular."""
    return _caller.get(None) or CurrentRequest()


class TrackCurrentRequest(ASGIMiddleware):
    """Notes where a request comes from, and numbers it. Answers do not say the number: they are to look alike."""

    scopes = (ScopeType.HTTP,)

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Let everything below know the caller."""
        noted = scope["state"][STATE_KEY] = describe_request(Request(scope), self._settings)
        token = _caller.set(noted)
        try:
            await next_app(scope, receive, send)
        finally:
            _caller.reset(token)


def describe_request(request: Request[Any, Any, Any], settings: Settings) -> CurrentRequest:
    """Whoever sends this, before it is known who they say they are."""
    return CurrentRequest(str(client_ip(request, settings) or ""), _number(request, settings))


def _number(request: Request[Any, Any, Any], settings: Settings) -> str:
    given = request.headers.get(REQUEST_ID, "")
    # A number of our own proxy is in its logs, too; clients could make theirs collide.
    is_ours = bool(given) and is_from_trusted_proxy(request, settings)
    return given if is_ours and re.fullmatch(r"[\w-]{8,64}", given, re.ASCII) else uuid4().hex
