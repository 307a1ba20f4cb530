"""How each model is read and written."""

from collections.abc import Mapping
from typing import Any
from typing import TypeVar

from advanced_alchemy.base import UUIDBase
from advanced_alchemy.repository import SQLAlchemyAsyncRepository
from sqlalchemy import ColumnElement
from sqlalchemy import Select
from sqlalchemy import inspect
from sqlalchemy import orm
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import InternalError
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.database import look
from app.errors import InvalidField
from app.models import User
from app.models import UserSession

# What is read along with the principal, in the same statement.
ALONG: list[orm.interfaces.ORMOption] = []
# {% if cookiecutter.include_rbac %}
ALONG.append(orm.joinedload(User.roles))
# {% endif %}
PRINCIPAL = "principal"


def principal_where(condition: ColumnElement[bool]) -> Select[Any]:
    """What reads the sign-in that meets the condition, and its user; made once, which costs as much as running it."""
    return select(UserSession, User).join(User, User.id == UserSession.user_id).where(condition).options(*ALONG)


async def find_principal(
    session: AsyncSession, statement: Select[Any], values: Mapping[str, Any]
) -> tuple[UserSession, User] | None:
    """The one sign-in for these values, and its user, whom `UserRepository` knows if it is asked next."""

    def read(session: orm.Session) -> Any:
        # Rows repeat for each member of a collection that is joined.
        return session.execute(statement, values).unique().one_or_none()

    try:
        found = await look(session, read)
    except DBAPIError as error:
        if not (error.connection_invalidated or isinstance(error, InternalError)):
            raise
        # The connection died while nobody used it, which is no reason to refuse whoever calls now.
        await session.rollback()
        found = await look(session, read)
    if found is None:
        return None
    session.info[PRINCIPAL] = found.User
    return found.UserSession, found.User


class UserRepository(SQLAlchemyAsyncRepository[models.User]):
    """Users."""

    model_type = models.User

    async def get(self, item_id: Any, **options: Any) -> User:
        """The user with this id, or the principal if it was read just now.

        Raises:
            NotFoundError: if there is none.
        """
        principal: User | None = self.session.info.pop(PRINCIPAL, None)
        if principal is not None and principal.id == item_id:
            return principal
        return await super().get(item_id, **options)
# {% if cookiecutter.include_rbac %}


class RoleRepository(SQLAlchemyAsyncRepository[models.Role]):
    """Roles."""

    model_type = models.Role
# {% endif %}
# {% if cookiecutter.include_oauth %}


class OAuthAccountRepository(SQLAlchemyAsyncRepository[models.OAuthAccount]):
    """Accounts with other providers."""

    model_type = models.OAuthAccount
# {% endif %}


Row = TypeVar("Row", bound=UUIDBase)


def copy_named(partial: Row, stored: Row, *, never: frozenset[str] = frozenset({"id"})) -> None:
    """Copy the columns that are set on a partial row to the stored one, which keeps what the other does not name.

    Raises:
        InvalidField: if a column cannot hold what it is given.
    """
    columns = inspect(type(stored)).columns
    for name in (inspect(partial).dict.keys() & columns.keys()) - never:
        value = getattr(partial, name)
        longest = getattr(columns[name].type, "length", None)
        if isinstance(value, str) and (len(value) > (longest or len(value)) or not value.isprintable()):
            raise InvalidField(name, f"Use at most {longest} characters, all of them printable.")
        setattr(stored, name, value)
