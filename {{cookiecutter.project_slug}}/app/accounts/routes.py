"""Registration, verification and recovery over HTTP; each answer is the same for known and unknown addresses."""

from typing import TypeVar

from litestar import Response
from litestar import post
from litestar.background_tasks import BackgroundTask
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from litestar.router import Router
from litestar_users.dependencies import provide_user_service

from app.accounts.schemas import Accepted
from app.accounts.schemas import Address
from app.accounts.schemas import NewPasswordWithProof
from app.accounts.schemas import Proof
from app.accounts.schemas import Registration
from app.accounts.schemas import UserRead
from app.accounts.service import AccountService
from app.models import User

T = TypeVar("T")


@post("/register", status_code=202)
async def register(
    data: JSONBody[Registration], service: NamedDependency[AccountService], state: State
) -> Response[Accepted]:
    """Ask for an account; a mail to the address says how to go on."""
    await service.sign_up(data.email, data.password)
    return _mailing(Accepted(), 202, service, state)


@post("/verify", status_code=200, return_dto=UserRead)
async def verify(data: JSONBody[Proof], service: NamedDependency[AccountService]) -> User:
    """Prove an address with the token from the mail."""
    return await service.verify(data.token)


@post("/verify/resend", status_code=202)
async def resend_verification(
    data: JSONBody[Address], service: NamedDependency[AccountService], state: State
) -> Response[Accepted]:
    """Ask for the mail again; the older link stops working."""
    await service.repeat_verification(data.email)
    return _mailing(Accepted(), 202, service, state)


@post("/forgot-password", status_code=202)
async def forgot_password(
    data: JSONBody[Address], service: NamedDependency[AccountService], state: State
) -> Response[Accepted]:
    """Ask for a mail with a link that sets a new password."""
    await service.initiate_password_reset(data.email)
    return _mailing(Accepted(), 202, service, state)


@post("/reset-password", status_code=204)
async def reset_password(
    data: JSONBody[NewPasswordWithProof], service: NamedDependency[AccountService], state: State
) -> Response[None]:
    """Set a new password with the token from the mail; every device is signed out."""
    await service.reset_password(data.token, data.password)
    return _mailing(None, 204, service, state)


def _mailing(content: T, status_code: int, service: AccountService, state: State) -> Response[T]:
    # Background tasks run after the answer, hence after the commit: no mail speaks of what was not stored.
    return Response(content, status_code=status_code, background=BackgroundTask(state.mailer.send, service.mails))


ROUTES: list[HTTPRouteHandler | Router] = [
    Router(
        "/",
        route_handlers=[register, verify, resend_verification, forgot_password, reset_password],
        dependencies={"service": Provide(provide_user_service, sync_to_thread=False)},
        opt={"exclude_from_auth": True},
        security=[{}],
        tags=["Accounts"],
    )
]
