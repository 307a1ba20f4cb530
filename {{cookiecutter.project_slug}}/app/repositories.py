"""How each model is read and written."""

from typing import Any
from typing import TypeVar

from advanced_alchemy.base import UUIDBase
from advanced_alchemy.repository import SQLAlchemyAsyncRepository
from sqlalchemy import inspect

from app import models
from app.errors import InvalidField
from app.models import User
from app.principals import PRINCIPAL


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
