"""Whether what browsers answer about passkeys is right (WebAuthn Level 3)."""

import json
from base64 import urlsafe_b64decode
from typing import TYPE_CHECKING
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.accounts import audit
from app.accounts.mail import outbox
from app.factors.audit_events import FactorEvent
from app.factors.audit_events import FactorLetter
from app.factors.models import MAX_CREDENTIAL_ID
from app.factors.models import MAX_PUBLIC_KEY
from app.factors.models import Passkey
from app.factors.passkey_options import required_rp_id
from app.models import User
from app.settings import Settings
from app.settings.factors import origins_of

if TYPE_CHECKING:
    from webauthn.authentication.verify_authentication_response import VerifiedAuthentication
    from webauthn.registration.verify_registration_response import VerifiedRegistration

TRANSPORTS = {"ble", "cable", "hybrid", "internal", "nfc", "smart-card", "usb"}


class WrongPasskey(Exception):
    """What a browser answers does not prove what it was asked for."""


def new_passkey(settings: Settings, user: User, credential: dict[str, Any], to_sign: bytes, name: str) -> Passkey:
    """The passkey that a browser has made.

    Raises:
        WrongPasskey: if it is not what was asked for.
    """
    made = _registered(settings, credential, to_sign)
    if len(made.credential_id) > MAX_CREDENTIAL_ID or len(made.credential_public_key) > MAX_PUBLIC_KEY:
        raise WrongPasskey
    return Passkey(
        user_id=user.id,
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        rp_id=required_rp_id(settings),
        name=name,
        sign_count=made.sign_count,
        is_backup_eligible=made.credential_device_type == "multi_device",
        is_backed_up=made.credential_backed_up,
        transports=_transports_of(credential),
    )


def _registered(settings: Settings, credential: dict[str, Any], to_sign: bytes) -> "VerifiedRegistration":
    import webauthn  # noqa: PLC0415  # its import takes long

    _require_same_origin(credential)
    try:
        return webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=to_sign,
            expected_rp_id=required_rp_id(settings),
            expected_origin=origins_of(settings),
            require_user_verification=True,
        )
    except Exception as error:
        # Whatever the parser of an attestation stumbles over was sent by the caller.
        raise WrongPasskey from error


def _transports_of(credential: dict[str, Any]) -> list[str]:
    given = credential["response"].get("transports")
    return sorted({each for each in given if isinstance(each, str)} & TRANSPORTS) if isinstance(given, list) else []


def credential_id_of(credential: dict[str, Any]) -> bytes:
    """The id of the passkey that a browser has used; empty if it names none."""
    return _bytes_of(credential.get("id"))


async def use(
    session: AsyncSession, user: User | None, credential: dict[str, Any], to_sign: bytes, *, names_user: bool
) -> User:
    """The user, whose row is locked, if a browser has used one of their passkeys; it notes the use.

    With `names_user`, the answer must hold the user handle, since nothing else says who signs in.

    Raises:
        WrongPasskey: if this is no answer of one of the user's passkeys.
    """
    settings: Settings = session.info["settings"]
    if user is None:
        raise WrongPasskey
    is_it = (Passkey.user_id == user.id) & (Passkey.credential_id == credential_id_of(credential))
    found = select(Passkey).where(is_it, Passkey.rp_id == required_rp_id(settings))
    passkey = (await session.scalars(found, execution_options={"populate_existing": True})).one_or_none()
    if passkey is None:
        raise WrongPasskey
    answer = _verified(settings, passkey, credential, to_sign)
    given = credential["response"].get("userHandle")
    if (names_user or given is not None) and _bytes_of(given) != user.user_handle:
        raise WrongPasskey
    if (answer.credential_device_type == "multi_device") is not passkey.is_backup_eligible:
        raise WrongPasskey
    if passkey.sign_count and answer.new_sign_count <= passkey.sign_count:
        _report_counter(session, user, passkey)
    passkey.sign_count = max(passkey.sign_count, answer.new_sign_count)
    passkey.is_backed_up, passkey.last_used_at = answer.credential_backed_up, clock.now()
    return user


def _report_counter(session: AsyncSession, user: User, passkey: Passkey) -> None:
    # It may have been copied, or restored from a backup. The user judges that; nothing is refused.
    audit.record(session, FactorEvent.COUNTER_BEHIND, user.id, actor=user.id, after={"passkey": passkey.name})
    outbox.put(session, FactorLetter.COUNTER_BEHIND, user.email, user.id)


def _verified(
    settings: Settings, passkey: Passkey, credential: dict[str, Any], to_sign: bytes
) -> "VerifiedAuthentication":
    import webauthn  # noqa: PLC0415  # its import takes long

    _require_same_origin(credential)
    try:
        return webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=to_sign,
            expected_rp_id=passkey.rp_id,
            expected_origin=origins_of(settings),
            credential_public_key=passkey.public_key,
            # It would refuse a counter that does not grow.
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except Exception as error:
        raise WrongPasskey from error


def _require_same_origin(credential: dict[str, Any]) -> None:
    # A page of another site may show ours in a frame.
    response = credential.get("response")
    try:
        said = json.loads(_bytes_of(response.get("clientDataJSON"))) if isinstance(response, dict) else None
    except (ValueError, RecursionError) as error:
        raise WrongPasskey from error
    if not isinstance(said, dict) or said.get("crossOrigin", False) is not False or "topOrigin" in said:
        raise WrongPasskey


def _bytes_of(value: Any) -> bytes:
    try:
        return urlsafe_b64decode(f"{value}===") if isinstance(value, str) else b""
    except ValueError:
        return b""
