"""One-time codes that a front end exchanges for credentials after a sign-in with a provider."""

import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from urllib.parse import urlsplit

from litestar import Request
from litestar import Response
from litestar.response import Redirect
from sqlalchemy import delete
from sqlalchemy import select

from app import clock
from app.accounts import known_networks
from app.accounts.profile import ProfileService
from app.auth import credentials
from app.auth.user_sessions import sha256_of
from app.auth.user_sessions import store_session
from app.database.sessions import request_session
from app.factors import second_step
from app.factors.schemas import FactorNeeded
from app.models import User
from app.models import UserSession
from app.oauth.errors import InvalidCode
from app.oauth.redirects import page_after
from app.oauth.redirects import with_query
from app.oauth.state_store import FlowState

# Where cookies are the credentials, the response to a sign-in is the user; elsewhere it is the credentials.
ARE_IN_COOKIES = issubclass(credentials.SignedIn, User)
CODE_LIFETIME = timedelta(minutes=1)


async def sign_in(
    service: ProfileService,
    request: Request[Any, Any, Any],
    user: User,
    columns: Mapping[str, Any],
    flow_state: FlowState,
) -> Response[Any]:
    """The credentials, or a redirect that leads to them; `columns` say what else ends the sign-in."""
    page = page_after(request, flow_state)
    if page is None or ARE_IN_COOKIES:
        answer: Response[Any] = await start(service, request, user, columns)
        return answer if page is None else as_redirect(answer, page)
    return Redirect(with_query(page, code=await _create_code(request, user, columns, flow_state.challenge)))


async def start(
    service: ProfileService, request: Request[Any, Any, Any], user: User, columns: Mapping[str, Any]
) -> Response[credentials.SignedIn]:
    """New credentials, or a challenge for the second factor; a sign-in from a new network is reported by mail."""
    if asked := await second_step.ask_for_factor(service.session, user, columns):
        return asked
    is_reported = not await known_networks.recognise(request, user.email)
    return await second_step.start(request, service, user, [], columns, is_reported=is_reported)


def as_redirect(answer: Response[Any], page: str) -> Redirect:
    """The response as a redirect; a challenge is in the fragment, which browsers send to no server."""
    if isinstance(answer.content, FactorNeeded):
        page = urlsplit(page)._replace(fragment=urlencode({"challenge": answer.content.challenge})).geturl()
    return Redirect(page, cookies=answer.cookies)


async def _create_code(request: Request[Any, Any, Any], user: User, columns: Mapping[str, Any], challenge: str) -> str:
    # A sign-in whose credentials are not handed out yet, so everything that ends the sign-ins of this user ends it too.
    code = secrets.token_urlsafe(32)
    kept = {"expires_at": clock.now() + CODE_LIFETIME, **columns}
    await store_session(request, user, _secret_of(code, challenge), **kept)
    return code


async def redeem(
    service: ProfileService, request: Request[Any, Any, Any], code: str, challenge: str
) -> Response[credentials.SignedIn]:
    """The credentials for a code, which works once.

    A code that was requested with a challenge needs its verifier, and any other code must come without one: so a page
    that always sends its verifier cannot be given a code of another user.

    Raises:
        InvalidCode: if it is used, expired, unknown or of another page, or its user may not sign in any more.
    """
    session = request_session(request)
    matches = (UserSession.secret_digest == sha256_of(_secret_of(code, challenge))) & (
        UserSession.expires_at > clock.now()
    )
    user_id = await session.scalar(select(UserSession.user_id).where(matches))
    # Locked first, as in every transaction that locks both: a concurrent reset ends the code or the sign-in.
    found = select(User).where(User.id == user_id, User.is_active, User.is_verified)
    user = (await session.scalars(found.with_for_update(of=User, key_share=True))).one_or_none()
    used = delete(UserSession).where(matches).returning(UserSession.oauth_account_id, UserSession.oauth_sid_digest)
    row = (await session.execute(used)).one_or_none() if user else None
    if user is None or row is None:
        raise InvalidCode
    columns = {"oauth_account_id": row.oauth_account_id, "oauth_sid_digest": row.oauth_sid_digest}
    return await start(service, request, user, columns)


def _secret_of(code: str, challenge: str) -> bytes:
    # No other secret of a sign-in begins like this, so neither works in place of the other.
    return f"code:{challenge}:{code}".encode()
