"""The caller's own passkeys."""

import secrets
from typing import Annotated
from uuid import UUID

from advanced_alchemy.exceptions import NotFoundError
from litestar import Response
from litestar import delete
from litestar import patch
from litestar import post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from litestar.params import Parameter
from msgspec import UNSET
from sqlalchemy import func
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.row_locks import lock_user
from app.accounts.ways_in import LastWayIn
from app.auth import credentials
from app.auth.user_sessions import UserRequest
from app.database.sessions import request_session
from app.database.transactions import separate_transaction
from app.factors import challenges
from app.factors import enrolment
from app.factors import passkey_options
from app.factors import passkeys
from app.factors.challenges import Purpose
from app.factors.errors import InvalidChallenge
from app.factors.errors import InvalidFactor
from app.factors.held import handle_of
from app.factors.held import lock_caller
from app.factors.models import Passkey
from app.factors.passkeys import WrongPasskey
from app.factors.schemas import AskedWithHandle
from app.factors.schemas import NewPasskey
from app.factors.schemas import PasskeyName
from app.factors.schemas import PasskeyRead
from app.factors.schemas import shown
from app.http.errors import Conflict
from app.http.recent_sign_in import require_recent_sign_in
from app.http.strong_sign_in import OPEN_WITHOUT_FACTOR

MAX_PASSKEYS = 19
PasskeyId = Annotated[UUID, Parameter(description="From the list.")]


@post(
    "/users/me/passkeys/options",
    status_code=200,
    guards=[require_recent_sign_in],
    opt=OPEN_WITHOUT_FACTOR,
    refuses=[NotFoundError],
    tags=["Factors"],
)
async def registration_options(request: UserRequest) -> AskedWithHandle:
    """Get what the browser needs to make a passkey."""
    session = request_session(request)
    passkey_options.required_rp_id(session.info["settings"])
    user, _, _ = await lock_caller(request)
    handle = await handle_of(session, user.id, secrets.token_bytes(64))
    challenge = challenges.create(Purpose.REGISTER, user_id=user.id, session_id=request.auth["session_id"])
    known = await passkey_options.of_user(session, user.id)
    options = passkey_options.creation_options(
        session.info["settings"], user, handle, known, challenges.to_sign(challenge)
    )
    return AskedWithHandle(options, challenges.handle_of(session.info["settings"], challenge))


@post(
    "/users/me/passkeys",
    guards=[require_recent_sign_in],
    opt=OPEN_WITHOUT_FACTOR,
    refuses=[NotFoundError, InvalidChallenge, InvalidFactor],
    tags=["Factors"],
)
async def add_passkey(data: JSONBody[NewPasskey], request: UserRequest) -> Response[PasskeyRead]:
    """Add a passkey. With the first factor, every other device is signed out, and recovery codes are shown once."""
    session = request_session(request)
    passkey_options.required_rp_id(session.info["settings"])
    challenge = challenges.read(session.info["settings"], data.challenge, Purpose.REGISTER)
    if challenge.session_id != request.auth["session_id"]:
        raise InvalidChallenge
    async with separate_transaction(session) as other:
        await challenges.use_up(other, challenge)
    user, factors, amr = await lock_caller(request)
    await _require_room(session, user.id)
    try:
        to_sign = challenges.to_sign(challenge)
        passkey = passkeys.new_passkey(session.info["settings"], user, data.credential, to_sign, data.name)
    except WrongPasskey as error:
        raise InvalidFactor("credential", "This is not the passkey that was asked for. Start again.") from error
    session.add(passkey)
    await session.flush()
    await enrolment.note_added(session, user, "pop")
    if factors:
        return Response(shown(passkey), status_code=201)
    codes = await enrolment.begin_with_first(session, user, request.auth["session_id"])
    cookies = await credentials.rotate(request, amr=enrolment.strengthened(amr, "pop"))
    return Response(shown(passkey, codes), status_code=201, cookies=cookies)


async def _require_room(session: AsyncSession, user_id: UUID) -> None:
    count = await session.scalar(select(func.count()).where(Passkey.user_id == user_id)) or 0
    if count >= MAX_PASSKEYS:
        raise Conflict("You have as many passkeys as are allowed. Remove one that you do not use.")


@patch("/users/me/passkeys/{passkey_id:uuid}", opt=OPEN_WITHOUT_FACTOR, tags=["Factors"])
async def rename_passkey(passkey_id: PasskeyId, data: JSONBody[PasskeyName], request: UserRequest) -> PasskeyRead:
    """Rename a passkey."""
    user = await lock_user(request_session(request), request.user.id)
    passkey = await _own(request_session(request), user.id, passkey_id)
    passkey.name = data.name
    return shown(passkey, UNSET)


@delete(
    "/users/me/passkeys/{passkey_id:uuid}",
    status_code=204,
    guards=[require_recent_sign_in],
    opt=OPEN_WITHOUT_FACTOR,
    refuses=[LastWayIn],
    tags=["Factors"],
)
async def remove_passkey(passkey_id: PasskeyId, request: UserRequest) -> None:
    """Remove a passkey; devices that were signed in with one are signed out."""
    session = request_session(request)
    user, _, amr = await lock_caller(request)
    await session.delete(await _own(session, user.id, passkey_id))
    await enrolment.note_removed(session, user, "pop", request.auth["session_id"], amr)


async def _own(session: AsyncSession, user_id: UUID, passkey_id: UUID) -> Passkey:
    theirs = select(Passkey).where(Passkey.user_id == user_id, Passkey.id == passkey_id)
    passkey = (await session.scalars(theirs)).one_or_none()
    if passkey is None:
        raise NotFoundError
    return passkey


ROUTES: list[HTTPRouteHandler] = [registration_options, add_passkey, rename_passkey, remove_passkey]
