"""Routes to list, link and unlink the accounts at providers that a user can sign in with."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from advanced_alchemy.exceptions import NotFoundError
from litestar import Request
from litestar import Response
from litestar import delete
from litestar import get
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.exceptions import NotAuthorizedException
from litestar.handlers import BaseRouteHandler
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Struct
from sqlalchemy import select
from sqlalchemy import sql
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import audit
from app.accounts.audit import Event
from app.accounts.mail import outbox
from app.accounts.profile import ProfileService
from app.accounts.routes import SERVICE
from app.accounts.row_locks import lock_user
from app.accounts.ways_in import WAYS_IN
from app.accounts.ways_in import LastWayIn
from app.accounts.ways_in import require_way_in
from app.auth.signed_out import signed_out
from app.database.sessions import request_session
from app.http.errors import CrossSiteRequest
from app.http.recent_sign_in import require_recent_sign_in
from app.models import OAuthAccount
from app.models import User
from app.models import UserSession
from app.oauth import account_linking
from app.oauth import flow
from app.oauth import redirects
from app.oauth.audit_events import ProviderEvent
from app.oauth.audit_events import ProviderLetter
from app.oauth.authorization_request import FlowPurpose
from app.oauth.errors import IdentityTaken
from app.oauth.errors import InvalidState
from app.oauth.errors import TooManyLinked
from app.oauth.flow import Answer
from app.oauth.flow import AtOnce
from app.oauth.flow import AuthorizationUrl
from app.oauth.flow import Next
from app.oauth.providers import offered
from app.oauth.reauthentication_routes import user_who_started
from app.oauth.state_store import FlowState
from app.settings import Settings


class LinkedAccount(Struct):
    """An account at a provider as its owner sees it."""

    id: UUID
    provider: str
    email: str
    created_at: datetime


def from_our_own_page(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """A guard for a GET that starts linking: a link in a mail or on another site must not be enough.

    A user who followed it to a provider where an attacker is signed in would link the attacker's account.

    Raises:
        CrossSiteRequest: if the browser says that the request comes from another site.
    """
    settings: Settings = connection.app.state.settings
    is_trusted = connection.headers.get("Origin") in {settings.base_url, *settings.cors_origins}
    if not is_trusted and connection.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        raise CrossSiteRequest


@get(
    "/oauth2-associate/{provider:str}/authorize",
    guards=[require_recent_sign_in, from_our_own_page],
    responses=flow.REDIRECT,
    refuses=[*flow.START_ERRORS, CrossSiteRequest],
    tags=["Providers"],
)
async def authorize(
    request: Request[Any, Any, Any], provider: FromPath[str], *, next_path: Next = None, at_once: AtOnce = False
) -> Response[AuthorizationUrl]:
    """Get the provider's URL to link an account there."""
    path = redirects.own_path(next_path)
    return await flow.start(request, provider, FlowPurpose.LINK, sign_in=request.auth, next_path=path, at_once=at_once)


@get(
    "/oauth2-associate/{provider:str}/callback",
    dependencies=SERVICE | flow.ANSWER_DEPENDENCY,
    responses=flow.REDIRECT,
    refuses=[*flow.CALLBACK_ERRORS, IdentityTaken, TooManyLinked, NotAuthorizedException],
)
async def callback(
    request: Request[Any, Any, Any],
    provider: FromPath[str],
    answer: NamedDependency[Answer],
    service: NamedDependency[ProfileService],
) -> Response[LinkedAccount]:
    """Return from the provider: responds with the linked account, or a redirect."""
    flow_state, provider_account = await flow.finish(request, provider, answer, FlowPurpose.LINK)
    await account_linking.lock_identity(service.session, provider_account.identity)
    user = await user_who_started(service.session, flow_state)
    await _require_same_secret(service.session, flow_state)
    account = await account_linking.link(service, user, provider_account)
    cookies, page = [flow_state.cookie], redirects.page_after(request, flow_state)
    return Redirect(page, cookies=cookies) if page else Response(_shown(account), cookies=cookies)


async def _require_same_secret(session: AsyncSession, flow_state: FlowState) -> None:
    # Its user may have confirmed or changed the password because of a copy, which was then refused everywhere else.
    generation = select(UserSession.generation).where(UserSession.id == flow_state.session_id)
    if await session.scalar(generation) != flow_state.generation:
        raise InvalidState


@get("/users/me/oauth-accounts", tags=["Providers"])
async def list_accounts(request: Request[Any, Any, Any]) -> list[LinkedAccount]:
    """List the accounts at providers that the caller can sign in with, oldest first."""
    theirs = select(OAuthAccount).where(OAuthAccount.user_id == request.user.id).order_by(OAuthAccount.created_at)
    return [_shown(account) for account in await request_session(request).scalars(theirs)]


@delete(
    "/users/me/oauth-accounts/{account_id:uuid}",
    status_code=204,
    guards=[require_recent_sign_in],
    dependencies=SERVICE,
    refuses=[LastWayIn],
    tags=["Providers"],
)
async def unlink(
    request: Request[Any, Any, Any], account_id: FromPath[UUID], service: NamedDependency[ProfileService]
) -> Response[None]:
    """Unlink an account and end the sign-ins made with it; the last way to sign in cannot be removed."""
    ended = await _unlink(service, request.user.id, account_id)
    return signed_out(request) if request.auth["session_id"] in ended else Response(None, status_code=204)


async def _unlink(service: ProfileService, user_id: UUID, account_id: UUID) -> Sequence[UUID]:
    # Locked, so that two concurrent requests cannot remove the last two ways to sign in.
    user = await lock_user(service.session, user_id)
    theirs = select(OAuthAccount).where(OAuthAccount.user_id == user.id, OAuthAccount.id == account_id)
    account = (await service.session.scalars(theirs)).one_or_none()
    if account is None:
        raise NotFoundError
    made_with_it = sql.delete(UserSession).where(UserSession.oauth_account_id == account.id)
    ended = (await service.session.scalars(made_with_it.returning(UserSession.id))).all()
    await service.session.delete(account)
    await service.session.flush()
    await require_way_in(service.session, user)
    audit.record(service.session, ProviderEvent.UNLINKED, user.id, before={"provider": account.oauth_name})
    for _ in ended:
        audit.record(service.session, Event.SIGNED_OUT, user.id)
    outbox.put(service.session, ProviderLetter.UNLINKED, user.email, user.id)
    return ended


async def _has_provider(session: AsyncSession, user: User) -> bool:
    # A provider that is no longer offered is not a way to sign in.
    is_offered = OAuthAccount.oauth_name.in_(offered(session.info["settings"]))
    theirs = select(OAuthAccount.id).where(OAuthAccount.user_id == user.id, is_offered)
    return await session.scalar(theirs.limit(1)) is not None


def _shown(account: OAuthAccount) -> LinkedAccount:
    return LinkedAccount(account.id, account.oauth_name, account.account_email, account.created_at)


WAYS_IN.append(_has_provider)
ROUTES: list[HTTPRouteHandler] = [authorize, list_accounts, unlink]
