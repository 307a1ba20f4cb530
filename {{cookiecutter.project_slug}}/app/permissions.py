"""The permissions that routes require and roles contain."""

from enum import StrEnum
from typing import Self

# In the second column: the permission wants a sign-in with a second factor or a passkey. SECOND_FACTOR says whether.
STRONG = True


class Permission(StrEnum):
    """`resource:action`. Guards require them; roles contain them."""

    USERS_READ = "users:read", STRONG
    USERS_MANAGE = "users:manage", STRONG
    SESSIONS_MANAGE = "sessions:manage", STRONG
    ROLES_READ = "roles:read", STRONG
    ROLES_MANAGE = "roles:manage", STRONG
    AUDIT_READ = "audit:read", STRONG
    NOTES_READ = "notes:read"  # example

    is_strong: bool

    def __new__(cls, value: str, is_strong: bool = False) -> Self:  # noqa: FBT001, FBT002  # a column of the table
        """A row of the table."""
        permission = str.__new__(cls, value)
        permission._value_, permission.is_strong = value, is_strong
        return permission


# This role has every permission, including those that you add above, so the table `role` stores none for it.
ADMINISTRATOR = "administrator"
