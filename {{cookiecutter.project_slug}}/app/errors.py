"""One table, error -> status and type; every refusal is answered as problem details (RFC 9457)."""

import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any
from typing import TypeAlias
from urllib.parse import quote

from advanced_alchemy.exceptions import IntegrityError
from advanced_alchemy.exceptions import NotFoundError
from advanced_alchemy.exceptions import RepositoryError
from litestar import Litestar
from litestar import Request
from litestar import Response
from litestar.exceptions import ClientException
from litestar.exceptions import HTTPException
from litestar.exceptions import NotAuthorizedException
from litestar.exceptions import PermissionDeniedException
from litestar.exceptions import ValidationException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from sqlalchemy.exc import IntegrityError as DatabaseIntegrityError
from sqlalchemy.exc import InterfaceError
from sqlalchemy.exc import InternalError
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm.exc import StaleDataError

from app.problems import PROBLEM_TYPE
from app.problems import WORTHLESS_COOKIES
from app.problems import InvalidPart
from app.problems import Problem
from app.settings import Environment
from app.settings import SettingsError

logger = logging.getLogger(__name__)


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
    """More work of a costly kind is waiting than can be done soon."""


class NotFresh(Refusal):
    """Being signed in is not enough for this: the caller has to have shown who they are lately (ASVS 7.5.1)."""


class CrossSite(Refusal):
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


Row: TypeAlias = tuple[HTTPStatus, str, str]

INVALID: Row = (HTTPStatus.BAD_REQUEST, "invalid-request", "Something in the request is not valid.")
CONFLICT: Row = (HTTPStatus.CONFLICT, "conflict", "This contradicts what is stored.")
INTERNAL: Row = (HTTPStatus.INTERNAL_SERVER_ERROR, "internal-error", "Something went wrong on our side.")
UNAVAILABLE: Row = (HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", "Try again in a moment.")
# The types are part of the contract: clients tell refusals apart by them, never by the words.
TABLE: dict[type[Exception], Row] = {
    InvalidCredentials: (HTTPStatus.UNAUTHORIZED, "invalid-credentials", "The address or the password is wrong."),
    InvalidToken: (HTTPStatus.BAD_REQUEST, "invalid-token", "This link was used, has expired or is unknown."),
    InvalidField: INVALID,
    ValidationException: INVALID,
    ClientException: INVALID,
    NotAuthorizedException: (HTTPStatus.UNAUTHORIZED, "not-authenticated", "Sign in first."),
    PermissionDeniedException: (HTTPStatus.FORBIDDEN, "permission-denied", "You may not do this."),
    NotFresh: (HTTPStatus.FORBIDDEN, "reauthentication-required", "Show again that it is you: POST /reauthenticate."),
    CrossSite: (HTTPStatus.FORBIDDEN, "cross-site-request", "Only our own pages and CORS_ORIGINS may send this."),
    BodyTooSlow: (HTTPStatus.REQUEST_TIMEOUT, "body-too-slow", "The body took too long to arrive."),
    RequestEntityTooLarge: (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body-too-large", "Send less at once."),
    UnsupportedMediaType: (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "Send application/json."),
    TooManyAttempts: (HTTPStatus.TOO_MANY_REQUESTS, "too-many-attempts", "Wait, or choose a new password."),
    NotFoundError: (HTTPStatus.NOT_FOUND, "not-found", "There is nothing here."),
    TooBusy: UNAVAILABLE,
    Conflict: CONFLICT,
    IntegrityError: CONFLICT,
    DatabaseIntegrityError: CONFLICT,
    # Another request has removed the row.
    StaleDataError: CONFLICT,
    OperationalError: UNAVAILABLE,
    InterfaceError: UNAVAILABLE,
    # What the driver says of a connection that is closed at this very moment.
    InternalError: UNAVAILABLE,
    PoolTimeoutError: UNAVAILABLE,
    OSError: UNAVAILABLE,
    # Litestar lets these two out when a body is no UTF-8, or nested a hundred thousand deep.
    UnicodeDecodeError: INVALID,
    RecursionError: INVALID,
    Exception: INTERNAL,
}
# The database's own classes of errors: bad data, broken constraints; lost connections, deadlocks, no resources, locked
# for too long, shutting down.
SQLSTATES = {"22": INVALID, "23": CONFLICT, "XX": INTERNAL} | dict.fromkeys(("08", "40", "53", "55", "57"), UNAVAILABLE)
RETRY_AFTER_SECONDS = 5


def problem(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """The answer to an error; one that nobody expected is logged with its traceback and shows nothing to the caller."""
    while isinstance(error, ExceptionGroup):
        # Dependencies are resolved side by side; what is wrong with one of them is enough to say.
        error = error.exceptions[0]
    status, type_, title = row_of(error)
    # What a middleware raises is answered outside of the one that knows the caller.
    caller, path = request.state.get("caller"), quote(request.url.path)
    known = {"request_id": caller.request_id} if caller else {}
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        logger.warning("%s %s has to wait: %s", request.method, path, type(error).__name__, extra=known)
    elif status >= HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(error, Refusal):
        logger.error("%s %s failed", request.method, path, exc_info=error, extra=known)
    body = Problem(f"/problems/{type_}", title, status)
    if isinstance(error, Refusal) and str(error):
        body.detail = str(error)
    if errors := _invalid_parts(error):
        body.errors = errors
    headers = {"Cache-Control": "no-store"} | (getattr(error, "headers", None) or {})
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    cookies = request.state.get(WORTHLESS_COOKIES, []) if status == HTTPStatus.UNAUTHORIZED else []
    return Response(body, status_code=status, headers=headers, media_type=PROBLEM_TYPE, cookies=cookies)


@asynccontextmanager
async def without_debugging(app: Litestar) -> AsyncIterator[None]:
    """Refuse to serve the internet in a mode that is there to show what goes wrong (ASVS 13.4.2).

    Raises:
        SettingsError: if production was started with `--debug`.
    """
    if app.debug and app.state.settings.environment is Environment.PRODUCTION:
        raise SettingsError("Debugging must be off in production: leave out --debug, and LITESTAR_DEBUG unset.")
    yield


def row_of(error: Exception) -> Row:
    """The status, the type and the title that an error is answered with."""
    if isinstance(error, HTTPException) and type(error) not in TABLE:
        status = HTTPStatus(error.status_code)
        return status, status.phrase.lower().replace(" ", "-"), status.phrase
    # The repositories wrap what the database says, and have no name of their own for some of it.
    cause = error.__cause__ if isinstance(error, RepositoryError) else error
    sqlstate = getattr(getattr(cause, "orig", None), "sqlstate", None) or ""
    named = cause if cause is not None and type(error) is RepositoryError else error
    by_type = next(TABLE[kind] for kind in type(named).__mro__ if kind in TABLE)
    return SQLSTATES.get(sqlstate[:2], by_type)


def _invalid_parts(error: Exception) -> list[InvalidPart]:
    if isinstance(error, InvalidField):
        return error.errors
    if isinstance(error, ValidationException) and isinstance(error.extra, list):
        return [_named(str(item.get("message", "")), str(item.get("key", ""))) for item in error.extra]
    return [_named(error.detail)] if type(error) is ClientException else []


def _named(message: str, key: str = "") -> InvalidPart:
    # Litestar says which field it means in the message alone, when the body as a whole does not fit.
    place = re.search(r" - at `\$\.(\w+)|field `(\w+)`", message)
    field = next(filter(None, place.groups())) if place else key
    return InvalidPart(field, message.partition(" - at `")[0])
