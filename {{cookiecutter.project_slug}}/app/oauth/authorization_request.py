"""A round trip to a provider: what goes along, and what comes back."""

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
    """What somebody is sent to a provider for."""

    SIGN_IN = "sign-in"
    REAUTHENTICATE = "reauthenticate"
    LINK = "link"


class AuthorizationRequest(NamedTuple):
    """What a provider is told, or is told the digest of; all of it follows from the state and is stored nowhere."""

    state: str
    verifier: str
    nonce: str
    redirect_uri: str
    begun_at: datetime
    is_again: bool

    @property
    def challenge(self) -> str:
        """What the provider gets of the verifier at first (RFC 7636)."""
        return challenge_of(self.verifier)


class Identity(NamedTuple):
    """Somebody as a provider knows them: the issuer and the subject, and never the address (OpenID Connect, 5.7)."""

    provider: str
    issuer: str
    subject: str
    # What the provider says the address is, for people to read, and the same if it vouches for it.
    email: str
    verified_email: str | None
    # Whether it has verified an address that cannot be stored here, such as one with letters beyond ASCII.
    has_unsupported_email: bool = False


def key_ids(settings: Settings) -> list[str]:
    """Names of the keys that trips can be planned with, beginning with that of new ones. A name tells nothing else."""
    return [sha256(key).hexdigest()[:8] for key in settings.keys_for("oauth-key-id")]


def plan(  # noqa: PLR0913  # all that a trip follows from
    settings: Settings, provider: str, purpose: FlowPurpose, state: str, begun_at: datetime, *, key_id: str
) -> AuthorizationRequest:
    """The trip that has this state, as the instance that began it had planned it.

    Raises:
        InvalidState: if that instance had a key that this one does not have.
    """
    known = key_ids(settings)
    # Version 0.1 noted no key.
    if (key_id or known[0]) not in known:
        raise InvalidState
    key = known.index(key_id or known[0])
    return AuthorizationRequest(
        state=state,
        verifier=_derived(settings.keys_for("oauth-verifier")[key], state),
        nonce=_derived(settings.keys_for("oauth-nonce")[key], state),
        redirect_uri=redirect_uri(settings, provider, purpose),
        begun_at=begun_at,
        is_again=purpose is FlowPurpose.REAUTHENTICATE,
    )


def redirect_uri(settings: Settings, provider: str, purpose: FlowPurpose) -> str:
    """Where a provider sends people back to; it hangs on `BASE_URL` alone, and has to be registered there."""
    prefix = "oauth2-associate" if purpose is FlowPurpose.LINK else "oauth2"
    return f"{settings.base_url}/{prefix}/{provider}/callback"


def challenge_of(verifier: str) -> str:
    """What can be shown of a secret beforehand (RFC 7636, S256)."""
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
