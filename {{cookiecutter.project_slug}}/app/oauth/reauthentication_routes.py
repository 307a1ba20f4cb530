"""Routes that replace a password: sign in again at a provider, and set a first password."""

from typing import Any
from uuid import UUID

from litestar import Request
from litestar import Response
from litestar import post
from litestar import put
from litestar.di import NamedDependency
from litestar.exceptions import NotAuthorizedException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import ResponseSpec
from litestar.params import FromPath
from litestar.params import JSONBody
from litestar.response import Redirect
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.accounts import audit
from app.accounts.passwords import policy
from app.accounts.passwords.hashes import is_hash
from app.accounts.profile import ProfileService
from app.accounts.routes import SERVICE
from app.accounts.row_locks import lock_user
from app.accounts.schemas import Body
from app.accounts.schemas import Password
from app.auth import credentials
from app.auth.current_user import CurrentUser
from app.auth.user_sessions import is_alive
from app.database.transactions import release_connection
from app.factors import challenges
from app.factors import second_step
from app.factors.challenges import Challenge
from app.factors.challenges import Purpose
from app.factors.held import usable_factors
from app.http.errors import Conflict
from app.http.recent_sign_in import require_recent_sign_in
from app.http.strong_sign_in import OPEN_WITHOUT_FACTOR
from app.models import User
from app.models import UserSession
from app.oauth import account_linking
from app.oauth import flow
from app.oauth import redirects
from app.oauth.audit_events import ProviderEvent
from app.oauth.authorization_request import FlowPurpose
from app.oauth.exchange_codes import as_redirect
from app.oauth.flow import AuthorizationUrl
from app.oauth.flow import Next
from app.oauth.providers.oauth2_client import ProviderAccount
from app.oauth.state_store import FlowState

# The response of the callback after a re-authentication.
REAUTHENTICATED = {204: ResponseSpec(None, generate_examples=False, description="The sign-in is fresh.")}


class FirstPassword(Body):
    """The first password of a user who signed up with a provider."""

    new_password: Password


@post(
    "/reauthenticate/{provider:str}",
    status_code=200,
    refuses=flow.START_ERRORS,
    opt=OPEN_WITHOUT_FACTOR,
    tags=["Credentials"],
)
async def start_reauthentication(
    request: Request[Any, Any, Any], provider: FromPath[str], next_path: Next = None
) -> Response[AuthorizationUrl]:
    """Get the provider's URL to sign in there again; after the callback (204), the sign-in is fresh for ten minutes."""
    path = redirects.own_path(next_path)
    return await flow.start(request, provider, FlowPurpose.REAUTHENTICATE, sign_in=request.auth, next_path=path)


async def finish_reauthentication(
    request: Request[Any, Any, Any], service: ProfileService, flow_state: FlowState, provider_account: ProviderAccount
) -> Response[Any]:
    """Make the sign-in that started the flow fresh, with new credentials (ASVS 7.2.4).

    Raises:
        NotAuthorizedException: if it has ended meanwhile.
        NotLinked: if the account at the provider is not linked to its user.
    """
    await account_linking.lock_identity(service.session, provider_account.identity)
    user = await user_who_started(service.session, flow_state)
    await account_linking.require_linked(service, user, provider_account)
    page = redirects.page_after(request, flow_state)
    if await usable_factors(service.session, user.id):
        # The provider alone is not as strong as the account.
        asked = await second_step.needed(service.session, _challenge(user, flow_state))
        return as_redirect(asked, page) if page else asked
    audit.record(service.session, ProviderEvent.ASKED_AGAIN, user.id, actor=user.id)
    # The browser may send no credentials when it comes from another site, so the state names the sign-in.
    generation = select(UserSession.generation).where(UserSession.id == flow_state.session_id)
    request.scope["auth"] = {
        "session_id": flow_state.session_id,
        "generation": await service.session.scalar(generation),
    }
    cookies = await credentials.rotate(request, authenticated_at=clock.now())
    return Redirect(page, cookies=cookies) if page else Response(None, status_code=204, cookies=cookies)


def _challenge(user: User, flow_state: FlowState) -> Challenge:
    purpose = Purpose.REAUTHENTICATE_SECOND_STEP
    return challenges.create(purpose, user_id=user.id, session_id=flow_state.session_id)


async def user_who_started(session: AsyncSession, flow_state: FlowState) -> User:
    """The user who started the flow and is still signed in.

    Raises:
        NotAuthorizedException: if that has ended.
    """
    is_theirs = (UserSession.id == flow_state.session_id) & is_alive(session.info["settings"])
    found = select(User).join(UserSession, UserSession.user_id == User.id)
    allowed = found.where(is_theirs, User.is_active, User.is_verified).with_for_update(of=User, key_share=True)
    user = (await session.scalars(allowed, execution_options={"populate_existing": True})).one_or_none()
    # A reset may have ended the sign-in while this waited for the lock; only a new statement sees that.
    if user is None or await session.scalar(select(UserSession.id).where(is_theirs)) is None:
        raise NotAuthorizedException
    return user


@put("/users/me/password", status_code=204, guards=[require_recent_sign_in], dependencies=SERVICE, tags=["Accounts"])
async def set_password(
    data: JSONBody[FirstPassword], request: Request[Any, Any, Any], service: NamedDependency[ProfileService]
) -> Response[None]:
    """Set a first password; every other device is signed out."""
    await _set_first(service, request.user, data.new_password, keep=request.auth["session_id"])
    return Response(None, status_code=204, cookies=await credentials.rotate(request))


async def _set_first(service: ProfileService, caller: CurrentUser, password: str, keep: UUID) -> None:
    await release_connection(service.session)
    await policy.require_good(password, caller.email, service.settings, "new_password", name=caller.display_name)
    password_hash = await service.hasher.digest(password, caller.email)
    # Another request may have set a password; `lock_user` refuses if a reset has ended this sign-in.
    user = await lock_user(service.session, caller.id)
    if is_hash(user.password_hash):
        raise Conflict("You have a password. Change it with POST /users/me/password.")
    await service.store_password(user, password_hash, keep)


ROUTES: list[HTTPRouteHandler] = [start_reauthentication, set_password]
