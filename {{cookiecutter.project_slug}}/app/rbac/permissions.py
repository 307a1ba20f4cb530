"""What may be permitted, and who may do what at the start."""

from enum import StrEnum


class Permission(StrEnum):
    """`resource:action`; guards ask for these, roles hold them."""

    ROLES_READ = "roles:read"
    ROLES_MANAGE = "roles:manage"


ADMINISTRATOR = "administrator"

# The first migration stores these; afterwards the table `role` is what counts.
ROLES = {ADMINISTRATOR: frozenset(Permission)}
