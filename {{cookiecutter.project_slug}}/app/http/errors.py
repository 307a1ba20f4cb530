"""Errors that the service raises; error_responses.py has the response to each."""

from collections.abc import Mapping
from http.client import responses
from traceback import walk_tb
from types import MappingProxyType

from litestar.exceptions import ClientException
from litestar.exceptions import HTTPException

from app.http.problem_details import InvalidPart

RETRY_AFTER_SECONDS = 5


class Refusal(Exception):
    """An expected refusal; its message, if any, is shown to the caller."""

    # More members of the response.
    members: Mapping[str, str] = MappingProxyType({})


class InvalidCredentials(Refusal):
    """Unknown email, wrong password, unverified or inactive account: the caller is not told which (ASVS 6.3.8)."""


class InvalidToken(Refusal):
    """A used, expired or unknown link: the caller is not told which."""


class TooManyAttempts(Refusal):
    """Too many attempts, or a full queue of one account, whether or not the password is right (SP 800-63B-4, 3.2.2)."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__()
        self.headers = {"Retry-After": str(retry_after_seconds)}


class TooBusy(Refusal):
    """More costly work is waiting than can be done soon; the log shows the reason, the caller does not see it."""

    def __init__(self, reason: str = "too many password hashes are waiting (HASH_CONCURRENCY)") -> None:
        super().__init__()
        self.reason = reason


class RecentSignInRequired(Refusal):
    """The request needs a password or a factor that was confirmed recently (ASVS 7.5.1)."""

    members = MappingProxyType({"reauthenticate": "/reauthenticate"})


class StrongSignInRequired(Refusal):
    """The request needs a sign-in with a second factor or a passkey (ASVS 6.3.3)."""

    members = MappingProxyType({"enrol": "/users/me/factors"})


class TokenNotAccepted(Refusal):
    """A token for programs, on a route that is not open to them."""


class CrossSiteRequest(Refusal):
    """A page of another site made the browser send the request (ASVS 3.5.1)."""


class UnsupportedMediaType(Refusal):
    """A body of a type that browsers send to any site without asking."""


class BodyTooSlow(Refusal):
    """A body that takes too long to arrive."""


class InvalidField(Refusal):
    """A field whose value the service refuses after the types have been checked."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__()
        self.errors = [InvalidPart(field, message)]


class Conflict(Refusal):
    """The request conflicts with stored data."""


def reason_of(error: Exception) -> str | None:
    """The reason that the caller is told: the message of a refusal, or the detail of an `HTTPException`.

    Details by Litestar and litestar-users themselves are not shown, since some quote the inside of the service, and
    neither is that of a 500. Callers find the detail of a `ClientException` among the errors.
    """
    if isinstance(error, Refusal):
        return str(error) or None
    if not isinstance(error, HTTPException) or error.status_code == 500 or type(error) is ClientException:
        return None
    raised_in = [str(frame.f_globals.get("__name__")) for frame, _ in walk_tb(error.__traceback__)][-1:]
    is_ours = not any(name.startswith("litestar") for name in raised_in)
    return error.detail if is_ours and error.detail != responses.get(error.status_code) else None
