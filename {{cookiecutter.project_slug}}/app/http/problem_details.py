"""What every refusal looks like (RFC 9457)."""

from typing import Annotated

from msgspec import UNSET
from msgspec import Meta
from msgspec import Struct
from msgspec import UnsetType

PROBLEM_TYPE = "application/problem+json"
# In the state of a request: cookies that open nothing any more, which a 401 expires.
WORTHLESS_COOKIES = "worthless_cookies"
# In the state of a request: why it fails, if it does.
ERROR = "error"


class InvalidPart(Struct):
    """A part of the request that is not valid."""

    field: str
    message: str


class Problem(Struct):
    """Why a request was refused."""

    type: Annotated[str, Meta(description="What clients tell refusals apart by.")]
    title: str
    status: int
    detail: str | UnsetType = UNSET
    errors: list[InvalidPart] | UnsetType = UNSET
