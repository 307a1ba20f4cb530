"""The response to each error: one table of errors, their status and type, answered as problem details (RFC 9457)."""

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
from litestar.types import ExceptionHandlersMap
from sqlalchemy.exc import IntegrityError as DatabaseIntegrityError
from sqlalchemy.exc import InterfaceError
from sqlalchemy.exc import InternalError
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm.exc import StaleDataError

from app.http.errors import RETRY_AFTER_SECONDS
from app.http.errors import BodyTooSlow
from app.http.errors import Conflict
from app.http.errors import CrossSiteRequest
from app.http.errors import InvalidCredentials
from app.http.errors import InvalidField
from app.http.errors import InvalidToken
from app.http.errors import RecentSignInRequired
from app.http.errors import Refusal
from app.http.errors import TooBusy
from app.http.errors import TooManyAttempts
from app.http.errors import UnsupportedMediaType
from app.http.problem_details import PROBLEM_TYPE
from app.http.problem_details import WORTHLESS_COOKIES
from app.http.problem_details import InvalidPart
from app.http.problem_details import Problem
from app.settings import Environment
from app.settings import SettingsError

logger = logging.getLogger(__name__)


Row: TypeAlias = tuple[int, str, str]


INVALID: Row = (400, "invalid-request", "Something in the request is not valid.")
CONFLICT: Row = (409, "conflict", "This contradicts what is stored.")
INTERNAL: Row = (500, "internal-error", "Something went wrong on our side.")
UNAVAILABLE: Row = (503, "unavailable", "Try again in a moment.")
# The types are part of the contract: clients tell refusals apart by them, never by the words.
TABLE: dict[type[Exception], Row] = {
    InvalidCredentials: (401, "invalid-credentials", "The address or the password is wrong."),
    InvalidToken: (400, "invalid-token", "This link was used, has expired or is unknown."),
    InvalidField: INVALID,
    ValidationException: INVALID,
    ClientException: INVALID,
    NotAuthorizedException: (401, "not-authenticated", "Sign in first."),
    PermissionDeniedException: (403, "permission-denied", "You may not do this."),
    RecentSignInRequired: (403, "reauthentication-required", "Show again that it is you: POST /reauthenticate."),
    CrossSiteRequest: (403, "cross-site-request", "Only our own pages and CORS_ORIGINS may send this."),
    BodyTooSlow: (408, "body-too-slow", "The body took too long to arrive."),
    RequestEntityTooLarge: (413, "body-too-large", "Send less at once."),
    UnsupportedMediaType: (415, "unsupported-media-type", "Send application/json."),
    TooManyAttempts: (429, "too-many-attempts", "Wait, or choose a new password."),
    NotFoundError: (404, "not-found", "There is nothing here."),
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


def problem_response(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """The answer to an error; one that nobody expected is logged with its traceback and shows nothing to the caller."""
    while isinstance(error, ExceptionGroup):
        # Dependencies are resolved side by side; what is wrong with one of them is enough to say.
        error = error.exceptions[0]
    status, type_, title = row_of(error)
    # What a middleware raises is answered outside of the one that knows the caller.
    caller, path = request.state.get("caller"), quote(request.url.path)
    known = {"request_id": caller.request_id} if caller else {}
    if status == 503:
        logger.warning("%s %s has to wait: %s", request.method, path, type(error).__name__, extra=known)
    elif status >= 500 and not isinstance(error, Refusal):
        logger.error("%s %s failed", request.method, path, exc_info=error, extra=known)
    body = Problem(f"/problems/{type_}", title, status)
    if isinstance(error, Refusal) and str(error):
        body.detail = str(error)
    if errors := _invalid_parts(error):
        body.errors = errors
    headers = {"Cache-Control": "no-store"} | (getattr(error, "headers", None) or {})
    if status == 503:
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    cookies = request.state.get(WORTHLESS_COOKIES, []) if status == 401 else []
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
        phrase = HTTPStatus(error.status_code).phrase
        return error.status_code, phrase.lower().replace(" ", "-"), phrase
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


EXCEPTION_HANDLERS: ExceptionHandlersMap = dict.fromkeys((HTTPException, RepositoryError, Exception), problem_response)
