"""The audit trail: the actor, the target, the time and the IP address of each act.

Entries are never changed, except that `forget` removes the personal data of a deleted user from them.

An act and its entry are stored in one transaction, so the trail holds what happened and nothing else. A refusal rolls
that transaction back, so its entry has a separate one.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy import func
from sqlalchemy import insert
from sqlalchemy import literal
from sqlalchemy import or_
from sqlalchemy import select
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.database.transactions import separate_transaction
from app.http.current_request import current_request
from app.models import AuditEvent
from app.models import User


class Event(StrEnum):
    """What happened to an account, as `subject.what`."""

    REGISTERED = "user.registered"
    REGISTERED_AGAIN = "user.registered-again"
    REGISTRATION_REFUSED = "user.registration-refused"
    INVITED = "user.invited"
    CREATED = "user.created"
    VERIFIED = "user.verified"
    USER_CHANGED = "user.changed"
    EXPORTED = "user.exported"
    DELETED = "user.deleted"
    UNPROVEN_REMOVED = "user.unproven-removed"
    SIGNED_IN = "sign-in.succeeded"
    SIGN_IN_FAILED = "sign-in.failed"
    SIGN_IN_THROTTLED = "sign-in.throttled"
    SIGNED_OUT = "sign-in.ended"
    OTHERS_SIGNED_OUT = "sign-in.others-ended"
    WAYS_IN_REMOVED = "sign-in.ways-removed"
    REAUTHENTICATED = "password.shown"
    PASSWORD_REFUSED = "password.refused"  # noqa: S105  # the name of an event
    PASSWORD_CHANGED = "password.changed"  # noqa: S105  # the same
    PASSWORD_RESET = "password.reset"  # noqa: S105  # the same
    EMAIL_CHANGE_ASKED = "email.change-asked"
    EMAIL_CHANGED = "email.changed"
    EMAIL_RESTORED = "email.restored"
    TOKEN_CREATED = "access-token.created"  # noqa: S105  # the same
    TOKEN_USED = "access-token.used-first"  # noqa: S105  # the same
    TOKEN_ENDED = "access-token.ended"  # noqa: S105  # the same
    ACT_REFUSED = "act.refused"


Facts = dict[str, Any]


def record(  # noqa: PLR0913  # an entry has this many columns
    session: AsyncSession,
    event: StrEnum,
    target: UUID | None = None,
    *,
    actor: UUID | None = None,
    before: Facts | None = None,
    after: Facts | None = None,
) -> None:
    """Add an entry that is stored with this transaction. The default `actor` is the signed-in user.

    `before` and `after` say what changed. They must not hold a secret.
    """
    now = current_request()
    session.add(
        AuditEvent(
            kind=event,
            actor_id=actor or now.user_id,
            target_id=target,
            before=before,
            after=after,
            ip=now.ip,
            request_id=now.request_id,
        )
    )


async def record_for_each(
    session: AsyncSession, event: StrEnum, targets: Select[tuple[UUID]], *, before: Facts | None = None
) -> None:
    """Add an entry for each user that `targets` selects, in one statement. `/metrics` does not count these entries."""
    now = current_request()
    entry = {
        AuditEvent.id: func.gen_random_uuid(),
        AuditEvent.created_at: literal(clock.now()),
        AuditEvent.kind: literal(event.value),
        AuditEvent.actor_id: literal(now.user_id, AuditEvent.actor_id.type),
        AuditEvent.target_id: targets.subquery().columns[0],
        AuditEvent.before: literal(before, AuditEvent.before.type),
        AuditEvent.ip: literal(now.ip),
        AuditEvent.request_id: literal(now.request_id),
    }
    columns = [column.key for column in entry]
    await session.execute(insert(AuditEvent).from_select(columns, select(*entry.values()), include_defaults=False))


async def is_recorded_since(session: AsyncSession, event: StrEnum, target: UUID, moment: datetime) -> bool:
    """Whether the trail has an entry of this kind about this user since this moment."""
    entries = select(AuditEvent.id).where(AuditEvent.target_id == target, AuditEvent.created_at >= moment)
    return await session.scalar(entries.where(AuditEvent.kind == event).limit(1)) is not None


async def record_refusal(session: AsyncSession, event: StrEnum, target: UUID | None = None) -> None:
    """Add an entry about a refusal in a separate transaction; the request must not have changed anything yet."""
    async with separate_transaction(session) as other:
        record(other, event, target)
    current_request().is_refusal_recorded = True


async def forget(session: AsyncSession, user: User) -> None:
    """Remove personal data from the entries about a user who is being deleted; the entries stay."""
    about, by = AuditEvent.target_id == user.id, AuditEvent.actor_id
    # Locked by id: two users in each other's entries may be deleted at the same moment.
    theirs = select(AuditEvent.id).where(or_(about, by == user.id)).order_by(AuditEvent.id)
    await session.execute(theirs.with_for_update())
    await session.execute(update(AuditEvent).where(about).values(before=None, after=None))
    # The IP address of an act by another user is that user's data.
    await session.execute(update(AuditEvent).where(or_(by == user.id, about & by.is_(None))).values(ip=""))
