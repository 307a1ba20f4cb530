"""Registration, verification and recovery over HTTP. Responses are the same for known and unknown addresses."""

from typing import Any

from litestar import Request
from litestar import post
from litestar.di import NamedDependency
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from litestar.router import Router
from litestar_users.dependencies import provide_user_service

from app.accounts import known_networks
from app.accounts import throttle
from app.accounts.known_networks import Tie
from app.accounts.profile import ProfileService
from app.accounts.recovery import RecoveryService
from app.accounts.registration import RegistrationService
from app.accounts.schemas import Accepted
from app.accounts.schemas import Address
from app.accounts.schemas import NewPasswordWithProof
from app.accounts.schemas import Proof
from app.accounts.schemas import Registration
from app.accounts.schemas import UserRead
from app.accounts.throttle import Action
from app.models import User

# For every handler that has a `service` parameter, here and in other modules.
SERVICE = {"service": Provide(provide_user_service, sync_to_thread=False)}


@post("/register", status_code=202)
async def register(
    data: JSONBody[Registration], request: Request[Any, Any, Any], service: NamedDependency[RegistrationService]
) -> Accepted:
    """Create an account; a mail to the address has instructions."""
    async with throttle.sign_up_attempt(request, data.email) as is_told:
        await service.sign_up(data, request, is_told=is_told)
    return Accepted()


@post("/verify", status_code=200, return_dto=UserRead)
async def verify(
    data: JSONBody[Proof], request: Request[Any, Any, Any], service: NamedDependency[RegistrationService]
) -> User:
    """Verify an e-mail address with the token from the mail."""
    user = await service.verify(data.token, request)
    await known_networks.remember(request, user.email, Tie.EXPECTED)
    return user


@post("/verify/resend", status_code=202)
async def resend_verification(
    data: JSONBody[Address], request: Request[Any, Any, Any], service: NamedDependency[RegistrationService]
) -> Accepted:
    """Send the verification mail again; the older link stops working."""
    if await throttle.may_send_mail(request, Action.RESEND_VERIFICATION, data.email):
        service.repeat_verification(data.email)
    return Accepted()


@post("/forgot-password", status_code=202)
async def forgot_password(
    data: JSONBody[Address], request: Request[Any, Any, Any], service: NamedDependency[RecoveryService]
) -> Accepted:
    """Send a mail with a link that sets a new password."""
    if await throttle.may_send_mail(request, Action.FORGET_PASSWORD, data.email):
        await service.initiate_password_reset(data.email)
    return Accepted()


@post("/reset-password", status_code=204)
async def reset_password(
    data: JSONBody[NewPasswordWithProof], request: Request[Any, Any, Any], service: NamedDependency[RecoveryService]
) -> None:
    """Set a password with the token from a reset or invitation mail; every device is signed out."""
    user = await service.choose_password(data.token, data.password, request)
    await throttle.reset_after_recovery(request, user.email)


@post("/users/me/email/confirm", status_code=200, return_dto=UserRead)
async def confirm_email(data: JSONBody[Proof], service: NamedDependency[ProfileService]) -> User:
    """Confirm a new e-mail address with the token from the mail; it is used to sign in from now on."""
    return await service.confirm_email(data.token)


@post("/users/me/email/undo", status_code=200, return_dto=UserRead)
async def undo_email_change(data: JSONBody[Proof], service: NamedDependency[ProfileService]) -> User:
    """Keep the former e-mail address, with the token from the mail to it; every device is signed out."""
    return await service.undo_email_change(data.token)


ROUTES: list[HTTPRouteHandler | Router] = [
    Router(
        "/",
        route_handlers=[
            register,
            verify,
            resend_verification,
            forgot_password,
            reset_password,
            confirm_email,
            undo_email_change,
        ],
        dependencies=SERVICE,
        opt={"exclude_from_auth": True},
        tags=["Accounts"],
    )
]
