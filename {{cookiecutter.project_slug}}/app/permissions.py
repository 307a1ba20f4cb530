"""The permissions that routes ask for and roles hold."""

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


# This role has every permission, also one that is added above later, so the table `role` stores none for it.
ADMINISTRATOR = "administrator"
