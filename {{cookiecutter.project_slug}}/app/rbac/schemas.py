"""What callers send and get about roles."""

from advanced_alchemy.extensions.litestar import SQLAlchemyDTO
from advanced_alchemy.extensions.litestar import SQLAlchemyDTOConfig

from app.models import Role

CHANGEABLE = {"name", "description", "permissions"}


class RoleRead(SQLAlchemyDTO[Role]):
    """A role as callers see one."""

    config = SQLAlchemyDTOConfig(include=CHANGEABLE | {"id", "created_at"})


class RoleCreate(SQLAlchemyDTO[Role]):
    """A new role."""

    config = SQLAlchemyDTOConfig(include=CHANGEABLE, forbid_unknown_fields=True)


class RoleUpdate(SQLAlchemyDTO[Role]):
    """What changes about a role."""

    config = SQLAlchemyDTOConfig(include=CHANGEABLE, partial=True, forbid_unknown_fields=True)
