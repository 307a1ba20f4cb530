"""Errors that the service raises; error_responses.py has the response to each."""

from app.http.problem_details import InvalidPart

RETRY_AFTER_SECONDS = 5


class Refusal(Exception):
    """A request that is refused as expected; the message, if any, is shown to the caller."""


class InvalidCredentials(Refusal):
    """Unknown address, wrong password, not verified, not active: the caller is not told which (ASVS 6.3.8)."""


class InvalidToken(Refusal):
    """A link that is used, expired or unknown: the caller is not told which."""


class TooManyAttempts(Refusal):
    """Tried too often lately, rightly or wrongly: the caller is not told which (NIST SP 800-63B-4, 3.2.2)."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__()
        self.headers = {"Retry-After": str(retry_after_seconds)}


class TooBusy(Refusal):
    """More costly work is waiting than can be done soon; the log shows the reason, the caller does not see it."""

    def __init__(self, reason: str = "too many password hashes are waiting (HASH_CONCURRENCY)") -> None:
        super().__init__()
        self.reason = reason


class RecentSignInRequired(Refusal):
    """Being signed in is not enough for this: the caller has to have shown who they are lately (ASVS 7.5.1)."""


class CrossSiteRequest(Refusal):
    """Another site's page made the browser send this (ASVS 3.5.1)."""


class UnsupportedMediaType(Refusal):
    """A body of a kind that browsers send to any site without asking."""


class BodyTooSlow(Refusal):
    """A body that takes longer to arrive than honest callers need."""


class InvalidField(Refusal):
    """A field of the body that only the service can judge."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__()
        self.errors = [InvalidPart(field, message)]


class Conflict(Refusal):
    """What is asked for contradicts what is there."""
