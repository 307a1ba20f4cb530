"""The query of the list of users over HTTP: filters and order."""

from enum import StrEnum
from typing import Annotated
from typing import Any

from litestar.params import FromQuery
from litestar.params import QueryParameter
from sqlalchemy import ColumnElement
from sqlalchemy import func

from app.accounts.user_search import BY_EMAIL
from app.accounts.user_search import AccountState
from app.accounts.user_search import UserFilter
from app.email_address import MAX_LENGTH
from app.http.errors import InvalidField
from app.http.pagination import printable
from app.models import Role
from app.models import User


class Sort(StrEnum):
    """The order of the list."""

    NEWEST = "-created_at"
    OLDEST = "created_at"
    EMAIL = "email"
    EMAIL_BACKWARDS = "-email"


ORDERS: dict[Sort, tuple[ColumnElement[Any], ...]] = {
    Sort.NEWEST: (User.created_at.desc(), User.id.desc()),
    Sort.OLDEST: (User.created_at.asc(), User.id.asc()),
    Sort.EMAIL: BY_EMAIL,
    Sort.EMAIL_BACKWARDS: (func.lower(User.email).desc(),),
}


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
    state = AccountState(in_state) if in_state else None
    others = () if role is None else (has_role(role),)
    return UserFilter(search=search, state=state, others=others, order=ORDERS[sort])


def has_role(name: str) -> ColumnElement[bool]:
    """Whether a user has the role with this name, in any case."""
    return User.roles.any(func.lower(Role.name) == name.lower())
