"""The permissions that routes require and roles contain."""

from enum import StrEnum
from typing import Any
from typing import Self

from msgspec import Struct
from sqlalchemy.ext.hybrid import hybrid_property

from app.http.current_request import token_of

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
ALL: list[str] = sorted(Permission)


class Grants:
    """What a role grants, whether it is a row or what a request carries of one."""

    name: Any
    permissions: Any

    @hybrid_property
    def granted(self) -> list[str]:
        """The permissions of the role: for administrators all, also those added later."""
        return ALL if self.name == ADMINISTRATOR else self.permissions


class HoldsRoles:
    """What a user may do by the roles, whether the user is a row or what a request carries."""

    id: Any
    roles: Any

    @hybrid_property
    def role_names(self) -> list[str]:
        """The names of this user's roles, sorted; none in a request with a token, which has permissions alone."""
        return [] if token_of(self.id) else sorted(role.name for role in self.roles)

    @hybrid_property
    def permissions(self) -> list[str]:
        """The permissions of all roles of this user, sorted; in a request with a token, only those that it has too."""
        held, token = {permission for role in self.roles for permission in role.granted}, token_of(self.id)
        return sorted(held & {*token.permissions} if token else held)


class HeldRole(Grants, Struct, frozen=True):
    """What a request carries of a role: these columns."""

    name: str
    permissions: list[str]


class CarriesRoles(HoldsRoles, Struct, frozen=True, kw_only=True):
    """The roles of the user of a request."""

    roles: list[HeldRole]
