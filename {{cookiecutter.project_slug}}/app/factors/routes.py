"""The caller's own factors, and the addresses under which browsers and password managers look for them."""

import secrets
from typing import Any

from advanced_alchemy.exceptions import NotFoundError
from litestar import Request
from litestar import Response
from litestar import delete
from litestar import get
from litestar import post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from litestar.response import Redirect
from sqlalchemy import delete as delete_rows
from sqlalchemy import func
from sqlalchemy import select

from app.accounts import audit
from app.accounts import link_pages
from app.accounts.mail import outbox
from app.accounts.ways_in import LastWayIn
from app.auth import credentials
from app.auth.user_sessions import UserRequest
from app.database.sessions import request_session
from app.factors import enrolment
from app.factors import passkey_routes
from app.factors import reauthentication_routes
from app.factors import recovery_codes
from app.factors import sign_in_routes
from app.factors import totp
from app.factors.attempts import factor_attempt
from app.factors.audit_events import FactorEvent
from app.factors.audit_events import FactorLetter
from app.factors.errors import InvalidFactor
from app.factors.held import handle_of
from app.factors.held import lock_caller
from app.factors.held import usable_factors
from app.factors.models import Passkey
from app.factors.models import RecoveryCode
from app.factors.models import Totp
from app.factors.passkey_options import as_text
from app.factors.schemas import CodesRead
from app.factors.schemas import FactorsRead
from app.factors.schemas import RecoveryCodes
from app.factors.schemas import TotpCode
from app.factors.schemas import TotpRead
from app.factors.schemas import TotpSecret
from app.factors.schemas import shown
from app.http.errors import Conflict
from app.http.errors import TooManyAttempts
from app.http.recent_sign_in import require_recent_sign_in
from app.http.strong_sign_in import OPEN_WITHOUT_FACTOR
from app.settings.factors import origins_of

OWN: dict[str, Any] = {"guards": [require_recent_sign_in], "opt": OPEN_WITHOUT_FACTOR, "tags": ["Factors"]}


@get("/users/me/factors", opt=OPEN_WITHOUT_FACTOR, tags=["Factors"])
async def list_factors(request: UserRequest) -> FactorsRead:
    """List the passkeys, the authenticator app and the recovery codes of the caller."""
    session, user_id = request_session(request), request.user.id
    handle = await handle_of(session, user_id, secrets.token_bytes(64))
    found = await session.scalars(select(Passkey).where(Passkey.user_id == user_id).order_by(Passkey.created_at))
    app = await session.scalar(select(Totp.created_at).where(Totp.user_id == user_id, Totp.is_confirmed))
    counted = select(func.max(RecoveryCode.created_at)).where(RecoveryCode.user_id == user_id)
    created_at = await session.scalar(counted) if await usable_factors(session, user_id) else None
    codes = CodesRead(await recovery_codes.remaining(session, user_id), created_at) if created_at else None
    return FactorsRead([*map(shown, found)], TotpRead(app) if app else None, codes, as_text(handle))


@post("/users/me/totp", **OWN)
async def begin_totp(request: UserRequest) -> TotpSecret:
    """Get a secret for an authenticator app; it counts once a code confirms it. Asking again replaces it."""
    session = request_session(request)
    user, _, _ = await lock_caller(request)
    if await session.scalar(select(Totp.id).where(Totp.user_id == user.id, Totp.is_confirmed)):
        raise Conflict("You have an authenticator app. Remove it before you add another one.")
    await session.execute(delete_rows(Totp).where(Totp.user_id == user.id))
    row, secret = Totp(user_id=user.id), totp.new_secret()
    totp.store(session.info["settings"], row, secret)
    session.add(row)
    uri = totp.uri_of(user, secret)
    return TotpSecret(totp.as_text(secret), uri, totp.qr_svg(uri))


@post("/users/me/totp/confirm", status_code=200, refuses=[InvalidFactor, TooManyAttempts], **OWN)
async def confirm_totp(data: JSONBody[TotpCode], request: UserRequest) -> Response[TotpRead]:
    """Confirm the authenticator app with a code.

    With the first factor, every other device is signed out, and recovery codes are shown once.
    """
    session = request_session(request)
    async with factor_attempt(request, request.user.id, None, is_code=True):
        user, factors, amr = await lock_caller(request)
        if not await totp.accept(session, user.id, data.code, confirms=True):
            raise InvalidFactor("code", "This is not the present code of the app. Is the clock of the device right?")
    created_at = (await session.scalars(select(Totp.created_at).where(Totp.user_id == user.id))).one()
    await enrolment.note_added(session, user, "otp")
    if factors:
        return Response(TotpRead(created_at), status_code=200)
    codes = await enrolment.begin_with_first(session, user, request.auth["session_id"])
    cookies = await credentials.rotate(request, amr=enrolment.strengthened(amr, "otp"))
    return Response(TotpRead(created_at, codes), status_code=200, cookies=cookies)


@delete("/users/me/totp", status_code=204, refuses=[NotFoundError, LastWayIn], **OWN)
async def remove_totp(request: UserRequest) -> None:
    """Remove the authenticator app; devices that were signed in with a code are signed out."""
    session = request_session(request)
    user, _, amr = await lock_caller(request)
    theirs = delete_rows(Totp).where(Totp.user_id == user.id).returning(Totp.is_confirmed)
    was_confirmed = await session.scalar(theirs)
    if was_confirmed is None:
        raise NotFoundError
    if was_confirmed:
        await enrolment.note_removed(session, user, "otp", request.auth["session_id"], amr)


@post("/users/me/recovery-codes", guards=[require_recent_sign_in], tags=["Factors"])
async def replace_recovery_codes(request: UserRequest) -> RecoveryCodes:
    """Get ten new recovery codes; the former ones stop working."""
    session = request_session(request)
    user, factors, _ = await lock_caller(request)
    if not factors:
        raise Conflict("Recovery codes stand in for a factor. Add a passkey or an authenticator app first.")
    codes = await recovery_codes.replace(session, user)
    audit.record(session, FactorEvent.CODES_REPLACED, user.id)
    outbox.put(session, FactorLetter.CODES_REPLACED, user.email, user.id)
    return RecoveryCodes(codes)


@get("/.well-known/webauthn", exclude_from_auth=True, include_in_schema=False, sync_to_thread=False)
def related_origins(request: Request[Any, Any, Any]) -> dict[str, list[str]]:
    """The sites that share passkeys, if there are several (WebAuthn Level 3, 5.11)."""
    origins = [origin for origin in origins_of(request.app.state.settings) if origin.startswith("https://")]
    if len(origins) < 2:
        raise NotFoundError
    return {"origins": origins}


@get("/.well-known/change-password", exclude_from_auth=True, include_in_schema=False, sync_to_thread=False)
def change_password_page(request: Request[Any, Any, Any]) -> Redirect:
    """Where a password manager sends its user to change the password."""
    page = "/account" if link_pages.has_page(request.app, "/account") else "/forgot-password"
    return Redirect(f"{request.app.state.settings.base_url}{page}", status_code=302)


ROUTES: list[HTTPRouteHandler] = [
    *sign_in_routes.ROUTES,
    *reauthentication_routes.ROUTES,
    list_factors,
    *passkey_routes.ROUTES,
    begin_totp,
    confirm_totp,
    remove_totp,
    replace_recovery_codes,
    related_origins,
    change_password_page,
]
