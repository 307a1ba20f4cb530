"""The list of users: filters and order."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated
from typing import Any

from litestar.params import FromQuery
from litestar.params import QueryParameter
from sqlalchemy import ColumnElement
from sqlalchemy import Select
from sqlalchemy import func
from sqlalchemy import or_
from sqlalchemy import select

from app.email_address import MAX_LENGTH
from app.http.errors import InvalidField
from app.http.pagination import printable
from app.models import Role
from app.models import User


class AccountState(StrEnum):
    """Whether a user can sign in, or why not."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    UNVERIFIED = "unverified"


class Sort(StrEnum):
    """The order of the list."""

    NEWEST = "-created_at"
    OLDEST = "created_at"
    EMAIL = "email"
    EMAIL_BACKWARDS = "-email"


# INACTIVE and UNVERIFIED have indexes of their own; ACTIVE filters the index of the order, which most users match.
STATES = {
    AccountState.ACTIVE: User.is_active & User.is_verified,
    AccountState.INACTIVE: ~User.is_active,
    AccountState.UNVERIFIED: ~User.is_verified,
}
ORDERS: dict[Sort, tuple[ColumnElement[Any], ...]] = {
    Sort.NEWEST: (User.created_at.desc(), User.id.desc()),
    Sort.OLDEST: (User.created_at.asc(), User.id.asc()),
    Sort.EMAIL: (func.lower(User.email).asc(),),
    Sort.EMAIL_BACKWARDS: (func.lower(User.email).desc(),),
}


@dataclass(frozen=True)
class UserFilter:
    """The conditions that users must meet."""

    search: str
    role: str | None
    state: AccountState | None
    sort: Sort


def user_filter(
    search: Annotated[
        str,
        QueryParameter(max_length=MAX_LENGTH, description="The beginning of the address or name, in any case."),
    ] = "",
    role: Annotated[str | None, QueryParameter(max_length=255, description="The name of a role.")] = None,
    # Litestar reserves the parameter name `state`.
    in_state: Annotated[str | None, QueryParameter(name="state", schema_extra={"enum": [*AccountState]})] = None,
    sort: FromQuery[Sort] = Sort.NEWEST,
) -> UserFilter:
    """The filter of a query.

    Raises:
        InvalidField: if there is no such state, or a text cannot be searched for.
    """
    for name, text in (("search", search), ("role", role)):
        printable(name, text)
    if in_state not in {None, *AccountState}:
        raise InvalidField("state", f"Unknown: {in_state}. Use: {', '.join(AccountState)}.")
    return UserFilter(search, role, AccountState(in_state) if in_state else None, sort)


def users_matching(wanted: UserFilter) -> Select[tuple[User]]:
    """The statement that selects the users in order."""
    matching = select(User).order_by(*ORDERS[wanted.sort])
    if wanted.search:
        matching = matching.where(or_(_begins(User.email, wanted.search), _begins(User.display_name, wanted.search)))
    if wanted.role is not None:
        matching = matching.where(User.roles.any(func.lower(Role.name) == wanted.role.lower()))
    if wanted.state is not None:
        matching = matching.where(STATES[wanted.state])
    return matching


def _begins(column: Any, text: str) -> ColumnElement[bool]:
    # As a range and not as a pattern, which PostgreSQL looks up in the index only when it knows the text beforehand.
    first = text.strip().lower()
    lowered = func.lower(column)
    return lowered.op("~>=~", is_comparison=True)(first) & lowered.op("~<~", is_comparison=True)(first + LAST)


# No character comes after it.
LAST = "\U0010ffff"
