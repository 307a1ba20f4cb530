"""What may be permitted, and who may do what at the start."""

from enum import StrEnum


class Permission(StrEnum):
    """`resource:action`; guards ask for these, roles hold them."""

    USERS_READ = "users:read"
    USERS_MANAGE = "users:manage"
    SESSIONS_MANAGE = "sessions:manage"
    ROLES_READ = "roles:read"
    ROLES_MANAGE = "roles:manage"
    AUDIT_READ = "audit:read"
    NOTES_READ = "notes:read"  # example


ADMINISTRATOR = "administrator"
MEMBER = "member"

# The first migration stores these; afterwards the table `role` is what counts. An administrator may do everything, also
# what is added above later, so nothing is stored for that role.
ROLES: dict[str, frozenset[Permission]] = {ADMINISTRATOR: frozenset(), MEMBER: frozenset()}
