"""The bodies of requests and responses about second factors."""

from datetime import datetime
from typing import Annotated
from typing import Any
from uuid import UUID

from msgspec import UNSET
from msgspec import Meta
from msgspec import Struct
from msgspec import UnsetType

from app.accounts.schemas import Body
from app.accounts.schemas import Password
from app.factors.held import Factor
from app.factors.models import Passkey
from app.factors.passkey_options import as_text
from app.http.errors import InvalidField

Handle = Annotated[str, Meta(max_length=1024, description="As it came.")]
Code = Annotated[str, Meta(max_length=64)]
Name = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f\ud800-\udfff]*$")]
Credential = Annotated[dict[str, Any], Meta(description="`PublicKeyCredential.toJSON()`.")]
# For `parseCreationOptionsFromJSON` or `parseRequestOptionsFromJSON`.
Options = Annotated[dict[str, Any], Meta(description="The JSON form of the options (WebAuthn Level 3).")]


class Proof(Body, kw_only=True):
    """One factor: a code of an authenticator app, a recovery code, or what a passkey has signed."""

    totp: Code | UnsetType = UNSET
    recovery_code: Code | UnsetType = UNSET
    credential: Credential | UnsetType = UNSET

    def given(self) -> list[str]:
        """The factors in this body."""
        return [name for name in ("totp", "recovery_code", "credential") if getattr(self, name) is not UNSET]

    def only(self) -> str:
        """The one factor in this body.

        Raises:
            InvalidField: if there is none, or several.
        """
        match self.given():
            case [name]:
                return name
        raise InvalidField("totp", "Send one of totp, recovery_code and credential.")


class SecondStep(Proof):
    """The second factor of a sign-in."""

    challenge: Handle


class Confirmation(Proof):
    """What confirms who a signed-in user is."""

    password: Password | UnsetType = UNSET
    challenge: Handle | UnsetType = UNSET


class PasskeySignIn(Body):
    """What a passkey has signed."""

    challenge: Handle
    credential: Credential


class NewPasskey(PasskeySignIn):
    """A passkey that the browser has made."""

    name: Name = "Passkey"


class PasskeyName(Body):
    """What the owner calls a passkey."""

    name: Name


class Handled(Body):
    """A challenge."""

    challenge: Handle


class TotpCode(Body):
    """A code of an authenticator app."""

    code: Code


class FactorNeeded(Struct):
    """The first step of a sign-in is done; one of these factors finishes it."""

    challenge: str
    expires_in: Annotated[int, Meta(description="Seconds.")]
    factors: list[Factor]


class Asked(Struct):
    """What a browser is asked to sign."""

    publicKey: Options  # noqa: N815  # WebAuthn's name


class AskedWithHandle(Asked):
    """The same, with the challenge to send back."""

    challenge: str


class PasskeyRead(Struct, kw_only=True):
    """A passkey as its owner sees it."""

    id: UUID
    name: str
    created_at: datetime
    last_used_at: datetime | None
    is_backed_up: bool
    transports: list[str]
    credential_id: str
    rp_id: str
    recovery_codes: Annotated[list[str] | UnsetType, Meta(description="With the first factor, once.")] = UNSET


class RecoveryCodes(Struct):
    """New recovery codes, shown once."""

    recovery_codes: list[str]


class TotpSecret(Struct):
    """A secret for an authenticator app, until a code confirms it."""

    secret: str
    uri: str
    qr_svg: str


class TotpRead(Struct):
    """An authenticator app."""

    created_at: datetime
    recovery_codes: Annotated[list[str] | UnsetType, Meta(description="With the first factor, once.")] = UNSET


class CodesRead(Struct):
    """How many recovery codes are left."""

    remaining: int
    created_at: datetime


class FactorsRead(Struct):
    """The factors of the caller."""

    passkeys: list[PasskeyRead]
    totp: TotpRead | None
    recovery_codes: CodesRead | None
    user_handle: str


def shown(passkey: Passkey, recovery_codes: list[str] | UnsetType = UNSET) -> PasskeyRead:
    """A passkey as its owner sees it."""
    names = ("id", "name", "created_at", "last_used_at", "is_backed_up", "transports", "rp_id")
    values = {name: getattr(passkey, name) for name in names}
    return PasskeyRead(**values, credential_id=as_text(passkey.credential_id), recovery_codes=recovery_codes)
