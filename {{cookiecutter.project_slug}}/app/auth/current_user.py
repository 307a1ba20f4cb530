"""What a request carries as its user, and the row behind it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from typing import cast
from uuid import UUID

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException
from msgspec import Struct
from sqlalchemy.orm.interfaces import ORMOption

from app.database.sessions import request_session
from app.models import User
# {% if cookiecutter.include_rbac %}
from app.permissions import CarriesRoles
# {% endif %}
from app.repositories import with_relationships


class CurrentUser(
    # {% if cookiecutter.include_rbac %}
    CarriesRoles,
    # {% endif %}
    Struct,
    frozen=True,
    kw_only=True,
):
    """The user as they were when the request began, read with the sign-in.

    A field is a column of `User`, by its name and with the type that asyncpg returns. Add those that every request
    needs. A handler that needs more asks for `current_row`, and one that changes the user for `lock_user`.
    """

    id: UUID
    email: str
    display_name: str
    is_active: bool
    is_verified: bool
    created_at: datetime

    def __getattr__(self, name: str) -> Any:
        """No other column."""
        raise AttributeError(f"CurrentUser has no {name}. Read it from `await current_row(request)`, or add it there.")


async def current_row(request: Request[Any, Any, Any]) -> User:
    """The row of the caller. It is also the dependency `current_user`, as litestar-users documents it.

    Raises:
        NotAuthorizedException: if the account was deleted after the request began.
    """
    if not isinstance(request.user, CurrentUser):
        # A route with `user_load_options` has the row already; one that is open to anonymous callers may have no user.
        return cast("User", request.user)
    return await read_row(request, request.user.id, with_relationships())


async def read_row(connection: ASGIConnection[Any, Any, Any, Any], user_id: UUID, options: Sequence[ORMOption]) -> User:
    """The row of a user who is signed in, with what these options load.

    Raises:
        NotAuthorizedException: if the account was deleted after the request began.
    """
    row = await request_session(connection).get(User, user_id, options=options)
    if row is None:
        raise NotAuthorizedException
    return row
