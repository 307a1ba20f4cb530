"""Routes for the caller's own account, at /users/me; litestar-users has those that read and change the profile."""

from typing import Annotated
from typing import Any
from uuid import UUID

from advanced_alchemy.exceptions import NotFoundError
from litestar import MediaType
from litestar import Response
from litestar import delete
from litestar import get
from litestar import post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import ResponseSpec
from litestar.params import JSONBody
from litestar.params import Parameter
from litestar.response import Stream
from litestar.router import Router

from app.accounts import audit
from app.accounts import throttle
from app.accounts.audit import Event
from app.accounts.data_export import export_of
from app.accounts.profile import ProfileService
from app.accounts.routes import SERVICE
from app.accounts.row_locks import lock_user
from app.accounts.schemas import Accepted
from app.accounts.schemas import NewAddress
from app.accounts.schemas import NewPassword
from app.accounts.throttle import Action
from app.auth import credentials
from app.auth import devices
from app.auth.current_user import current_row
from app.auth.devices import OwnDevice
from app.auth.signed_out import signed_out
from app.auth.user_sessions import UserRequest
from app.auth.user_sessions import confirmed_by_password
from app.database.sessions import request_session
from app.http.recent_sign_in import require_recent_sign_in

EXPORT = {200: ResponseSpec(dict[str, Any], generate_examples=False, description="The user and lists of rows.")}


@post("/password", status_code=204)
async def change_password(
    data: JSONBody[NewPassword], request: UserRequest, service: NamedDependency[ProfileService]
) -> Response[None]:
    """Change the password; every other device is signed out."""
    user, current, new = await current_row(request), data.current_password, data.new_password
    # Not within the attempt: a refused new password is no guess at the current one.
    await service.require_new_password(user, current, new)
    async with throttle.password_attempt(request, user.email):
        password_hash = await service.require_current_password(user, current, new)
    # Not within the attempt either: each sign-in locks its counters first, and then the sign-ins that it ends.
    await service.store_password(user, password_hash, keep=request.auth["session_id"])
    cookies = await credentials.rotate(request, **confirmed_by_password(request))
    return Response(None, status_code=204, cookies=cookies)


@post("/email", status_code=202)
async def change_email(
    data: JSONBody[NewAddress], request: UserRequest, service: NamedDependency[ProfileService]
) -> Accepted:
    """Ask for a new e-mail address; it is used once the link in the mail to it is confirmed."""
    user = await current_row(request)
    email = service.new_email(user, data.email)
    await throttle.count_attempt(request, Action.CHANGE_EMAIL, user.email)
    async with throttle.password_attempt(request, user.email):
        await service.ask_for_email_change(user, email, data.password)
    return Accepted()


@get("/sessions")
async def list_devices(request: UserRequest) -> list[OwnDevice]:
    """List the devices that the caller is signed in on, the latest seen first."""
    return await devices.of_caller(request_session(request), request.user.id, request.auth["session_id"])


@delete("/sessions/{session_id:uuid}", status_code=204, guards=[require_recent_sign_in])
async def end_device(
    request: UserRequest, session_id: Annotated[UUID, Parameter(description="From the list.")]
) -> None:
    """Sign one device out."""
    await lock_user(request_session(request), request.user.id)
    if not await devices.end(request_session(request), request.user.id, session_id):
        raise NotFoundError
    audit.record(request_session(request), Event.SIGNED_OUT, request.user.id)


@delete("/sessions", status_code=204, guards=[require_recent_sign_in])
async def end_other_devices(request: UserRequest) -> None:
    """Sign every device out except this one."""
    await lock_user(request_session(request), request.user.id)
    if await devices.end_all(request_session(request), request.user.id, but=request.auth["session_id"]):
        audit.record(request_session(request), Event.OTHERS_SIGNED_OUT, request.user.id)


@get("/export", guards=[require_recent_sign_in], media_type=MediaType.JSON, responses=EXPORT)
async def export(request: UserRequest) -> Stream:
    """Download everything that is stored about the caller, except secrets."""
    session = request_session(request)
    audit.record(session, Event.EXPORTED, request.user.id)
    return Stream(await export_of(request.app, session, request.user.id))


@delete("/users/me", status_code=204, guards=[require_recent_sign_in], dependencies=SERVICE, tags=["Accounts"])
async def delete_account(request: UserRequest, service: NamedDependency[ProfileService]) -> Response[None]:
    """Delete the account of the caller, and everything that belongs to it."""
    await service.delete_account(request.user.id)
    return signed_out(request)


ROUTES: list[HTTPRouteHandler | Router] = [
    Router(
        "/users/me",
        route_handlers=[
            change_password,
            change_email,
            list_devices,
            end_device,
            end_other_devices,
            export,
        ],
        dependencies=SERVICE,
        tags=["Accounts"],
    ),
    # A separate handler: litestar-users has a router at this path, and Litestar allows only one.
    delete_account,
]
