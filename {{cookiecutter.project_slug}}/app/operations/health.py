"""`/health`: the process runs. `/health/ready`: the database can be reached and written to, and is migrated."""

import asyncio
import logging
from functools import cache
from http import HTTPStatus
from typing import Any

from advanced_alchemy.base import orm_registry
from alembic.config import Config
from alembic.script import ScriptDirectory
from litestar import Request
from litestar import Response
from litestar import get
from litestar.openapi import ResponseSpec
from litestar.types import ControllerRouterHandler
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from app.database.sessions import request_session
from app.http.draining import DRAINING
from app.http.errors import RETRY_AFTER_SECONDS
from app.http.outages import READ_ONLY
from app.http.outages import of_service_database
from app.http.outages import reason_of_outage
from app.http.outages import sqlstate_of
from app.settings import PROJECT_ROOT

logger = logging.getLogger(__name__)

# For the whole check, and SQLAlchemy may take two seconds more to close a connection that does not answer. The probe of
# deploy/kubernetes/service.yaml waits longer than both.
READY_SECONDS = 3
# After a failover, a server can be read from and not written to. The error makes the pool drop its connections.
REFUSE_READ_ONLY = f"""
    DO $$ BEGIN
        IF current_setting('transaction_read_only') = 'on' THEN RAISE SQLSTATE '{READ_ONLY}'; END IF;
    END $$
"""
MISSING_TABLES = "SELECT name FROM unnest(CAST(:names AS text[])) AS name WHERE to_regclass(name) IS NULL"
APPLIED = "SELECT version_num FROM alembic_version"


@get("/health", exclude_from_auth=True, tags=["Health"], sync_to_thread=False, is_always_answered=True)
def alive() -> dict[str, str]:
    """Tell that the process runs.

    It does not use the database: a restart of this process would not bring it back.
    """
    return {"status": "ok"}


@get(
    "/health/ready",
    exclude_from_auth=True,
    tags=["Health"],
    responses={503: ResponseSpec(dict[str, str], description="What is missing", generate_examples=False)},
)
async def ready(request: Request[Any, Any, Any]) -> Response[dict[str, str]]:
    """Tell whether the service can answer requests.

    It is 503 while the process stops, and names what is missing: `database`, `writable database`, `migrations`.
    """
    if DRAINING.is_set():
        return _unavailable(status="stopping")
    missing = await _missing(request)
    return Response({"status": "ok"}) if missing is None else _unavailable(status="unavailable", missing=missing)


def _unavailable(**body: str) -> Response[dict[str, str]]:
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return Response(body, status_code=HTTPStatus.SERVICE_UNAVAILABLE, headers=headers)


async def _missing(request: Request[Any, Any, Any]) -> str | None:
    session = request_session(request)
    try:
        async with asyncio.timeout(READY_SECONDS):
            await session.execute(text(REFUSE_READ_ONLY))
            return None if await is_migrated(session) else "migrations"
    except (SQLAlchemyError, OSError) as error:
        reason = reason_of_outage(of_service_database(error)) or type(error).__name__
        logger.warning("GET /health/ready answered 503: %s", reason)
        return "writable database" if sqlstate_of(error) == READ_ONLY else "database"


async def is_migrated(session: AsyncSession) -> bool:
    """Whether every table exists and every revision has been applied.

    An unknown revision comes from the next version, which is being deployed, unless tables are missing: then another
    application shares the database.
    """
    quoted = session.get_bind().dialect.identifier_preparer.format_table
    names = [*map(quoted, orm_registry.metadata.sorted_tables), "alembic_version"]
    if (await session.scalars(text(MISSING_TABLES), {"names": names})).all():
        return False
    applied = set(await session.scalars(text(APPLIED)))
    heads, known = migrations()
    return applied == heads or bool(applied - known)


@cache
def migrations() -> tuple[set[str], set[str]]:
    """The newest revisions, and all that this code has."""
    scripts = ScriptDirectory.from_config(Config(toml_file=PROJECT_ROOT / "pyproject.toml"))
    return set(scripts.get_heads()), {script.revision for script in scripts.walk_revisions()}


ROUTES: list[ControllerRouterHandler] = [alive, ready]
