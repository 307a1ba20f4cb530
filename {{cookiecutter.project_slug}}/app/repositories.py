"""The repositories that litestar-users reads and writes with."""

from typing import Any
from typing import TypeVar

from advanced_alchemy.base import UUIDBase
from advanced_alchemy.repository import SQLAlchemyAsyncRepository
from sqlalchemy import inspect
from sqlalchemy import orm

from app import models
from app.database.column_limits import limit_beyond
from app.http.errors import InvalidField
from app.models import User

# In the `info` of a session, from when the current user is read until `UserRepository.get` asks for it.
CURRENT_USER = "current user"
# The loading strategies that read a relationship with its user.
EAGER = {"selectin", "joined", "subquery", "immediate"}


def eager_relationships() -> list[orm.RelationshipProperty[Any]]:
    """The relationships of users that are loaded with each user."""
    return [relation for relation in inspect(User).relationships if relation.lazy in EAGER]


class UserRepository(SQLAlchemyAsyncRepository[models.User]):
    """Reads users; the current user is not read twice."""

    model_type = models.User

    async def get(self, item_id: Any, *, load: Any = None, **options: Any) -> User:
        """The user with this id. The first call for the current user needs no statement, unless it says what to load.

        Raises:
            NotFoundError: if there is no such user.
        """
        current: User | None = self.session.info.pop(CURRENT_USER, None)
        if current is not None and current.id == item_id and not load:
            return current
        return await super().get(item_id, load=load, **options)
# {% if cookiecutter.include_rbac %}


class RoleRepository(SQLAlchemyAsyncRepository[models.Role]):
    """Reads and writes roles."""

    model_type = models.Role
# {% endif %}
# {% if cookiecutter.include_oauth %}


class OAuthAccountRepository(SQLAlchemyAsyncRepository[models.OAuthAccount]):
    """Reads and writes accounts at other providers."""

    model_type = models.OAuthAccount
# {% endif %}


Row = TypeVar("Row", bound=UUIDBase)


def copy_named(partial: Row, stored: Row, *, never: frozenset[str] = frozenset({"id"})) -> None:
    """Copy the columns that are set on a partial row to the stored row.

    Raises:
        InvalidField: if a column would refuse its value, or store another one.
    """
    columns = inspect(type(stored)).columns
    for name in (inspect(partial).dict.keys() & columns.keys()) - never:
        value = getattr(partial, name)
        if limit := limit_beyond(columns[name].type, value):
            raise InvalidField(name, f"Use {limit}.")
        setattr(stored, name, value)
