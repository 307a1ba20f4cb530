"""The second step of a sign-in, and what every sign-in ends with."""

from collections.abc import Mapping
from typing import Any

from litestar import Request
from litestar import Response
from litestar.openapi import ResponseSpec
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import audit
from app.accounts import known_networks
from app.accounts.attempt_counters import Bucket
from app.accounts.audit import Event
from app.accounts.mail import outbox
from app.accounts.mail.letters import Letter
from app.accounts.row_locks import lock
from app.accounts.schemas import UserRead
from app.accounts.service_base import AccountService
from app.auth import credentials
from app.auth.user_sessions import PASSWORD
from app.auth.user_sessions import STRONG
from app.factors import challenges
from app.factors import passkeys
from app.factors import recovery_codes
from app.factors import totp
from app.factors.challenges import Challenge
from app.factors.challenges import Purpose
from app.factors.errors import InvalidChallenge
from app.factors.errors import InvalidFactor
from app.factors.held import usable_factors
from app.factors.passkeys import WrongPasskey
from app.factors.schemas import FactorNeeded
from app.factors.schemas import Proof
from app.models import User

# How a passkey alone signs in (RFC 8176): it is held by the user, who unlocks it.
PASSKEY_ALONE = ["pop", "user", STRONG]
NEEDED = {202: ResponseSpec(FactorNeeded, generate_examples=False, description="A second factor is needed.")}


class UserOrChallenge(UserRead):
    """A user as callers see one; a challenge, and the empty body of a redirect, are sent as they are."""

    __schema_name__ = "User"

    def data_to_encodable_type(self, data: Any) -> Any:
        """The response with its content as it is sent."""
        return super().data_to_encodable_type(data) if isinstance(data.content, User) else data


# For the routes that sign in.
SIGNED_IN_DTO = None if credentials.SignedInDTO is None else UserOrChallenge


async def ask_for_factor(
    session: AsyncSession, user: User, columns: Mapping[str, Any], **more: Any
) -> Response[Any] | None:
    """The challenge for a user, whose row is locked, who has a factor; None if the sign-in needs no second step."""
    if not await usable_factors(session, user.id):
        return None
    return await needed(session, challenges.after_first_step(user, columns, **more))


async def needed(session: AsyncSession, challenge: Challenge) -> Response[Any]:
    """The response that asks for a factor."""
    assert challenge.user_id is not None
    handle = challenges.handle_of(session.info["settings"], challenge)
    factors = await usable_factors(session, challenge.user_id)
    return Response(FactorNeeded(handle, int(challenges.LIFETIME.total_seconds()), factors), status_code=202)


async def lock_half_signed_in(session: AsyncSession, challenge: Challenge) -> User:
    """The user who has taken the first step, locked.

    Raises:
        InvalidChallenge: if the account was changed since in a way that ends sign-ins.
    """
    user = (await lock(session, User, challenge.user_id)).get(challenge.user_id) if challenge.user_id else None
    if user is None or not (user.is_active and user.is_verified):
        raise InvalidChallenge
    if challenge.purpose is Purpose.SECOND_FACTOR and challenges.account_state(user) != challenge.account_state:
        raise InvalidChallenge
    return user


async def verify(session: AsyncSession, user: User, proof: Proof, to_sign: bytes) -> list[str]:
    """Check the one factor in a body against those of a user, whose row is locked; returns its `amr`.

    Raises:
        InvalidFactor: if it is wrong.
    """
    name, is_right = proof.only(), False
    if await usable_factors(session, user.id):
        if isinstance(proof.totp, str):
            is_right = await totp.accept(session, user.id, proof.totp)
        elif isinstance(proof.recovery_code, str):
            is_right = await recovery_codes.use(session, user, proof.recovery_code)
        elif isinstance(proof.credential, dict):
            is_right = await _is_right_passkey(session, user, proof.credential, to_sign)
    if not is_right:
        raise InvalidFactor(name, "This is wrong, was used before, or has expired.")
    return ["pop" if name == "credential" else "otp", STRONG]


async def _is_right_passkey(session: AsyncSession, user: User, credential: dict[str, Any], to_sign: bytes) -> bool:
    try:
        await passkeys.use(session, user, credential, to_sign, names_user=False)
    except WrongPasskey:
        return False
    return True


async def finish(
    request: Request[Any, Any, Any], service: AccountService, user: User, challenge: Challenge, amr: list[str]
) -> Response[credentials.SignedIn]:
    """The credentials for a user, whose row is locked, once all steps are done.

    Raises:
        InvalidChallenge: if the challenge has led to a sign-in before.
    """
    await challenges.use_up(service.session, challenge)
    is_reported = challenge.is_reported
    if PASSWORD in challenge.amr:
        await known_networks.settle(request, user.email, *map(Bucket, challenge.counted))
    else:
        is_reported = not await known_networks.recognise(request, user.email)
    try:
        return await start(request, service, user, amr, challenge.columns, is_reported=is_reported)
    except IntegrityError as error:
        if not challenge.ids:
            raise
        # What the first step was made with has been removed since.
        raise InvalidChallenge from error


async def start(  # noqa: PLR0913  # what a sign-in is made of
    request: Request[Any, Any, Any],
    service: AccountService,
    user: User,
    amr: list[str],
    columns: Mapping[str, Any],
    *,
    is_reported: bool,
) -> Response[credentials.SignedIn]:
    """New credentials for a user who has confirmed who they are in the ways that `amr` lists."""
    if is_reported:
        outbox.put(service.session, Letter.SIGNED_IN, user.email, user.id)
    audit.record(service.session, Event.SIGNED_IN, user.id, actor=user.id)
    await service.post_login_hook(user, request)
    return await credentials.sign_in(request, user, amr=amr, **columns)
