"""The request of a program: its token is read, with the owner, by one statement."""

from datetime import datetime
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import UUID

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.middleware import AuthenticationResult
from sqlalchemy import bindparam

from app import clock
from app.access_tokens.schemas import Limits
from app.accounts import attempt_counters
from app.accounts import audit
from app.accounts.audit import Event
from app.accounts.mail import outbox
from app.accounts.mail.letters import Letter
from app.accounts.row_locks import lock
from app.auth.current_user import CurrentUser
from app.auth.current_user_query import CurrentUserQuery
from app.auth.litestar_backend import NEVER
from app.auth.user_sessions import SEEN_AGAIN_AFTER
from app.auth.user_sessions import sha256_of
from app.database.sessions import request_session
from app.database.transactions import allow_only_reads
from app.database.transactions import separate_transaction
from app.http.client_address import client_network
from app.http.current_request import current_request
from app.http.program_tokens import Access
from app.http.program_tokens import is_whole
from app.models import AccessToken

# Older ones are forgotten, so a program that moves through many networks is told of again.
MAX_NETWORKS = 50
# A program whose network changes all the time must not flood its owner.
TOLD_ONCE_IN = timedelta(days=1)
CONDITION = (AccessToken.digest == bindparam("presented_digest")) & (AccessToken.expires_at > bindparam("now"))


class PresentedToken(Limits, kw_only=True):
    """The columns of a token that every request with one needs."""

    id: UUID
    name: str
    prefix: str
    networks: list[str]
    last_used_at: datetime | None
    is_strong: bool


@cache
def _query() -> CurrentUserQuery[PresentedToken]:
    return CurrentUserQuery(CONDITION, AccessToken, PresentedToken)


async def read_token(connection: ASGIConnection[Any, Any, Any, Any], text: str) -> AuthenticationResult | None:
    """The owner of this token, and what it presents; None if it is invalid or has ended."""
    # The guard of the route knows the token of the current request; a WebSocket is none.
    if connection.scope["type"] != ScopeType.HTTP or not is_whole(text):
        return None
    found = await _query().one(connection, {"presented_digest": sha256_of(text.encode()), "now": clock.now()})
    if found is None:
        return None
    token, user = found
    noted = current_request()
    noted.user, noted.token, noted.user_id = user, token, user.id
    await _note_use(connection, token, user)
    if token.access != Access.WRITE:
        allow_only_reads(request_session(connection))
    # It never counts as a recent sign-in, and is not one that a route could end or keep.
    presented = {"user_id": str(user.id), "session_id": token.id, "generation": 0, "authenticated_at": NEVER}
    return AuthenticationResult(user, presented | {"is_strong": token.is_strong})


async def _note_use(connection: ASGIConnection[Any, Any, Any, Any], token: PresentedToken, user: CurrentUser) -> None:
    """Store the time and network of this use, once a minute at most; the first one from a network is told at once."""
    network = client_network(Request(connection.scope), connection.app.state.settings)
    if _is_noted(token, network):
        return
    async with separate_transaction(request_session(connection)) as session:
        # Parallel requests may come from several networks. Each sees what the one before it has stored.
        stored = (await lock(session, AccessToken, token.id)).get(token.id)
        if stored is None or _is_noted(stored, network):
            return
        is_known = network in stored.networks
        if stored.last_used_at is None or not is_known:
            used = {"name": token.name, "prefix": token.prefix, "network": network}
            audit.record(session, Event.TOKEN_USED, user.id, after=used)
        # The latest is the last.
        stored.networks = [*(each for each in stored.networks if each != network), network][-MAX_NETWORKS:]
        stored.last_used_at = clock.now()
        if not is_known:
            told = attempt_counters.bucket(session.info["settings"], "token-told", str(token.id))
            [count] = await attempt_counters.add(session, {told: TOLD_ONCE_IN})
            if count.attempts == 1:
                outbox.put(session, Letter.TOKEN_USED, user.email, user.id, details=[token.name])


def _is_noted(token: AccessToken | PresentedToken, network: str) -> bool:
    is_recent = token.last_used_at is not None and token.last_used_at > clock.now() - SEEN_AGAIN_AFTER
    return is_recent and network in token.networks
