"""The response to each error: one table of errors, their status and type, answered as problem details (RFC 9457)."""

import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.client import responses
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
from litestar.exceptions import InternalServerException
from litestar.exceptions import NotAuthorizedException
from litestar.exceptions import PermissionDeniedException
from litestar.exceptions import SerializationException
from litestar.exceptions import ValidationException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.types import ExceptionHandlersMap
from sqlalchemy.exc import IntegrityError as DatabaseIntegrityError
from sqlalchemy.exc import StatementError
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
from app.http.errors import TokenNotAccepted
from app.http.errors import TooBusy
from app.http.errors import TooManyAttempts
from app.http.errors import UnsupportedMediaType
from app.http.errors import reason_of
from app.http.outages import cause_of
from app.http.outages import constraint_of
from app.http.outages import first_of
from app.http.outages import frames_of
from app.http.outages import reason_of_outage
from app.http.outages import sqlstate_of
from app.http.outages import without_values
from app.http.problem_details import PROBLEM_TYPE
from app.http.problem_details import WORTHLESS_COOKIES
from app.http.problem_details import InvalidPart
from app.http.problem_details import Problem
from app.http.request_limits import MAX_BODY_BYTES
from app.settings import Environment
from app.settings import SettingsError

logger = logging.getLogger(__name__)

Row: TypeAlias = tuple[int, str, str]
# Where Litestar reads what a caller sent, as module and function.
READS_REQUEST = {("litestar._kwargs.kwargs_model", "to_kwargs")}
READS_REQUEST |= {("litestar.connection.request", name) for name in ("json", "msgpack", "form", "stream")}
# The one internal error of Litestar that is not a bug.
CALLER_LEFT = "client disconnected prematurely"

INVALID: Row = (400, "invalid-request", "The request is invalid.")
CONFLICT: Row = (409, "conflict", "The request conflicts with stored data.")
INTERNAL: Row = (500, "internal-error", "Internal server error.")
UNAVAILABLE: Row = (503, "unavailable", "The service is temporarily unavailable. Try again.")
# Clients tell problems apart by the types, so these never change; the titles may.
TABLE: dict[type[Exception], Row] = {
    InvalidCredentials: (401, "invalid-credentials", "The email address or the password is wrong."),
    InvalidToken: (400, "invalid-token", "This link was used, has expired or is unknown."),
    InvalidField: INVALID,
    ValidationException: INVALID,
    ClientException: INVALID,
    NotAuthorizedException: (401, "not-authenticated", "Sign in first."),
    PermissionDeniedException: (403, "permission-denied", "You are not allowed to do this."),
    RecentSignInRequired: (403, "reauthentication-required", "Confirm your password first: POST /reauthenticate."),
    TokenNotAccepted: (403, "token-not-accepted", "This route does not accept access tokens. Sign in instead."),
    CrossSiteRequest: (403, "cross-site-request", "The request comes from a site that CORS_ORIGINS does not name."),
    BodyTooSlow: (408, "body-too-slow", "The body took too long to arrive."),
    RequestEntityTooLarge: (413, "body-too-large", f"The body is larger than {MAX_BODY_BYTES:,} bytes."),
    UnsupportedMediaType: (415, "unsupported-media-type", "Send application/json."),
    TooManyAttempts: (429, "too-many-attempts", "Too many requests. Try again later."),
    NotFoundError: (404, "not-found", "Not found."),
    TooBusy: UNAVAILABLE,
    **dict.fromkeys((Conflict, IntegrityError, DatabaseIntegrityError), CONFLICT),
    # Another request has removed the row.
    StaleDataError: CONFLICT,
    Exception: INTERNAL,
}
# By SQLSTATE: values that no column of that type can hold, and constraints that depend on stored rows. A missing value
# for a NOT NULL column (23502) is neither: no caller can do anything about a column that the code forgets.
SQLSTATES = dict.fromkeys(("22000", "22001", "22003", "22007", "22008", "22021", "2201B", "22P02", "22P05"), INVALID)
SQLSTATES |= dict.fromkeys(("23000", "23001", "23503", "23505", "23514", "23P01"), CONFLICT)


def problem_response(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """The response to an error; an unexpected one is logged with its traceback and shows nothing to the caller."""
    error = first_of(error)
    status, type_, title = row_of(error)
    _log(request, error, status)
    body = Problem(f"/problems/{type_}", title, status, **getattr(error, "members", {}))
    if reason := reason_of(error):
        body.detail = reason
    if errors := _invalid_parts(error):
        body.errors = errors
    headers = {"Cache-Control": "no-store"} | (getattr(error, "headers", None) or {})
    if status == 503:
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    cookies = request.state.get(WORTHLESS_COOKIES, []) if status == 401 else []
    return Response(body, status_code=status, headers=headers, media_type=PROBLEM_TYPE, cookies=cookies)


def _log(request: Request[Any, Any, Any], error: Exception, status: int) -> None:
    path, cause = quote(request.url.path), cause_of(error)
    if status == 503:
        reason = reason_of_outage(cause) or type(error).__name__
        logger.warning("%s %s answered 503: %s", request.method, path, reason)
    elif status >= 500 and not isinstance(error, Refusal):
        without_values(error)
        logger.error("%s %s failed", request.method, path, exc_info=error)
    elif sqlstate := sqlstate_of(cause):
        said = constraint_of(cause) if status == 409 else "a value that its column cannot hold"
        logger.info("%s %s answered %s: %s (%s)", request.method, path, status, said, sqlstate)


@asynccontextmanager
async def without_debugging(app: Litestar) -> AsyncIterator[None]:
    """Refuse to start in debug mode in production (ASVS 13.4.2).

    Raises:
        SettingsError: if production was started with `--debug`.
    """
    if app.debug and app.state.settings.environment is Environment.PRODUCTION:
        raise SettingsError("Debugging must be off in production: leave out --debug, and LITESTAR_DEBUG unset.")
    yield


def row_of(error: Exception) -> Row:
    """The status, the type and the title that an error is answered with."""
    if _is_of_body(error):
        return INVALID
    if isinstance(error, HTTPException) and type(error) not in TABLE and error.status_code != INTERNAL[0]:
        phrase = responses.get(error.status_code, "Error")
        return error.status_code, re.sub(r"\W+", "-", phrase.lower()), phrase
    cause = cause_of(error)
    if reason_of_outage(cause) is not None:
        return UNAVAILABLE
    if isinstance(cause, StatementError) and not (isinstance(cause, DatabaseIntegrityError) and not sqlstate_of(cause)):
        return INTERNAL if _is_of_wrong_type(cause) else SQLSTATES.get(sqlstate_of(cause), INTERNAL)
    # Of the two the repository's error may be the one that says more: that a row was not found.
    named = cause if type(error) is RepositoryError else error
    return next(TABLE[kind] for kind in type(named).__mro__ if kind in TABLE)


def _is_of_body(error: Exception) -> bool:
    """Whether the caller's body cannot be read.

    Litestar raises these errors for a body that is not UTF-8, is nested too deep, or ends early since the caller left.
    The same errors of a handler, or of what it calls, are bugs: Litestar did not raise them while it read the request.
    """
    has_left = isinstance(error, InternalServerException) and error.detail == CALLER_LEFT
    if not has_left and not isinstance(error, UnicodeDecodeError | RecursionError | SerializationException):
        return False
    places = [(str(frame.f_globals.get("__name__")), frame.f_code.co_name) for frame in frames_of(error)]
    return places[-1][0].startswith("litestar.") and not READS_REQUEST.isdisjoint(places)


def _is_of_wrong_type(error: StatementError) -> bool:
    # asyncpg gives one SQLSTATE to a number that is too large, which a caller may send, and to a number for a text.
    return error.orig is not None and isinstance(getattr(error.orig.__cause__, "__cause__", None), TypeError)


def _invalid_parts(error: Exception) -> list[InvalidPart]:
    if isinstance(error, InvalidField):
        return error.errors
    if isinstance(error, ValidationException) and isinstance(error.extra, list):
        return [_named(str(item.get("message", "")), str(item.get("key", ""))) for item in error.extra]
    return [_named(error.detail)] if type(error) is ClientException else []


def _named(message: str, key: str = "") -> InvalidPart:
    # If the body as a whole does not fit, Litestar says which field it means in the message alone, and the key is the
    # name of an argument. Without a body, so is the message.
    place = re.search(r" - at `\$\.(\w+)|field `(\w+)`", message)
    field = next(filter(None, place.groups())) if place else {"data": ""}.get(key, key)
    return InvalidPart(field, "Send a JSON body." if message == "'data'" else message.partition(" - at `")[0])


# litestar-users adds a handler of its own for the errors of repositories, unless there is one.
EXCEPTION_HANDLERS: ExceptionHandlersMap = dict.fromkeys((RepositoryError, Exception), problem_response)
