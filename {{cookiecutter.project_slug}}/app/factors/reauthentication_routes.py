"""Confirming who a signed-in user is, at the strength that the account has."""

from advanced_alchemy.exceptions import NotFoundError
from litestar import Response
from litestar import post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from app.accounts import audit
from app.accounts import throttle
from app.accounts.audit import Event
from app.accounts.routes import SERVICE
from app.accounts.row_locks import lock_user
from app.accounts.sign_in import SignInService
from app.auth import credentials
from app.auth.current_user import current_row
from app.auth.user_sessions import PASSWORD
from app.auth.user_sessions import UserRequest
from app.auth.user_sessions import confirmed
from app.database.sessions import request_session
from app.factors import challenges
from app.factors import passkey_options
from app.factors import second_step
from app.factors.attempts import factor_attempt
from app.factors.audit_events import FactorEvent
from app.factors.challenges import Purpose
from app.factors.errors import InvalidChallenge
from app.factors.errors import InvalidFactor
from app.factors.held import usable_factors
from app.factors.schemas import AskedWithHandle
from app.factors.schemas import Confirmation
from app.http.errors import InvalidField
from app.http.strong_sign_in import OPEN_WITHOUT_FACTOR


@post(
    "/reauthenticate/options",
    status_code=200,
    opt=OPEN_WITHOUT_FACTOR,
    refuses=[NotFoundError],
    tags=["Credentials"],
)
async def reauthentication_options(request: UserRequest) -> AskedWithHandle:
    """Get what the browser needs to confirm with a passkey who the caller is."""
    session = request_session(request)
    known = await passkey_options.of_user(session, request.user.id)
    challenge = challenges.create(
        Purpose.REAUTHENTICATE, user_id=request.user.id, session_id=request.auth["session_id"]
    )
    options = passkey_options.request_options(session.info["settings"], challenges.to_sign(challenge), known)
    return AskedWithHandle(options, challenges.handle_of(session.info["settings"], challenge))


@post(
    "/reauthenticate",
    status_code=204,
    dependencies=SERVICE,
    opt=OPEN_WITHOUT_FACTOR,
    refuses=[InvalidChallenge, InvalidFactor],
    tags=["Credentials"],
)
async def reauthenticate(
    data: JSONBody[Confirmation], request: UserRequest, service: NamedDependency[SignInService]
) -> Response[None]:
    """Confirm who you are; routes that require a recent sign-in are open for ten minutes.

    An account without a second factor sends its password, and one with a factor a code too. A passkey is enough alone.
    The challenge of another first step stands in for the password.
    """
    user_id = request.user.id
    try:
        amr = await (_password_alone if not data.given() else _with_factor)(data, request, service)
    except InvalidFactor:
        await service.session.rollback()
        await audit.record_refusal(service.session, FactorEvent.REFUSED, user_id)
        raise
    audit.record(service.session, Event.REAUTHENTICATED, user_id)
    return Response(None, status_code=204, cookies=await credentials.rotate(request, **confirmed(*amr)))


async def _password_alone(data: Confirmation, request: UserRequest, service: SignInService) -> list[str]:
    if not isinstance(data.password, str):
        raise InvalidField("password", "Send your password, or a challenge and a credential.")
    async with throttle.password_attempt(request, request.user.email):
        await service.require_password(await current_row(request), data.password)
        if await usable_factors(service.session, request.user.id):
            raise InvalidFactor("totp", "Your account has a second factor. Send a code too, or use a passkey.")
    return [PASSWORD]


async def _with_factor(data: Confirmation, request: UserRequest, service: SignInService) -> list[str]:
    is_code = data.only() != "credential"
    challenge = None
    if isinstance(data.challenge, str):
        purpose = Purpose.REAUTHENTICATE_SECOND_STEP if is_code else Purpose.REAUTHENTICATE
        challenge = challenges.read(service.settings, data.challenge, purpose)
        if challenge.session_id != request.auth["session_id"]:
            raise InvalidChallenge
    async with factor_attempt(request, request.user.id, challenge, is_code=is_code) as to_sign:
        if challenge is None:
            amr = await _password_and_code(data, request, service)
        else:
            user = await lock_user(service.session, request.user.id)
            amr = await second_step.verify(service.session, user, data, to_sign)
            await challenges.use_up(service.session, challenge)
    return amr if is_code else second_step.PASSKEY_ALONE


async def _password_and_code(data: Confirmation, request: UserRequest, service: SignInService) -> list[str]:
    if not isinstance(data.password, str) or data.only() == "credential":
        raise InvalidField("challenge", "Send a challenge with a credential, or your password with a code.")
    # A right password alone does not reset the count.
    async with throttle.password_attempt(request, request.user.email):
        user = await current_row(request)
        await service.require_password(user, data.password)
        return [PASSWORD, *await second_step.verify(service.session, user, data, b"")]


ROUTES: list[HTTPRouteHandler] = [reauthentication_options, reauthenticate]
