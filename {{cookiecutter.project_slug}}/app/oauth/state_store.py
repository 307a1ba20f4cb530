"""Who is at a provider and expected back: a row for each, that one browser holds the key to and that counts once.

The address carries the state and a cookie the binding, so an address alone, which an attacker may have made, is worth
nothing (RFC 9700, 4.7). The table holds digests.
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
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.accounts import attempt_counters
from app.database.sessions import request_session
from app.database.transactions import new_transaction
from app.database.transactions import separate_transaction
from app.http.client_address import UNKNOWN
from app.http.client_address import client_network
from app.http.cookies import single_cookie
from app.http.errors import TooManyAttempts
from app.models import OAuthState
from app.oauth.authorization_request import AuthorizationRequest
from app.oauth.authorization_request import FlowPurpose
from app.oauth.authorization_request import key_ids
from app.oauth.authorization_request import plan
from app.oauth.errors import InvalidState
from app.settings import Settings
from app.settings.types import Switch

LIFETIME = timedelta(minutes=10)
# How many can be begun from a network, so that nobody fills the table.
MOST = 100
WITHIN = timedelta(minutes=15)
# Of the state, so that each of several tabs has a cookie of its own.
SHOWN_IN_COOKIE = 8
NO_TIME = timedelta()


class Return(NamedTuple):
    """A trip that somebody came back from, and what it was for."""

    trip: AuthorizationRequest
    purpose: FlowPurpose
    session_id: UUID | None
    next_path: str
    challenge: str
    # What makes the browser forget.
    cookie: Cookie


async def begin(request: Request[Any, Any, Any], row: OAuthState) -> tuple[AuthorizationRequest, Cookie]:
    """Expect the browser of this request back, by the cookie; `row` says from where and for what.

    Raises:
        TooManyAttempts: if its network has begun too many.
    """
    settings: Settings = request.app.state.settings
    state, binding, now = secrets.token_urlsafe(32), secrets.token_urlsafe(32), clock.now()
    row.digest, row.binding_digest = _digest(state), _digest(binding)
    row.created_at, row.expires_at, row.key_id = now, now + LIFETIME, key_ids(settings)[0]
    trip = plan(settings, row.provider, FlowPurpose(row.purpose), state, now, key_id=row.key_id)
    # Stored before the provider is asked for anything, so that no connection is held meanwhile.
    async with separate_transaction(request_session(request)) as session:
        await _require_below_limit(request, session)
        session.add(row)
    return trip, _cookie(settings, state, binding, LIFETIME)


async def arrive(request: Request[Any, Any, Any], provider: str, state: str, *purposes: FlowPurpose) -> Return:
    """The browser is back; the state is worth nothing from now on, whatever becomes of this request.

    Raises:
        InvalidState: if it was begun in another browser, for something else or too long ago, or it is back already.
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
    shown = (
        OAuthState.purpose,
        OAuthState.session_id,
        OAuthState.next_path,
        OAuthState.challenge,
        OAuthState.created_at,
        OAuthState.key_id,
    )
    async with new_transaction(request.app) as session:
        row = (await session.execute(delete(OAuthState).where(is_expected).returning(*shown))).one_or_none()
    if row is None:
        raise InvalidState
    purpose = FlowPurpose(row.purpose)
    trip = plan(settings, provider, purpose, state, row.created_at, key_id=row.key_id)
    return Return(trip, purpose, row.session_id, row.next_path, row.challenge, _cookie(settings, state, "", NO_TIME))


async def _require_below_limit(request: Request[Any, Any, Any], session: AsyncSession) -> None:
    settings: Settings = request.app.state.settings
    network = client_network(request, settings)
    # Unrelated clients share the unknown network, so it has no limit.
    if settings.throttle is Switch.ON and network != UNKNOWN:
        key = attempt_counters.bucket(settings, "oauth", network)
        [count] = await attempt_counters.add(session, {key: WITHIN})
        if count.attempts > MOST:
            raise TooManyAttempts(max(1, round((count.ends_at - clock.now()).total_seconds())))


def _cookie(settings: Settings, state: str, value: str, lasting: timedelta) -> Cookie:
    return Cookie(
        key=_cookie_name(settings, state),
        value=value,
        max_age=int(lasting.total_seconds()),
        httponly=True,
        secure=settings.serves_https,
        # Coming back is a link from another site, which a stricter cookie would not follow.
        samesite="lax",
    )


def _cookie_name(settings: Settings, state: str) -> str:
    # Browsers accept the prefix from this very host over TLS only, so no subdomain can plant the cookie.
    return f"{'__Host-' if settings.serves_https else ''}oauth-{state[:SHOWN_IN_COOKIE]}"


def _digest(secret: str) -> bytes:
    # Fast on purpose: 256 random bits cannot be guessed.
    return sha256(secret.encode()).digest()
