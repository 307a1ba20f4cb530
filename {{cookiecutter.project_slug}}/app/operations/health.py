"""Whether the service lives, and whether it is ready for requests."""

from functools import cache
from http import HTTPStatus
from typing import Any

from alembic.config import Config
from alembic.script import ScriptDirectory
from litestar import Request
from litestar import Response
from litestar import get
from litestar.openapi import ResponseSpec
from litestar.types import ControllerRouterHandler
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.exc import SQLAlchemyError

from app.database.sessions import request_session
from app.settings import PROJECT_ROOT


@get("/health", exclude_from_auth=True, security=[{}], tags=["Health"], sync_to_thread=False, is_always_answered=True)
def alive() -> dict[str, str]:
    """Answer without touching anything: whoever restarts processes must not do so because the database is away."""
    return {"status": "ok"}


@get(
    "/health/ready",
    exclude_from_auth=True,
    security=[{}],
    tags=["Health"],
    responses={503: ResponseSpec(dict[str, str], description="What is missing", generate_examples=False)},
)
async def ready(request: Request[Any, Any, Any]) -> Response[dict[str, str]]:
    """Answer 503 and name what is missing while the database is away or its migrations are pending."""
    missing = await _missing(request)
    if missing is None:
        return Response({"status": "ok"})
    return Response({"status": "unavailable", "missing": missing}, status_code=HTTPStatus.SERVICE_UNAVAILABLE)


async def _missing(request: Request[Any, Any, Any]) -> str | None:
    try:
        applied = set(await request_session(request).scalars(text("SELECT version_num FROM alembic_version")))
    except ProgrammingError:
        return "migrations"
    except (SQLAlchemyError, OSError):
        return "database"
    heads, known = migrations()
    # One that this code does not know comes from the next version, which is being deployed; this one serves meanwhile.
    return None if applied == heads or applied - known else "migrations"


@cache
def migrations() -> tuple[set[str], set[str]]:
    """The newest, and all that this code knows."""
    scripts = ScriptDirectory.from_config(Config(toml_file=PROJECT_ROOT / "pyproject.toml"))
    return set(scripts.get_heads()), {script.revision for script in scripts.walk_revisions()}


ROUTES: list[ControllerRouterHandler] = [alive, ready]
