"""Signing in and out, for every kind of credentials."""

from typing import Any

from litestar import MediaType
from litestar import Request
from litestar import Response
from litestar import post
from litestar.di import NamedDependency
from litestar.exceptions import NotAuthorizedException
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from litestar.router import Router

from app.accounts import audit
from app.accounts import throttle
from app.accounts.audit import Event
from app.accounts.mail import outbox
from app.accounts.mail.letters import Letter
from app.accounts.routes import SERVICE
from app.accounts.schemas import KnownPassword
from app.accounts.schemas import SignIn
from app.accounts.sign_in import SignInService
from app.auth import credentials
from app.auth import me_routes
from app.auth.signed_out import SIGN_OUT_HEADERS
from app.auth.signed_out import signed_out
from app.auth.user_sessions import PASSWORD
from app.auth.user_sessions import UserRequest
from app.auth.user_sessions import confirmed
from app.auth.user_sessions import end_session
from app.database.sessions import request_session
from app.http.errors import InvalidCredentials

# After more wrong passwords than people usually need, the user is told of the sign-in by mail (ASVS 6.3.5).
SUSPICIOUS_ATTEMPTS = 5


@post(
    "/login",
    media_type=MediaType.JSON,
    return_dto=credentials.SignedInDTO,
    dependencies=SERVICE,
    exclude_from_auth=True,
    refuses=[InvalidCredentials],
    tags=["Credentials"],
)
async def login(
    data: JSONBody[SignIn], request: Request[Any, Any, Any], service: NamedDependency[SignInService]
) -> Response[credentials.SignedIn]:
    """Sign in with an e-mail address and a password."""
    async with throttle.password_attempt(request, data.email) as attempt:
        user = await service.authenticate(data, request)
        if user is None:
            raise InvalidCredentials
    if not attempt.ties or attempt.of_account.attempts > SUSPICIOUS_ATTEMPTS:
        outbox.put(service.session, Letter.SIGNED_IN, user.email, user.id)
    audit.record(service.session, Event.SIGNED_IN, user.id, actor=user.id)
    await service.post_login_hook(user, request)
    return await credentials.sign_in(request, user, amr=[PASSWORD])


@post("/reauthenticate", status_code=204, dependencies=SERVICE, tags=["Credentials"])
async def reauthenticate(
    data: JSONBody[KnownPassword], request: UserRequest, service: NamedDependency[SignInService]
) -> Response[None]:
    """Confirm the password; routes that require a recent sign-in are open for ten minutes."""
    async with throttle.password_attempt(request, request.user.email):
        await service.require_password(request.user, data.password)
    audit.record(service.session, Event.REAUTHENTICATED, request.user.id)
    return Response(None, status_code=204, cookies=await credentials.rotate(request, **confirmed(PASSWORD)))


@post("/logout", status_code=204, tags=["Credentials"])
async def logout(request: UserRequest) -> Response[None]:
    """Sign out: the credentials of this request stop working."""
    ended = await end_session(request_session(request), request.auth["session_id"])
    if ended is None:
        # Another request with the same credentials signed out first.
        raise NotAuthorizedException
    audit.record(request_session(request), Event.SIGNED_OUT, request.user.id)
    headers: dict[str, str] = {}
    for more in SIGN_OUT_HEADERS:
        headers |= await more(request, ended)
    return signed_out(request, headers)


ROUTES: list[HTTPRouteHandler | Router] = [login, reauthenticate, logout, *credentials.ROUTES, *me_routes.ROUTES]
