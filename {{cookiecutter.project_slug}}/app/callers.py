"""Who calls: from where, in which request, and as whom, as far as it can be told."""

import re
from contextvars import ContextVar
from dataclasses import dataclass
from dataclasses import field
from ipaddress import IPv4Address
from ipaddress import IPv6Address
from ipaddress import ip_address
from ipaddress import ip_network
from time import monotonic
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

from app.models import User
from app.settings import Settings

IPV6_PREFIX_LENGTH = 64
# More than proxies stand behind one another; the others in a header were written by callers.
MAX_HOPS = 10
REQUEST_ID = "X-Request-ID"
# Where it stands in the state of a request, for what sees the answer leave.
CALLER = "caller"


@dataclass
class Caller:
    """Whoever is behind what is done right now."""

    ip: str = ""
    request_id: str = ""
    user: User | None = None
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


_caller: ContextVar[Caller] = ContextVar("caller")


def caller() -> Caller:
    """The caller of the request under way; a command and work in the background have nobody in particular."""
    return _caller.get(None) or Caller()


class NoteTheCaller(ASGIMiddleware):
    """Notes where a request comes from, and numbers it. Answers do not say the number: they are to look alike."""

    scopes = (ScopeType.HTTP,)

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Let everything below know the caller."""
        noted = scope["state"][CALLER] = caller_of(Request(scope), self._settings)
        token = _caller.set(noted)
        try:
            await next_app(scope, receive, send)
        finally:
            _caller.reset(token)


def caller_of(request: Request[Any, Any, Any], settings: Settings) -> Caller:
    """Whoever sends this, before it is known who they say they are."""
    return Caller(str(client_ip(request, settings) or ""), _number(request, settings))


def _number(request: Request[Any, Any, Any], settings: Settings) -> str:
    given = request.headers.get(REQUEST_ID, "")
    # One that a proxy of ours has given goes through all logs; those of strangers could be made to collide.
    is_ours = request.client is not None and _is_trusted(request.client.host, settings)
    return given if is_ours and re.fullmatch(r"[\w-]{8,64}", given, re.ASCII) else uuid4().hex


def client_network(request: Request[Any, Any, Any], settings: Settings) -> str:
    """What is counted together: an IPv4 address, or the /64 that one IPv6 subscriber has."""
    parsed = client_ip(request, settings)
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, IPV6_PREFIX_LENGTH), strict=False))
    return str(parsed or "unknown")


def client_ip(request: Request[Any, Any, Any], settings: Settings) -> IPv4Address | IPv6Address | None:
    """The address of the caller, if it can be told.

    Headers say what their sender likes, so `X-Forwarded-For` is read from its end and only as far as proxies vouch that
    `TRUSTED_PROXIES` names.
    """
    forwarded_for = ",".join(request.headers.getall("x-forwarded-for", []))
    hops = forwarded_for.rsplit(",", MAX_HOPS)[-MAX_HOPS:] if forwarded_for else []
    address = request.client.host if request.client else ""
    while hops and _is_trusted(address, settings):
        address = hops.pop().strip()
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    return (isinstance(parsed, IPv6Address) and parsed.ipv4_mapped) or parsed


def _is_trusted(address: str, settings: Settings) -> bool:
    try:
        return any(ip_address(address) in network for network in settings.trusted_proxies)
    except ValueError:
        return False
