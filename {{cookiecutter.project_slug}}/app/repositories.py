"""The repositories that litestar-users reads and writes with."""

from typing import Any
from typing import TypeVar

from advanced_alchemy.base import UUIDBase
from advanced_alchemy.repository import SQLAlchemyAsyncRepository
from sqlalchemy import inspect
from sqlalchemy import orm
from sqlalchemy.orm.interfaces import ORMOption

from app import models
from app.database.column_limits import limit_beyond
from app.http.errors import InvalidField
from app.models import User

# The loading strategies that read a relationship with its user.
EAGER = {"selectin", "joined", "subquery", "immediate"}


def eager_relationships() -> list[orm.RelationshipProperty[Any]]:
    """The relationships of users that are loaded with each user."""
    return [relation for relation in inspect(User).relationships if relation.lazy in EAGER]


def with_relationships() -> list[ORMOption]:
    """The options of a statement that reads them in the same round trip."""
    return [orm.joinedload(relation.class_attribute) for relation in eager_relationships()]


class UserRepository(SQLAlchemyAsyncRepository[models.User]):
    """Reads and writes users."""

    model_type = models.User
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
