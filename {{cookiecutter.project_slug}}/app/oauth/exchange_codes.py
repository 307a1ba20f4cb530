"""One-time codes that a front end exchanges for credentials after a sign-in with a provider."""

import secrets
from datetime import timedelta
from typing import Any
from uuid import UUID

from litestar import Request
from litestar import Response
from litestar.response import Redirect
from sqlalchemy import delete
from sqlalchemy import select

from app import clock
from app.accounts import audit
from app.accounts import known_networks
from app.accounts.audit import Event
from app.accounts.mail import outbox
from app.accounts.mail.letters import Letter
from app.auth import credentials
from app.auth.user_sessions import sha256_of
from app.auth.user_sessions import store_session
from app.database.sessions import request_session
from app.models import User
from app.models import UserSession
from app.oauth.errors import InvalidCode
from app.oauth.redirects import page_after
from app.oauth.redirects import with_query
from app.oauth.state_store import Return

# The answer to a sign-in is the user where cookies hold the credentials; elsewhere it holds them itself.
ARE_IN_COOKIES = issubclass(credentials.SignedIn, User)
CODE_LIFETIME = timedelta(minutes=1)


async def sign_in(request: Request[Any, Any, Any], user: User, account_id: UUID, back: Return) -> Response[Any]:
    """The credentials, or the way to them; unlinking the account at the provider ends the sign-in."""
    page = page_after(request.app.state.settings, back)
    if page is None or ARE_IN_COOKIES:
        answer: Response[Any] = await start(request, user, account_id)
        return answer if page is None else Redirect(page, cookies=answer.cookies)
    return Redirect(with_query(page, code=await _leave_code(request, user, account_id, back.challenge)))


async def start(request: Request[Any, Any, Any], user: User, account_id: UUID | None) -> Response[credentials.SignedIn]:
    """New credentials, as a password would give them; a sign-in from a new network is told by mail."""
    session = request_session(request)
    if not await known_networks.recognise(request, user.email):
        outbox.put(session, Letter.SIGNED_IN, user.email, user.id)
    audit.record(session, Event.SIGNED_IN, user.id, actor=user.id)
    return await credentials.sign_in(request, user, oauth_account_id=account_id)


async def _leave_code(request: Request[Any, Any, Any], user: User, account_id: UUID, challenge: str) -> str:
    # A sign-in that nobody holds yet: whatever ends those of this user ends it too, before it has begun.
    code = secrets.token_urlsafe(32)
    kept = {"expires_at": clock.now() + CODE_LIFETIME, "oauth_account_id": account_id}
    await store_session(request, user, _secret_of(code, challenge), **kept)
    return code


async def redeem(request: Request[Any, Any, Any], code: str, challenge: str) -> Response[credentials.SignedIn]:
    """The credentials that the code stands for; it is worth nothing afterwards.

    A code that was asked for with a challenge is traded with its secret, and one that was not, with none: so a page
    that always sends its secret takes no code that somebody else has planted in its address.

    Raises:
        InvalidCode: if it is used, expired, unknown or of another page, or its user may not sign in any more.
    """
    session = request_session(request)
    is_it = (UserSession.secret_digest == sha256_of(_secret_of(code, challenge))) & (
        UserSession.expires_at > clock.now()
    )
    user_id = await session.scalar(select(UserSession.user_id).where(is_it))
    # The user first, as in every transaction that locks both: a reset at this moment ends the code or the sign-in.
    found = select(User).where(User.id == user_id, User.is_active, User.is_verified)
    user = (await session.scalars(found.with_for_update(of=User, key_share=True))).one_or_none()
    used = delete(UserSession).where(is_it).returning(UserSession.oauth_account_id)
    row = (await session.execute(used)).one_or_none() if user else None
    if user is None or row is None:
        raise InvalidCode
    return await start(request, user, row.oauth_account_id)


def _secret_of(code: str, challenge: str) -> bytes:
    # No other secret of a sign-in begins like this, so none passes for a code, nor a code for one.
    return f"code:{challenge}:{code}".encode()
