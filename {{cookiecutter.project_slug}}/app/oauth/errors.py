"""The refusals of sign-in with providers, with their rows in the table of errors."""

from http import HTTPStatus

from app.http.error_responses import TABLE
from app.http.errors import Conflict
from app.http.errors import InvalidCredentials
from app.http.errors import Refusal


class InvalidState(Refusal):
    """The state is not one of this browser. The caller is not told what is wrong with it (RFC 9700, 4.7)."""


class InvalidCode(Refusal):
    """A code that is used, expired or unknown: the caller is not told which."""


class ProviderRefused(Refusal):
    """The user cancelled at the provider, or the code from there is not valid."""


class InvalidIdentity(Refusal):
    """An ID token or another statement of the provider breaks a rule."""


class InvalidLogoutToken(Refusal):
    """A logout token breaks a rule, or has been used."""


class ProviderFailed(Refusal):
    """The provider does not answer as it should, or refuses this service."""


class AddressNotVerified(Refusal):
    """The provider has not verified an address, so no account is created."""


class AddressNotSupported(Refusal):
    """The provider has verified an address that cannot be stored here, so no account is created."""


class SignUpClosed(Refusal):
    """Signing up with this address needs an invitation."""


class LinkRequired(Refusal):
    """The address has an account, whose owner must sign in to link the provider."""


class CannotSignIn(InvalidCredentials):
    """The account is not active or not verified."""


class NotLinked(Refusal):
    """The account at the provider is not linked to the signed-in user."""


class IdentityTaken(Conflict):
    """The account at the provider is linked to another user."""


class TooManyLinked(Conflict):
    """The user has linked the most accounts that are allowed."""


TABLE.update(
    {
        InvalidState: (
            HTTPStatus.BAD_REQUEST,
            "invalid-state",
            "This sign-in has expired or was started in another browser. Start again.",
        ),
        InvalidCode: (HTTPStatus.BAD_REQUEST, "invalid-code", "This code was used, has expired or is unknown."),
        ProviderRefused: (HTTPStatus.BAD_REQUEST, "provider-refused", "The provider did not confirm who you are."),
        InvalidIdentity: (
            HTTPStatus.BAD_REQUEST,
            "invalid-identity",
            "The provider's answer cannot be trusted. Start again.",
        ),
        InvalidLogoutToken: (
            HTTPStatus.BAD_REQUEST,
            "invalid-logout-token",
            "This logout token is not valid, or was used before.",
        ),
        ProviderFailed: (HTTPStatus.BAD_GATEWAY, "provider-failed", "The provider does not answer as it should."),
        AddressNotVerified: (
            HTTPStatus.BAD_REQUEST,
            "address-not-verified",
            "The provider has not verified your e-mail address.",
        ),
        AddressNotSupported: (
            HTTPStatus.BAD_REQUEST,
            "address-not-supported",
            "Your e-mail address at the provider is not supported here. Sign up with another one.",
        ),
        SignUpClosed: (HTTPStatus.FORBIDDEN, "sign-up-closed", "You need an invitation."),
        LinkRequired: (
            HTTPStatus.CONFLICT,
            "link-required",
            "Your e-mail address has an account. Sign in to it, then link the provider.",
        ),
        CannotSignIn: (HTTPStatus.UNAUTHORIZED, "invalid-credentials", "You cannot sign in to this account."),
        NotLinked: (HTTPStatus.FORBIDDEN, "not-linked", "This account at the provider is not linked to yours."),
        IdentityTaken: (
            HTTPStatus.CONFLICT,
            "identity-taken",
            "This account at the provider is linked to another user.",
        ),
        TooManyLinked: (
            HTTPStatus.CONFLICT,
            "too-many-linked",
            "You have linked the most accounts that are allowed. Unlink one that you do not use.",
        ),
    }
)
