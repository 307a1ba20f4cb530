"""The permissions that routes require and roles contain."""

from enum import StrEnum


class Permission(StrEnum):
    """`resource:action`. Guards require them; roles contain them."""

    USERS_READ = "users:read"
    USERS_MANAGE = "users:manage"
    SESSIONS_MANAGE = "sessions:manage"
    ROLES_READ = "roles:read"
    ROLES_MANAGE = "roles:manage"
    AUDIT_READ = "audit:read"
    NOTES_READ = "notes:read"  # example


# This role has every permission, including those that you add above, so the table `role` stores none for it.
ADMINISTRATOR = "administrator"
