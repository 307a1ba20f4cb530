"""What is refused on the way to a provider and back; each has its row in the one table of errors."""

from http import HTTPStatus

from app.http.error_responses import TABLE
from app.http.errors import Conflict
from app.http.errors import InvalidCredentials
from app.http.errors import Refusal


class InvalidState(Refusal):
    """Nobody was sent to the provider like this: the caller is not told what is wrong (RFC 9700, 4.7)."""


class InvalidCode(Refusal):
    """A code that is used, expired or unknown: the caller is not told which."""


class ProviderRefused(Refusal):
    """The user cancelled at the provider, or the code from there is not valid."""


class InvalidIdentity(Refusal):
    """The provider's word on who somebody is does not hold."""


class ProviderFailed(Refusal):
    """The provider does not answer, or not as agreed."""


class AddressNotVerified(Refusal):
    """The provider does not vouch for an address, so it makes no account."""


class AddressNotSupported(Refusal):
    """The provider has verified an address that cannot be stored here, so it makes no account."""


class SignUpClosed(Refusal):
    """Nobody gets an account by themselves with this address."""


class LinkRequired(Refusal):
    """The address has an account already, and only whoever can sign in to it may link the provider."""


class CannotSignIn(InvalidCredentials):
    """The account is not active or not verified."""


class NotLinked(Refusal):
    """The account at the provider is not one that belongs to whoever is signed in."""


class IdentityTaken(Conflict):
    """The account at the provider belongs to somebody else here."""


class TooManyLinked(Conflict):
    """The user has linked as many accounts at providers as are allowed."""


class LastWayIn(Conflict):
    """Without it, nobody could sign in to the account any more."""


TABLE.update(
    {
        InvalidState: (
            HTTPStatus.BAD_REQUEST,
            "invalid-state",
            "This was begun elsewhere, used or too slow. Begin again.",
        ),
        InvalidCode: (HTTPStatus.BAD_REQUEST, "invalid-code", "This code was used, has expired or is unknown."),
        ProviderRefused: (HTTPStatus.BAD_REQUEST, "provider-refused", "The provider did not confirm who you are."),
        InvalidIdentity: (HTTPStatus.BAD_REQUEST, "invalid-identity", "What the provider says cannot be trusted."),
        ProviderFailed: (HTTPStatus.BAD_GATEWAY, "provider-failed", "The provider does not answer as it should."),
        AddressNotVerified: (
            HTTPStatus.BAD_REQUEST,
            "address-not-verified",
            "The provider has verified no address of yours.",
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
            "Your address has an account. Sign in to it, and link it.",
        ),
        CannotSignIn: (HTTPStatus.UNAUTHORIZED, "invalid-credentials", "Nobody can sign in to this account."),
        NotLinked: (HTTPStatus.FORBIDDEN, "not-linked", "This account at the provider is not linked to yours."),
        IdentityTaken: (
            HTTPStatus.CONFLICT,
            "identity-taken",
            "This account at the provider belongs to somebody else here.",
        ),
        TooManyLinked: (
            HTTPStatus.CONFLICT,
            "too-many-linked",
            "No more accounts at providers can be linked. Unlink one that you do not use.",
        ),
        LastWayIn: (HTTPStatus.CONFLICT, "last-way-in", "Set a password or link another provider first."),
    }
)
