"""How each model is read and written."""

from typing import Any
from typing import TypeVar

from advanced_alchemy.base import UUIDBase
from advanced_alchemy.repository import SQLAlchemyAsyncRepository
from sqlalchemy import inspect
from sqlalchemy import orm

from app import models
from app.http.errors import InvalidField
from app.models import User

# In the `info` of a session, from the moment that the request is known to be signed in until `UserRepository` is asked.
CURRENT_USER = "current user"
# Kinds of loading that read a relationship whenever its user is read.
EAGER = {"selectin", "joined", "subquery", "immediate"}


def eager_relationships() -> list[orm.RelationshipProperty[Any]]:
    """The relationships that are read whenever a user is; relationships of related rows are not."""
    return [relation for relation in inspect(User).relationships if relation.lazy in EAGER]


class UserRepository(SQLAlchemyAsyncRepository[models.User]):
    """Users."""

    model_type = models.User

    async def get(self, item_id: Any, **options: Any) -> User:
        """The user with this id, or the principal if it was read just now.

        Raises:
            NotFoundError: if there is none.
        """
        principal: User | None = self.session.info.pop(CURRENT_USER, None)
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
