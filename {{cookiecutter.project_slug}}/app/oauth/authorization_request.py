"""An authorization request to a provider, and the identity that it returns."""

import hmac
from base64 import urlsafe_b64encode
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple

from app import email_address
from app.oauth.errors import InvalidState
from app.settings import Settings


class FlowPurpose(StrEnum):
    """Why a user is sent to a provider."""

    SIGN_IN = "sign-in"
    REAUTHENTICATE = "reauthenticate"
    LINK = "link"


class AuthorizationRequest(NamedTuple):
    """The values of one request. All of them are derived from the state, and none is stored."""

    state: str
    verifier: str
    nonce: str
    redirect_uri: str
    started_at: datetime
    is_reauthentication: bool

    @property
    def challenge(self) -> str:
        """The digest of the verifier that the provider gets first (RFC 7636)."""
        return challenge_of(self.verifier)


class Identity(NamedTuple):
    """An account at a provider, identified by issuer and subject, never by its address (OpenID Connect Core, 5.7)."""

    provider: str
    issuer: str
    subject: str
    # The address that the provider reports, for display, and the same if the provider has verified it.
    email: str
    verified_email: str | None
    # Whether it has verified an address that cannot be stored here, such as one with letters beyond ASCII.
    has_unsupported_email: bool = False


def key_ids(settings: Settings) -> list[str]:
    """Names of the keys that requests are derived with, that of new requests first. A name reveals nothing else."""
    return [sha256(key).hexdigest()[:8] for key in settings.keys_for("oauth-key-id")]


def derive_request(  # noqa: PLR0913  # everything that a request depends on
    settings: Settings, provider: str, purpose: FlowPurpose, state: str, started_at: datetime, *, key_id: str
) -> AuthorizationRequest:
    """The request with this state, as the instance that started it derived it.

    Raises:
        InvalidState: if that instance had a key that this one does not have.
    """
    known = key_ids(settings)
    # Version 0.1 stored no key id.
    if (key_id or known[0]) not in known:
        raise InvalidState
    key = known.index(key_id or known[0])
    return AuthorizationRequest(
        state=state,
        verifier=_derived(settings.keys_for("oauth-verifier")[key], state),
        nonce=_derived(settings.keys_for("oauth-nonce")[key], state),
        redirect_uri=redirect_uri(settings, provider, purpose),
        started_at=started_at,
        is_reauthentication=purpose is FlowPurpose.REAUTHENTICATE,
    )


def redirect_uri(settings: Settings, provider: str, purpose: FlowPurpose) -> str:
    """The URL that a provider sends users back to. It depends on `BASE_URL` alone and must be registered there."""
    prefix = "oauth2-associate" if purpose is FlowPurpose.LINK else "oauth2"
    return f"{settings.base_url}/{prefix}/{provider}/callback"


def challenge_of(verifier: str) -> str:
    """The challenge for a verifier (RFC 7636, S256)."""
    return _text(sha256(verifier.encode()).digest())


def _derived(key: bytes, state: str) -> str:
    return _text(hmac.digest(key, state.encode(), "sha256"))


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def identity(provider: str, issuer: str, subject: str, email: object, *, is_verified: bool) -> Identity:
    """An account as a provider describes it; an invalid address counts as none."""
    given = email if isinstance(email, str) else ""
    try:
        normalised = email_address.normalise_email(given)
    except ValueError:
        return Identity(provider, issuer, subject, "", None, has_unsupported_email=is_verified and "@" in given)
    return Identity(provider, issuer, subject, normalised, normalised if is_verified else None)
