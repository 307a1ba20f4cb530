"""The refusals of second factors, with their rows in the table of errors."""

from http import HTTPStatus

from app.http.error_responses import TABLE
from app.http.errors import InvalidField
from app.http.errors import Refusal


class InvalidChallenge(Refusal):
    """A challenge that has expired, was used, or is for something else: the caller is not told which."""


class InvalidFactor(InvalidField):
    """A signed-in user sends a wrong code or credential, or none although the account has a factor."""


class RefusedFactor(Refusal):
    """The same while signing in, when the caller is not known yet."""


class InvalidPasskey(Refusal):
    """Signing in with a passkey has failed; the caller is not told why."""


TABLE.update(
    {
        InvalidChallenge: (
            HTTPStatus.BAD_REQUEST,
            "invalid-challenge",
            "This challenge has expired or was used. Start again.",
        ),
        InvalidFactor: (HTTPStatus.BAD_REQUEST, "invalid-factor", "This code or passkey is wrong."),
        RefusedFactor: (HTTPStatus.UNAUTHORIZED, "invalid-factor", "This code or passkey is wrong."),
        InvalidPasskey: (HTTPStatus.UNAUTHORIZED, "invalid-passkey", "You cannot sign in with this passkey."),
    }
)
