"""The audit trail, for callers with the permission to read it."""

from dataclasses import dataclass
from datetime import UTC
from datetime import datetime
from typing import Annotated
from typing import Any
from uuid import UUID

from litestar import Request
from litestar import get
from litestar.di import NamedDependency
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.pagination import OffsetPagination
from litestar.params import QueryParameter
from sqlalchemy import select

from app.database.sessions import request_session
from app.http.errors import InvalidField
from app.http.pagination import PAGINATION
from app.http.pagination import Page
from app.http.pagination import paginate
from app.http.pagination import printable
from app.models import AuditEvent
from app.permissions import Permission
from app.rbac.guards import requires
from app.rbac.schemas import AuditEventRead

# Parsed here: Litestar also takes numbers, and fails on those beyond the calendar.
Moment = Annotated[
    str | None,
    QueryParameter(
        max_length=64,
        schema_extra={"format": "date-time"},
        description="Without a zone it is UTC. `since` is included, `until` is not.",
    ),
]


@dataclass(frozen=True)
class AuditFilter:
    """The conditions that entries must meet."""

    conditions: list[Any]


def audit_filter(
    actor: Annotated[UUID | None, QueryParameter(description="The id of the user who acted.")] = None,
    target: Annotated[UUID | None, QueryParameter(description="The id of the user or role that was changed.")] = None,
    kind: Annotated[str | None, QueryParameter(max_length=64, description="For example `role.assigned`.")] = None,
    since: Moment = None,
    until: Moment = None,
) -> AuditFilter:
    """The filter of a query: from `since` on, and before `until`.

    Raises:
        InvalidField: if a value cannot be searched for.
    """
    conditions = (
        (AuditEvent.actor_id.__eq__, actor),
        (AuditEvent.target_id.__eq__, target),
        (AuditEvent.kind.__eq__, printable("kind", kind)),
        (AuditEvent.created_at.__ge__, _in_utc("since", since)),
        (AuditEvent.created_at.__lt__, _in_utc("until", until)),
    )
    return AuditFilter([is_met(value) for is_met, value in conditions if value is not None])


def _in_utc(field: str, given: str | None) -> datetime | None:
    text = printable(field, given)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        # At the ends of the calendar, the moment may lie outside of it in UTC.
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidField(field, "Give a time in ISO 8601, for example 2026-01-31T12:00:00Z.") from error


@get(
    "/audit-events",
    return_dto=AuditEventRead,
    guards=[requires(Permission.AUDIT_READ)],
    dependencies=PAGINATION | {"wanted": Provide(audit_filter, sync_to_thread=False)},
    access_tokens="read",
    tags=["Audit"],
)
async def list_events(
    request: Request[Any, Any, Any], wanted: NamedDependency[AuditFilter], part: NamedDependency[Page]
) -> OffsetPagination[AuditEvent]:
    """List entries of the audit trail, newest first."""
    newest_first = select(AuditEvent).where(*wanted.conditions).order_by(AuditEvent.created_at.desc(), AuditEvent.id)
    return await paginate(request_session(request), newest_first, part)


ROUTES: list[HTTPRouteHandler] = [list_events]
