"""The bodies of administration."""

from typing import Annotated

from advanced_alchemy.extensions.litestar import SQLAlchemyDTOConfig
from msgspec import Meta
from msgspec import field

from app.accounts.schemas import CHANGEABLE as CHANGEABLE_BY_THEMSELVES
from app.accounts.schemas import Body
from app.accounts.schemas import Email
from app.http.dto import ListedDTO
from app.models import AuditEvent
from app.models import Role
from app.models import User

RoleName = Annotated[str, Meta(max_length=255)]
CHANGEABLE = {"name", "description", "permissions"}


class RoleRead(ListedDTO[Role]):
    """A role as it is shown."""

    config = SQLAlchemyDTOConfig(
        include={"id", "name", "description", "created_at", "granted"}, rename_fields={"granted": "permissions"}
    )


class RoleCreate(ListedDTO[Role]):
    """A new role."""

    config = SQLAlchemyDTOConfig(include=CHANGEABLE, forbid_unknown_fields=True)


class RoleUpdate(ListedDTO[Role]):
    """Changes of a role."""

    config = SQLAlchemyDTOConfig(include=CHANGEABLE, partial=True, forbid_unknown_fields=True)


class ManagedUserUpdate(ListedDTO[User]):
    """Changes of a user by an administrator: more than users can change themselves, but no password and no address."""

    config = SQLAlchemyDTOConfig(
        include=CHANGEABLE_BY_THEMSELVES | {"is_active", "is_verified"}, partial=True, forbid_unknown_fields=True
    )


class Invitation(Body):
    """An invitation."""

    email: Email
    roles: Annotated[list[RoleName], Meta(max_length=100, description="Names of roles.")] = field(default_factory=list)


class AuditEventRead(ListedDTO[AuditEvent]):
    """An entry of the audit trail."""

    config = SQLAlchemyDTOConfig(
        include={"id", "created_at", "kind", "actor_id", "target_id", "before", "after", "ip", "request_id"}
    )
