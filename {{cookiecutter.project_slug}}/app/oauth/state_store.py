"""The flows that are under way at a provider: a row for each, which one browser can finish once.

The URL carries the state and a cookie the binding, so a URL alone, which an attacker may have made, is worthless
(RFC 9700, 4.7). The table stores digests.
"""

import secrets
from datetime import timedelta
from hashlib import sha256
from typing import Any
from typing import NamedTuple
from uuid import UUID

from litestar import Request
from litestar.datastructures import Cookie
from sqlalchemy import delete
from sqlalchemy import update

from app import clock
from app.accounts import throttle
from app.accounts.attempt_counters import Limit
from app.database.sessions import request_session
from app.database.transactions import new_transaction
from app.database.transactions import separate_transaction
from app.http.cookies import single_cookie
from app.models import OAuthState
from app.oauth.authorization_request import AuthorizationRequest
from app.oauth.authorization_request import FlowPurpose
from app.oauth.authorization_request import derive_request
from app.oauth.authorization_request import key_ids
from app.oauth.errors import InvalidState
from app.settings import Settings

LIFETIME = timedelta(minutes=10)
# How many flows a network can start, so that it cannot fill the table.
STARTS = Limit(100, timedelta(minutes=15))
# Characters of the state in the name of the cookie, so that each of several tabs has its own.
STATE_PREFIX_LENGTH = 8
EXPIRED = timedelta()
# What is left of a row that is removed.
COLUMNS = (
    OAuthState.purpose,
    OAuthState.session_id,
    OAuthState.generation,
    OAuthState.next_path,
    OAuthState.challenge,
    OAuthState.created_at,
    OAuthState.key_id,
    OAuthState.display_name,
)


class FlowState(NamedTuple):
    """A flow whose browser is back, and its purpose."""

    authorization: AuthorizationRequest
    purpose: FlowPurpose
    session_id: UUID | None
    generation: int
    next_path: str
    challenge: str
    # What the provider says that the user is called.
    display_name: str
    # It removes the cookie from the browser.
    cookie: Cookie


async def create(request: Request[Any, Any, Any], row: OAuthState) -> tuple[AuthorizationRequest, Cookie]:
    """Store a flow that the browser of this request can finish with the cookie; `row` has its provider and purpose.

    Raises:
        TooManyAttempts: if its network has started too many.
    """
    settings: Settings = request.app.state.settings
    state, binding, now = secrets.token_urlsafe(32), secrets.token_urlsafe(32), clock.now()
    row.digest, row.binding_digest = _digest(state), _digest(binding)
    row.created_at, row.expires_at, row.key_id = now, now + LIFETIME, key_ids(settings)[0]
    authorization = derive_request(settings, row.provider, FlowPurpose(row.purpose), state, now, key_id=row.key_id)
    # Stored before any request to the provider, so that no connection is open meanwhile.
    async with separate_transaction(request_session(request)) as session:
        await throttle.count_network(request, session, "oauth", STARTS)
        session.add(row)
    return authorization, _cookie(settings, state, binding, LIFETIME)


async def consume(request: Request[Any, Any, Any], provider: str, state: str, *purposes: FlowPurpose) -> FlowState:
    """The flow of the browser that is back; it is removed, even if this request fails later.

    Raises:
        InvalidState: if another browser started it, it has another purpose, has expired, or is finished already.
    """
    settings: Settings = request.app.state.settings
    binding = single_cookie(request, _cookie_name(settings, state)) or ""
    is_expected = (
        (OAuthState.digest == _digest(state))
        & (OAuthState.binding_digest == _digest(binding))
        & (OAuthState.provider == provider)
        & OAuthState.purpose.in_(purposes)
        & (OAuthState.expires_at > clock.now())
    )
    async with new_transaction(request.app) as session:
        row = (await session.execute(delete(OAuthState).where(is_expected).returning(*COLUMNS))).one_or_none()
    if row is None:
        raise InvalidState
    purpose = FlowPurpose(row.purpose)
    authorization = derive_request(settings, provider, purpose, state, row.created_at, key_id=row.key_id)
    cookie = _cookie(settings, state, "", EXPIRED)
    sign_in = (row.session_id, row.generation)
    return FlowState(authorization, purpose, *sign_in, row.next_path, row.challenge, row.display_name, cookie)


async def note_name(request: Request[Any, Any, Any], provider: str, state: str, name: str) -> None:
    """Store what the provider calls the user until the browser is back. The binding is checked then."""
    is_it = (OAuthState.digest == _digest(state)) & (OAuthState.provider == provider)
    await request_session(request).execute(update(OAuthState).where(is_it).values(display_name=name))


def _cookie(settings: Settings, state: str, value: str, lasting: timedelta) -> Cookie:
    return Cookie(
        key=_cookie_name(settings, state),
        value=value,
        max_age=int(lasting.total_seconds()),
        httponly=True,
        secure=settings.serves_https,
        # The provider redirects here from another site, and browsers do not send a strict cookie then.
        samesite="lax",
    )


def _cookie_name(settings: Settings, state: str) -> str:
    # Browsers accept the prefix from this very host over TLS only, so no subdomain can plant the cookie.
    return f"{'__Host-' if settings.serves_https else ''}oauth-{state[:STATE_PREFIX_LENGTH]}"


def _digest(secret: str) -> bytes:
    # A fast digest is enough: 256 random bits cannot be guessed.
    return sha256(secret.encode()).digest()
