"""What stands in for a password: users show who they are at a provider, and set a password if they have none."""

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

from app.accounts import audit
from app.accounts.audit import Event
from app.accounts.mail import outbox
from app.accounts.mail.letters import Letter
from app.accounts.passwords import policy
from app.accounts.passwords.hashes import is_hash
from app.accounts.profile import ProfileService
from app.accounts.routes import SERVICE
from app.accounts.row_locks import lock_user
from app.accounts.schemas import Body
from app.accounts.schemas import Password
from app.auth import credentials
from app.auth.user_sessions import is_alive
from app.database.transactions import release_connection
from app.http.errors import Conflict
from app.http.recent_sign_in import require_recent_sign_in
from app.models import User
from app.models import UserSession
from app.oauth import account_linking
from app.oauth import flow
from app.oauth import redirects
from app.oauth.audit_events import ProviderEvent
from app.oauth.authorization_request import FlowPurpose
from app.oauth.flow import Departure
from app.oauth.flow import Next
from app.oauth.providers.oauth2_client import Arrival
from app.oauth.state_store import Return

# How the callback answers to whoever was asked again.
SHOWN = {204: ResponseSpec(None, generate_examples=False, description="The sign-in is fresh.")}


class FirstPassword(Body):
    """Somebody signed in wants to have a password, too."""

    new_password: Password


@post("/reauthenticate/{provider:str}", status_code=200, refuses=flow.LEAVING, tags=["Credentials"])
async def go_and_show(
    request: Request[Any, Any, Any], provider: FromPath[str], next_path: Next = None
) -> Response[Departure]:
    """Where to go to show it at a provider; the callback answers 204, and the sign-in is fresh for ten minutes."""
    path = redirects.own_path(next_path)
    session_id = request.auth["session_id"]
    return await flow.send(request, provider, FlowPurpose.REAUTHENTICATE, session_id=session_id, next_path=path)


async def come_back(
    request: Request[Any, Any, Any], service: ProfileService, back: Return, arrival: Arrival
) -> Response[Any]:
    """The sign-in that the trip was for is fresh, with new credentials (ASVS 7.2.4).

    Raises:
        NotAuthorizedException: if it has ended meanwhile.
        NotLinked: if somebody else came back.
    """
    await account_linking.hold(service.session, arrival.identity)
    user = await user_of(service.session, back)
    await account_linking.require_linked(service, user, arrival)
    audit.record(service.session, ProviderEvent.ASKED_AGAIN, user.id, actor=user.id)
    # The browser may bring no credentials along from another site, so the state says whose sign-in this is.
    generation = select(UserSession.generation).where(UserSession.id == back.session_id)
    request.scope["auth"] = {"session_id": back.session_id, "generation": await service.session.scalar(generation)}
    cookies = await credentials.rotate(request)
    page = redirects.page_after(service.settings, back)
    return Redirect(page, cookies=cookies) if page else Response(None, status_code=204, cookies=cookies)


async def user_of(session: AsyncSession, back: Return) -> User:
    """Who was signed in when the trip began, and is still.

    Raises:
        NotAuthorizedException: if that has ended.
    """
    is_theirs = (UserSession.id == back.session_id) & is_alive(session.info["settings"])
    found = select(User).join(UserSession, UserSession.user_id == User.id)
    allowed = found.where(is_theirs, User.is_active, User.is_verified).with_for_update(of=User, key_share=True)
    user = (await session.scalars(allowed, execution_options={"populate_existing": True})).one_or_none()
    # A reset may have ended the sign-in while this waited for the lock, which only another statement sees.
    if user is None or await session.scalar(select(UserSession.id).where(is_theirs)) is None:
        raise NotAuthorizedException
    return user


@put("/users/me/password", status_code=204, guards=[require_recent_sign_in], dependencies=SERVICE, tags=["Accounts"])
async def set_password(
    data: JSONBody[FirstPassword], request: Request[Any, Any, Any], service: NamedDependency[ProfileService]
) -> Response[None]:
    """Have a password where there was none; every other device is signed out."""
    await _set_first(service, request.user, data.new_password, keep=request.auth["session_id"])
    return Response(None, status_code=204, cookies=await credentials.rotate(request))


async def _set_first(service: ProfileService, user: User, password: str, keep: UUID) -> None:
    await release_connection(service.session)
    await policy.require_good(password, user.email, service.settings, "new_password", name=user.display_name)
    password_hash = await service.hasher.digest(password, user.email)
    # Another request may have set a password meanwhile; `lock_user` refuses if a reset has ended this sign-in.
    user = await lock_user(service.session, user.id)
    if is_hash(user.password_hash):
        raise Conflict("You have a password. Trade it for another: POST /users/me/password.")
    user.password_hash = password_hash
    await service.end_credentials(user, but=keep)
    audit.record(service.session, Event.PASSWORD_CHANGED, user.id)
    outbox.put(service.session, Letter.PASSWORD_CHANGED, user.email, user.id)


ROUTES: list[HTTPRouteHandler] = [go_and_show, set_password]
