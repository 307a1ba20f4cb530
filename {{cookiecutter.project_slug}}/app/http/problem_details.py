"""The body of every error response (RFC 9457)."""

from typing import Annotated

from msgspec import UNSET
from msgspec import Meta
from msgspec import Struct
from msgspec import UnsetType

PROBLEM_TYPE = "application/problem+json"
# Key in the state of a request: cookies that are no longer valid, which a 401 expires.
WORTHLESS_COOKIES = "worthless_cookies"
# Key in the state of a request: the error that it is answered with, if any.
ERROR = "error"


class InvalidPart(Struct):
    """An invalid part of the request."""

    field: str
    message: str


class Problem(Struct):
    """The reason why a request was refused."""

    type: Annotated[str, Meta(description="Identifies the problem; it never changes.")]
    title: str
    status: int
    detail: str | UnsetType = UNSET
    errors: list[InvalidPart] | UnsetType = UNSET
    reauthenticate: Annotated[str | UnsetType, Meta(description="Where to confirm who you are.")] = UNSET
    enrol: Annotated[str | UnsetType, Meta(description="Where to add a second factor.")] = UNSET
