"""Which errors mean that the database is unavailable, and why; they are answered with 503."""

import re
from collections.abc import Iterator
from types import FrameType
from typing import TypeVar

import asyncpg  # type: ignore[import-untyped]  # It carries no types.
from advanced_alchemy.base import orm_registry
from advanced_alchemy.exceptions import RepositoryError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import InternalError
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.http.errors import TooBusy

TABLES_MISSING = "The tables are missing or old. Run: alembic upgrade head"
READ_ONLY = "25006"
UNDEFINED_TABLE = "42P01"
# By SQLSTATE. Every other error of PostgreSQL is a mistake in a statement, unless it was raised while connecting.
REASONS = {
    READ_ONLY: "the database is read-only",
    "25P03": "idle in transaction timeout",
    "28000": "PostgreSQL refuses the user",
    "28P01": "PostgreSQL refuses the password",
    "3D000": "the database does not exist",
    "40001": "serialization failure",
    "40P01": "deadlock",
    "53100": "the disk of the database is full",
    "53200": "PostgreSQL is out of memory",
    "53300": "PostgreSQL has too many connections",
    "55P03": "lock timeout",
    "57014": "statement timeout",
    "57P01": "PostgreSQL is stopping",
    "57P02": "PostgreSQL has crashed and restarts",
    "57P03": "PostgreSQL is starting or stopping",
    "58030": "PostgreSQL cannot read or write its disk",
}
# The same by class of SQLSTATE: no connection, rolled back, no resources, operator intervention.
CLASSES = {"08": "no connection", "40": "rolled back", "53": "no resources", "57": "operator intervention"}
# Where PostgreSQL or asyncpg put values into a message.
VALUES = re.compile(r"(\nDETAIL:|(?<=query argument \$)\d+:).*", re.DOTALL)


# An attribute of the errors of this service's database. A handler may use other databases, whose errors it must handle.
OURS = "is_of_service_database"

Failure = TypeVar("Failure", bound=BaseException)


class CannotConnect(OperationalError):
    """No connection to the database could be opened."""


def of_service_database(error: Failure) -> Failure:
    """Mark an error as one of this service's database, so that it may be an outage."""
    setattr(error, OURS, True)
    return error


def reason_of_outage(error: BaseException) -> str | None:
    """What the service waited for; None if the error is not an outage of its database."""
    match error:
        case TooBusy():
            return error.reason
        case PoolTimeoutError():
            return "no free connection in the pool (DATABASE_POOL_SIZE)"
        case CannotConnect():
            return f"cannot connect to the database: {_named(error)}"
    if not getattr(error, OURS, False):
        return None
    if isinstance(getattr(error, "orig", error), TimeoutError):
        return f"the database did not answer in time: {_named(error)}"
    known = _reason_of_sqlstate(error)
    is_lost = known is None and _is_lost(error)
    return f"the connection to the database was lost: {_named(error)}" if is_lost else known


def first_of(error: Exception) -> Exception:
    """The first error of a group; any other error as it is. Litestar resolves dependencies side by side."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def cause_of(error: Exception) -> Exception:
    """The database's error that a repository has wrapped; any other error as it is."""
    cause = error.__cause__ if isinstance(error, RepositoryError) else None
    return cause if isinstance(cause, Exception) else error


def sqlstate_of(error: BaseException) -> str:
    """The SQLSTATE of an error of the database; empty for every other error."""
    return getattr(getattr(error, "orig", error), "sqlstate", None) or ""


def constraint_of(error: Exception) -> str:
    """The table and the constraint that a statement violated, without values."""
    driver = _driver_error(error)
    named = {"constraint": driver.constraint_name, "column": driver.column_name} if driver else {}
    words = [f"{kind} {name}" for kind, name in named.items() if name]
    return f"{' '.join(words)} of the table {driver.table_name}" if driver and words else "a constraint"


def without_values(error: BaseException) -> None:
    """Remove the values of rows and arguments from the messages of an error and of what caused it (ASVS 16.2.5)."""
    for each in _chain(error):
        each.args = tuple(VALUES.sub("", part) if isinstance(part, str) else part for part in each.args)
        detail = getattr(each, "detail", None)
        if isinstance(each, asyncpg.PostgresError):
            each.detail = None
        elif isinstance(detail, str):
            each.detail = VALUES.sub("", detail)  # type: ignore[attr-defined]  # errors of repositories have it


def frames_of(error: BaseException) -> list[FrameType]:
    """Where it was raised, from the outermost frame to the innermost."""
    frames, traceback = [], error.__traceback__
    while traceback is not None:
        frames.append(traceback.tb_frame)
        traceback = traceback.tb_next
    return frames


def _named(error: BaseException) -> str:
    sqlstate, name = sqlstate_of(error), type(getattr(error, "orig", error)).__name__
    return f"{name} ({sqlstate})" if sqlstate else name


def _reason_of_sqlstate(error: BaseException) -> str | None:
    sqlstate = sqlstate_of(error)
    if sqlstate == UNDEFINED_TABLE and _names_our_table(error):
        return f"{TABLES_MISSING} ({sqlstate})"
    known = REASONS.get(sqlstate) or CLASSES.get(sqlstate[:2])
    return f"{known} ({sqlstate})" if known else None


def _is_lost(error: BaseException) -> bool:
    # asyncpg raises an internal error for a connection that is closed at this very moment.
    is_internal = isinstance(error, InternalError) and not sqlstate_of(error)
    is_invalid = isinstance(error, DBAPIError) and error.connection_invalidated
    return is_invalid or is_internal or isinstance(getattr(error, "orig", error), OSError)


def _names_our_table(error: BaseException) -> bool:
    # The words around the name depend on the language of the server.
    return not orm_registry.metadata.tables.keys().isdisjoint(re.findall(r"[\w.]+", str(_driver_error(error))))


def _driver_error(error: BaseException) -> asyncpg.PostgresError | None:
    return next((each for each in _chain(error) if isinstance(each, asyncpg.PostgresError)), None)


def _chain(error: BaseException) -> Iterator[BaseException]:
    waiting, seen = [error], set[int]()
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        parts = each.exceptions if isinstance(each, BaseExceptionGroup) else ()
        behind = (each.__context__, each.__cause__, getattr(each, "orig", None), *parts)
        waiting += [found for found in behind if isinstance(found, BaseException)]
