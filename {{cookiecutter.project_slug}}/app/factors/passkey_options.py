"""What browsers are asked for to make and to use passkeys, in the JSON forms of WebAuthn Level 3."""

from base64 import urlsafe_b64encode
from typing import Any
from uuid import UUID

from advanced_alchemy.exceptions import NotFoundError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.factors.challenges import LIFETIME
from app.factors.models import Passkey
from app.models import User
from app.settings import PROJECT_NAME
from app.settings import Settings
from app.settings.factors import rp_id_of

# Ed25519, ECDSA with P-256, RSA: in the order in which they are preferred.
ALGORITHMS = (-8, -7, -257)
TIMEOUT_MS = int(LIFETIME.total_seconds() * 1000)


def required_rp_id(settings: Settings) -> str:
    """The domain that passkeys belong to.

    Raises:
        NotFoundError: if BASE_URL has an IP address, for which browsers have no passkeys.
    """
    rp_id = rp_id_of(settings)
    if rp_id is None:
        raise NotFoundError
    return rp_id


def creation_options(settings: Settings, user: User, handle: bytes, known: list[Passkey], to_sign: bytes) -> Any:
    """What a browser is asked for to make a passkey; a device that has one of the `known` ones makes no second one."""
    return {
        "rp": {"id": required_rp_id(settings), "name": PROJECT_NAME},
        "user": {"id": as_text(handle), "name": user.email, "displayName": user.display_name or user.email},
        "challenge": as_text(to_sign),
        "pubKeyCredParams": [{"type": "public-key", "alg": algorithm} for algorithm in ALGORITHMS],
        "timeout": TIMEOUT_MS,
        "excludeCredentials": _described(known),
        "authenticatorSelection": {
            "residentKey": "required",
            "requireResidentKey": True,
            "userVerification": "required",
        },
        "attestation": "none",
        "extensions": {"credProps": True},
    }


def request_options(settings: Settings, to_sign: bytes, allowed: list[Passkey] | None = None) -> Any:
    """What a browser is asked for to use a passkey: one of the `allowed` ones, or any that it has for this site."""
    options = {
        "challenge": as_text(to_sign),
        "timeout": TIMEOUT_MS,
        "rpId": required_rp_id(settings),
        "userVerification": "required",
    }
    return options if allowed is None else options | {"allowCredentials": _described(allowed)}


def _described(passkeys: list[Passkey]) -> list[Any]:
    return [
        {"type": "public-key", "id": as_text(each.credential_id), "transports": each.transports} for each in passkeys
    ]


async def of_user(session: AsyncSession, user_id: UUID | int) -> list[Passkey]:
    """The passkeys of this user and of the present RP id, oldest first."""
    is_theirs = (Passkey.user_id == user_id) & (Passkey.rp_id == required_rp_id(session.info["settings"]))
    return [*await session.scalars(select(Passkey).where(is_theirs).order_by(Passkey.created_at, Passkey.id))]


def as_text(value: bytes) -> str:
    """Base64url without padding, as in the JSON forms of WebAuthn."""
    return urlsafe_b64encode(value).rstrip(b"=").decode()
