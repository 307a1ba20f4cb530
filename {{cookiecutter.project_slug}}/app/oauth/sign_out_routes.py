"""Signing out at a provider: a link that ends the session there, and calls from there that end the sign-ins here."""

from datetime import timedelta
from hashlib import sha256
from typing import Annotated
from typing import Any

from advanced_alchemy.exceptions import NotFoundError
from litestar import MediaType
from litestar import Request
from litestar import Response
from litestar import get
from litestar import post
from litestar.enums import RequestEncodingType
from litestar.handlers import HTTPRouteHandler
from litestar.params import Body
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta
from msgspec import Struct
from sqlalchemy import ColumnElement
from sqlalchemy import Row
from sqlalchemy import delete
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import attempt_counters
from app.accounts import audit
from app.accounts.audit import Event
from app.accounts.row_locks import lock
from app.auth.signed_out import SIGN_OUT_HEADERS
from app.auth.user_sessions import UserRequest
from app.database.sessions import request_session
from app.http.security_headers import EXPOSED
from app.models import OAuthAccount
from app.models import User
from app.models import UserSession
from app.oauth import flow
from app.oauth.errors import InvalidIdentity
from app.oauth.errors import InvalidLogoutToken
from app.oauth.errors import ProviderFailed
from app.oauth.providers import offered
from app.oauth.providers import provider_named
from app.oauth.providers import sign_out
from app.oauth.providers.id_tokens import LEEWAY_SECONDS
from app.oauth.providers.logout_tokens import LONGEST_AGE
from app.oauth.providers.logout_tokens import LogoutToken
from app.oauth.providers.oauth2_client import ProviderAccount
from app.oauth.providers.openid import OpenIDProvider
from app.settings import Settings

HEADER = "End-Session-Url"
# Longer than a token counts, so that none counts twice.
REMEMBERED_FOR = LONGEST_AGE + 2 * timedelta(seconds=LEEWAY_SECONDS)


class EndedSession(Struct):
    """A session at a provider that has ended."""

    logout_token: Annotated[str, Meta(max_length=16_384)]


def columns_of(account: OAuthAccount, provider_account: ProviderAccount) -> dict[str, Any]:
    """The columns of a sign-in that say which account and which session at a provider it was made with."""
    session_id = provider_account.session_id
    return {"oauth_account_id": account.id, "oauth_sid_digest": _digest(session_id) if session_id else None}


async def where_to_end_it(request: UserRequest, ended: Row[Any]) -> dict[str, str]:
    """The header for a sign-in that was made with a provider whose session can be ended too."""
    if ended.oauth_account_id is None:
        return {}
    settings: Settings = request.app.state.settings
    found = select(OAuthAccount.oauth_name).where(OAuthAccount.id == ended.oauth_account_id)
    name = await request_session(request).scalar(found)
    provider = offered(settings).get(name or "")
    if not isinstance(provider, OpenIDProvider) or provider.discovery.is_known_to_end_no_sessions:
        return {}
    # A route of this service, since asking the provider for its address takes time.
    return {HEADER: f"{settings.base_url}/oauth2/{name}/logout"}


@get("/oauth2/{provider:str}/logout", status_code=302, responses=flow.REDIRECT)
async def end_session_there(request: Request[Any, Any, Any], provider: FromPath[str]) -> Redirect:
    """Redirect to the provider, which ends its session, and on to `OAUTH_SIGNED_OUT_URL` (RP-Initiated Logout 1.0)."""
    settings: Settings = request.app.state.settings
    found, page = _openid_provider(settings, provider), settings.oauth_signed_out_url
    try:
        url = await sign_out.end_session_url(found, page)
    except ProviderFailed:
        # The user is signed out here in any case.
        url = None
    return Redirect(url or page or f"{settings.base_url}/", status_code=302)


@post(
    "/oauth2/{provider:str}/backchannel-logout",
    accepts_forms=True,
    status_code=200,
    media_type=MediaType.TEXT,
    refuses=[InvalidLogoutToken, ProviderFailed],
)
async def end_sign_ins(
    request: Request[Any, Any, Any],
    provider: FromPath[str],
    data: Annotated[EndedSession, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    """End the sign-ins that were made with a session at the provider (OpenID Connect Back-Channel Logout 1.0)."""
    found = _openid_provider(request.app.state.settings, provider)
    try:
        token = await sign_out.read_logout_token(found, data.logout_token)
    except InvalidIdentity as error:
        raise InvalidLogoutToken from error
    session = request_session(request)
    await _require_first(session, provider, token)
    is_made_with_it = _is_made_with(provider, token)
    # The users first, as everywhere: a code may be exchanged for another of these sign-ins at this moment.
    await lock(session, User, *await session.scalars(select(UserSession.user_id).where(is_made_with_it)))
    ended = delete(UserSession).where(is_made_with_it).returning(UserSession.user_id)
    for user_id in await session.scalars(ended):
        audit.record(session, Event.SIGNED_OUT, user_id)
    # A 204 would do too, but not every provider takes it.
    return Response("", status_code=200, media_type=MediaType.TEXT)


async def _require_first(session: AsyncSession, provider: str, token: LogoutToken) -> None:
    key = attempt_counters.bucket(session.info["settings"], "logout-token", provider, token.issuer, token.name)
    [count] = await attempt_counters.add(session, {key: REMEMBERED_FOR})
    if count.attempts > 1:
        raise InvalidLogoutToken


def _is_made_with(provider: str, token: LogoutToken) -> ColumnElement[bool]:
    accounts = select(OAuthAccount.id).where(OAuthAccount.oauth_name == provider, OAuthAccount.issuer == token.issuer)
    if token.subject:
        accounts = accounts.where(OAuthAccount.account_id == token.subject)
    is_theirs = UserSession.oauth_account_id.in_(accounts)
    # Without a session, the token ends all those of the subject.
    return is_theirs & (UserSession.oauth_sid_digest == _digest(token.session_id)) if token.session_id else is_theirs


def _openid_provider(settings: Settings, name: str) -> OpenIDProvider:
    found = provider_named(settings, name)
    if not isinstance(found, OpenIDProvider):
        raise NotFoundError
    return found


def _digest(session_id: str) -> bytes:
    # Of one size, whatever a provider calls its sessions.
    return sha256(session_id.encode("utf-8", "surrogatepass")).digest()


EXPOSED.append(HEADER)
SIGN_OUT_HEADERS.append(where_to_end_it)
ROUTES: list[HTTPRouteHandler] = [end_session_there, end_sign_ins]
