"""Signing in: with a password and, for an account that has one, a second factor; or with a passkey alone."""

from typing import Any

from advanced_alchemy.exceptions import NotFoundError
from litestar import MediaType
from litestar import Request
from litestar import Response
from litestar import post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from sqlalchemy import select

from app.accounts import audit
from app.accounts import known_networks
from app.accounts import throttle
from app.accounts.audit import Event
from app.accounts.routes import SERVICE
from app.accounts.row_locks import lock
from app.accounts.schemas import SignIn
from app.accounts.sign_in import SignInService
from app.auth import credentials
from app.auth.user_sessions import PASSWORD
from app.database.sessions import request_session
from app.factors import challenges
from app.factors import passkey_options
from app.factors import passkeys
from app.factors import second_step
from app.factors.attempts import factor_attempt
from app.factors.attempts import passkey_attempt
from app.factors.audit_events import FactorEvent
from app.factors.challenges import Purpose
from app.factors.errors import InvalidChallenge
from app.factors.errors import InvalidFactor
from app.factors.errors import InvalidPasskey
from app.factors.errors import RefusedFactor
from app.factors.models import Passkey
from app.factors.passkeys import WrongPasskey
from app.factors.schemas import Asked
from app.factors.schemas import AskedWithHandle
from app.factors.schemas import Handled
from app.factors.schemas import PasskeySignIn
from app.factors.schemas import SecondStep
from app.http.errors import InvalidCredentials
from app.http.errors import TooManyAttempts
from app.models import User

# After more wrong passwords than people usually need, the user is told of the sign-in by mail (ASVS 6.3.5).
SUSPICIOUS_ATTEMPTS = 5


@post(
    "/login",
    media_type=MediaType.JSON,
    return_dto=second_step.SIGNED_IN_DTO,
    dependencies=SERVICE,
    exclude_from_auth=True,
    responses=second_step.NEEDED,
    refuses=[InvalidCredentials],
    tags=["Credentials"],
)
async def login(
    data: JSONBody[SignIn], request: Request[Any, Any, Any], service: NamedDependency[SignInService]
) -> Response[credentials.SignedIn]:
    """Sign in with an e-mail address and a password; an account with a second factor gets a challenge for it."""
    async with throttle.password_attempt(request, data.email, settles=False) as attempt:
        user = await service.authenticate(data, request)
        if user is None:
            raise InvalidCredentials
    is_reported = not attempt.ties or attempt.of_account.attempts > SUSPICIOUS_ATTEMPTS
    counted = [key.digest for key in attempt.keys]
    more = {"amr": [PASSWORD], "counted": counted, "is_reported": is_reported}
    if asked := await second_step.ask_for_factor(service.session, user, {}, **more):
        return asked
    await known_networks.settle(request, data.email, *attempt.keys)
    return await second_step.start(request, service, user, [PASSWORD], {}, is_reported=is_reported)


@post(
    "/login/options",
    status_code=200,
    exclude_from_auth=True,
    refuses=[NotFoundError, InvalidChallenge],
    tags=["Credentials"],
)
async def login_options(data: JSONBody[Handled], request: Request[Any, Any, Any]) -> Asked:
    """Get what the browser needs to use a passkey as second factor; asking again replaces it."""
    session = request_session(request)
    challenge = challenges.read(session.info["settings"], data.challenge, Purpose.SECOND_FACTOR)
    user = await second_step.lock_half_signed_in(session, challenge)
    to_sign = await challenges.ask_again(session, challenge)
    return Asked(
        passkey_options.request_options(
            session.info["settings"], to_sign, await passkey_options.of_user(session, user.id)
        )
    )


@post(
    "/login/second-factor",
    media_type=MediaType.JSON,
    return_dto=credentials.SignedInDTO,
    dependencies=SERVICE,
    exclude_from_auth=True,
    refuses=[InvalidChallenge, RefusedFactor, TooManyAttempts],
    tags=["Credentials"],
)
async def second_factor(
    data: JSONBody[SecondStep], request: Request[Any, Any, Any], service: NamedDependency[SignInService]
) -> Response[credentials.SignedIn]:
    """Finish a sign-in with a second factor: a code, a recovery code or a passkey."""
    challenge = challenges.read(service.settings, data.challenge, Purpose.SECOND_FACTOR)
    assert challenge.user_id is not None
    try:
        is_code = data.only() != "credential"
        async with factor_attempt(request, challenge.user_id, challenge, is_code=is_code) as to_sign:
            user = await second_step.lock_half_signed_in(service.session, challenge)
            amr = [*challenge.amr, *await second_step.verify(service.session, user, data, to_sign)]
    except InvalidFactor as error:
        await service.session.rollback()
        await audit.record_refusal(service.session, FactorEvent.REFUSED, challenge.user_id)
        raise RefusedFactor from error
    return await second_step.finish(request, service, user, challenge, amr)


@post(
    "/passkeys/options",
    status_code=200,
    exclude_from_auth=True,
    sync_to_thread=False,
    refuses=[NotFoundError],
    tags=["Credentials"],
)
def options_for_passkey(request: Request[Any, Any, Any]) -> AskedWithHandle:
    """Get what the browser needs to sign in with a passkey; it is the same for every caller."""
    settings, challenge = request.app.state.settings, challenges.create(Purpose.PASSKEY_SIGN_IN)
    options = passkey_options.request_options(settings, challenges.to_sign(challenge))
    return AskedWithHandle(options, challenges.handle_of(settings, challenge))


@post(
    "/passkeys/sign-in",
    media_type=MediaType.JSON,
    return_dto=credentials.SignedInDTO,
    dependencies=SERVICE,
    exclude_from_auth=True,
    refuses=[NotFoundError, InvalidPasskey, TooManyAttempts],
    tags=["Credentials"],
)
async def passkey_sign_in(
    data: JSONBody[PasskeySignIn], request: Request[Any, Any, Any], service: NamedDependency[SignInService]
) -> Response[credentials.SignedIn]:
    """Sign in with a passkey alone; the sign-in is strong."""
    passkey_options.required_rp_id(service.settings)
    try:
        challenge = challenges.read(service.settings, data.challenge, Purpose.PASSKEY_SIGN_IN)
    except InvalidChallenge as error:
        raise InvalidPasskey from error
    async with passkey_attempt(request, challenge) as to_sign:
        user = await _user_of(request, service, data.credential, to_sign)
    return await second_step.finish(request, service, user, challenge, second_step.PASSKEY_ALONE)


async def _user_of(
    request: Request[Any, Any, Any], service: SignInService, credential: dict[str, Any], to_sign: bytes
) -> User:
    credential_id = passkeys.credential_id_of(credential)
    user_id = await service.session.scalar(select(Passkey.user_id).where(Passkey.credential_id == credential_id))
    user = (await lock(service.session, User, user_id)).get(user_id) if user_id else None
    try:
        user = await passkeys.use(service.session, user, credential, to_sign, names_user=True)
    except WrongPasskey as error:
        await service.session.rollback()
        await audit.record_refusal(service.session, Event.SIGN_IN_FAILED, user_id)
        raise InvalidPasskey from error
    is_allowed = user.is_active and user.is_verified
    if not (is_allowed and await service.is_admitted(user.email, user, request)):
        raise InvalidPasskey
    return user


ROUTES: list[HTTPRouteHandler] = [login, login_options, second_factor, options_for_passkey, passkey_sign_in]
