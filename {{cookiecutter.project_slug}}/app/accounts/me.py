"""What signed-in users do about their own account, at /users/me; litestar-users has the routes that read and rename."""

from typing import Any

from litestar import Request
from litestar import get
from litestar import post
from litestar.di import NamedDependency
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from litestar.router import Router
from litestar_users.dependencies import provide_user_service

from app.accounts import throttle
from app.accounts.changes import ChangeService
from app.accounts.export import export_of
from app.accounts.fresh import fresh
from app.accounts.schemas import Accepted
from app.accounts.schemas import NewAddress
from app.accounts.schemas import NewPassword
from app.accounts.throttle import Action
from app.database import request_session


@post("/password", status_code=204)
async def change_password(
    data: JSONBody[NewPassword], request: Request[Any, Any, Any], service: NamedDependency[ChangeService]
) -> None:
    """Trade the present password for another; every other device is signed out."""
    email = request.user.email
    await throttle.admit(request, Action.SIGN_IN, email)
    await service.change_password(
        request.user, data.current_password, data.new_password, keep=request.auth["session_id"]
    )
    await throttle.succeed(request, Action.SIGN_IN, email)


@post("/email", status_code=202)
async def change_email(
    data: JSONBody[NewAddress], request: Request[Any, Any, Any], service: NamedDependency[ChangeService]
) -> Accepted:
    """Ask for another address; it takes the place of the present one when the mail to it is answered."""
    email = request.user.email
    await throttle.admit(request, Action.CHANGE_EMAIL, email)
    await throttle.admit(request, Action.SIGN_IN, email)
    await service.ask_for_email_change(request.user, data.email, data.password)
    await throttle.succeed(request, Action.SIGN_IN, email)
    return Accepted()


@get("/export", guards=[fresh])
async def export(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """Everything that is stored about the caller, except secrets."""
    return await export_of(request_session(request), request.user)


ROUTES: list[HTTPRouteHandler | Router] = [
    Router(
        "/users/me",
        route_handlers=[change_password, change_email, export],
        dependencies={"service": Provide(provide_user_service, sync_to_thread=False)},
        tags=["Accounts"],
    )
]
