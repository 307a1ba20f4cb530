"""The statement that finds the signed-in user; every request with credentials starts with it."""

from collections.abc import Mapping
from typing import Any
from typing import Generic
from typing import TypeVar
from typing import get_args

from litestar.connection import ASGIConnection
from msgspec import Struct
from msgspec.structs import fields
from sqlalchemy import ARRAY
from sqlalchemy import ColumnElement
from sqlalchemy import Text
from sqlalchemy import cast
from sqlalchemy import func
from sqlalchemy import select

from app.auth.current_user import CurrentUser
from app.database.direct_reads import DirectRead
from app.models import AccessToken
from app.models import User
from app.models import UserSession

Credential = TypeVar("Credential", bound=Struct)
# The relationships of a user that each request carries, with the type of their rows.
RELATED = {
    field.name: get_args(field.type)[0] for field in fields(CurrentUser) if field.name in User.__mapper__.relationships
}


class CurrentUserQuery(Generic[Credential]):
    """Reads the one row of `table` that meets a condition, as a `credential`, and its user."""

    def __init__(
        self, condition: ColumnElement[bool], table: type[UserSession | AccessToken], credential: type[Credential]
    ) -> None:
        self._credential = credential
        presented = [getattr(table, name) for name in credential.__struct_fields__]
        user = [_related(name) if name in RELATED else getattr(User, name) for name in CurrentUser.__struct_fields__]
        joined = select(*presented, *user).select_from(table).join(User, User.id == table.user_id)
        self.read = DirectRead(joined.where(condition, User.is_active, User.is_verified))

    async def one(
        self, connection: ASGIConnection[Any, Any, Any, Any], values: Mapping[str, Any]
    ) -> tuple[Credential, CurrentUser] | None:
        """The credential and the user for these parameters; None without such a user who may sign in."""
        for row in await self.read.rows(connection, values):
            presented = dict(zip(self._credential.__struct_fields__, row, strict=False))
            user = dict(zip(CurrentUser.__struct_fields__, row[len(presented) :], strict=True))
            for name, kind in RELATED.items():
                user[name] = [kind(*each) for each in user[name]]
            return self._credential(**presented), CurrentUser(**user)
        return None


def _related(name: str) -> ColumnElement[Any]:
    """The rows of a relationship, as an array in the row of the user."""
    relation = User.__mapper__.relationships[name]
    columns = [_known(getattr(relation.mapper.class_, column)) for column in RELATED[name].__struct_fields__]
    is_theirs = [each for each in (relation.primaryjoin, relation.secondaryjoin) if each is not None]
    return func.array(select(func.row(*columns)).where(*is_theirs).correlate(User).scalar_subquery())


def _known(column: ColumnElement[Any]) -> ColumnElement[Any]:
    # In a row without a name, asyncpg reads of arrays only those of a type that it knows from the beginning.
    return cast(column, ARRAY(Text)) if isinstance(column.type, ARRAY) else column
