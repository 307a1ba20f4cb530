"""Signing in and out, whatever the kind of credentials."""

from typing import Any

from litestar import Request
from litestar import Response
from litestar import post
from litestar.di import NamedDependency
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from litestar_users.dependencies import provide_user_service

from app.accounts import throttle
from app.accounts.schemas import SignIn
from app.accounts.service import AccountService
from app.accounts.throttle import Action
from app.auth import credentials
from app.auth.backend import end_session
from app.database import request_session
from app.errors import InvalidCredentials


@post(
    "/login",
    return_dto=credentials.SignedInDTO,
    dependencies={"service": Provide(provide_user_service, sync_to_thread=False)},
    exclude_from_auth=True,
    security=[{}],
    tags=["Credentials"],
)
async def login(
    data: JSONBody[SignIn], request: Request[Any, Any, Any], service: NamedDependency[AccountService]
) -> Response[credentials.SignedIn]:
    """Trade an address and a password for credentials."""
    await throttle.admit(request, Action.SIGN_IN, data.email)
    user = await service.authenticate(data, request)
    if user is None:
        raise InvalidCredentials
    await throttle.forget(request, Action.SIGN_IN, data.email)
    return await credentials.sign_in(request, user)


@post("/logout", status_code=204, tags=["Credentials"])
async def logout(request: Request[Any, Any, Any]) -> Response[None]:
    """End this sign-in: what was presented is worth nothing from now on."""
    await end_session(request_session(request), request.auth["session_id"])
    return Response(None, cookies=credentials.cleared_cookies(request.app.state.settings))


ROUTES: list[HTTPRouteHandler] = [login, logout, *credentials.ROUTES]
