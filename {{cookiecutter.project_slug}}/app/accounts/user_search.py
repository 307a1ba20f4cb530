"""Which users a list of users shows: the beginning of the address or name, and whether they can sign in."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy import Select
from sqlalchemy import func
from sqlalchemy import or_
from sqlalchemy import select

from app.models import User


class AccountState(StrEnum):
    """Whether a user can sign in, or why not."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    UNVERIFIED = "unverified"


# INACTIVE and UNVERIFIED have indexes of their own; ACTIVE filters the index of the order, which most users match.
STATES = {
    AccountState.ACTIVE: User.is_active & User.is_verified,
    AccountState.INACTIVE: ~User.is_active,
    AccountState.UNVERIFIED: ~User.is_verified,
}
BY_EMAIL: tuple[ColumnElement[Any], ...] = (func.lower(User.email).asc(),)
# No character comes after it.
LAST = "\U0010ffff"


@dataclass(frozen=True, kw_only=True)
class UserFilter:
    """The conditions that users must meet, and the order of the list."""

    search: str = ""
    state: AccountState | None = None
    others: tuple[ColumnElement[bool], ...] = ()
    order: tuple[ColumnElement[Any], ...] = BY_EMAIL


def users_matching(wanted: UserFilter) -> Select[tuple[User]]:
    """The statement that selects the users in order."""
    matching = select(User).where(*wanted.others).order_by(*wanted.order)
    if wanted.search:
        matching = matching.where(or_(_begins(User.email, wanted.search), _begins(User.display_name, wanted.search)))
    if wanted.state is not None:
        matching = matching.where(STATES[wanted.state])
    return matching


def _begins(column: Any, text: str) -> ColumnElement[bool]:
    # As a range and not as a pattern, which PostgreSQL looks up in the index only when it knows the text beforehand.
    first = text.strip().lower()
    lowered = func.lower(column)
    return lowered.op("~>=~", is_comparison=True)(first) & lowered.op("~<~", is_comparison=True)(first + LAST)
