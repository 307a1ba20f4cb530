"""What administrators do, as the audit trail calls it."""

from enum import StrEnum


class Event(StrEnum):
    """Entered with the administrator as the actor, and what changed as `before` and `after`."""

    USER_CHANGED = "user.changed"
    RESET_STARTED = "password.reset-started"
    ROLE_CREATED = "role.created"
    ROLE_CHANGED = "role.changed"
    ROLE_DELETED = "role.deleted"
    ROLE_ASSIGNED = "role.assigned"
    ROLE_REVOKED = "role.revoked"
