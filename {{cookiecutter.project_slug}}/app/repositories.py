"""How each model is read and written."""

from typing import TypeVar

from advanced_alchemy.base import UUIDBase
from advanced_alchemy.repository import SQLAlchemyAsyncRepository
from sqlalchemy import inspect

from app.errors import InvalidField
# {% if cookiecutter.include_oauth %}
from app.models import OAuthAccount
# {% endif %}
# {% if cookiecutter.include_rbac %}
from app.models import Role
# {% endif %}
from app.models import User


class UserRepository(SQLAlchemyAsyncRepository[User]):
    """Users."""

    model_type = User
    # Rows repeat when a collection is joined into the same statement.
    uniquify = True
# {% if cookiecutter.include_rbac %}


class RoleRepository(SQLAlchemyAsyncRepository[Role]):
    """Roles."""

    model_type = Role
# {% endif %}
# {% if cookiecutter.include_oauth %}


class OAuthAccountRepository(SQLAlchemyAsyncRepository[OAuthAccount]):
    """Accounts with other providers."""

    model_type = OAuthAccount
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
