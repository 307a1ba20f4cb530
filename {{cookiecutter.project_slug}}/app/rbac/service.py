"""What can be done to roles: the methods of litestar-users, with the rules of this service."""

from uuid import UUID

from sqlalchemy import func
from sqlalchemy import inspect
from sqlalchemy import select

from app.accounts.changes import ChangeService
from app.errors import Conflict
from app.errors import InvalidField
from app.models import Role
from app.models import User
from app.models import user_role
from app.rbac.permissions import ADMINISTRATOR
from app.rbac.permissions import Permission
from app.repositories import copy_named


class RoleService(ChangeService):
    """Accounts and their roles; somebody always remains who may manage them."""

    async def list_roles(self) -> list[Role]:
        """All roles by name."""
        return [*await self.session.scalars(select(Role).order_by(Role.name))]

    async def add_role(self, data: Role) -> Role:
        """Store a new role.

        Raises:
            InvalidField: if it has no name, or permits something that does not exist.
            IntegrityError: if the name is taken.
        """
        copy_named(data, new := Role(permissions=[]))
        role: Role = await super().add_role(_checked(new))
        return role

    async def update_role(self, data: Role) -> Role:
        """Change what `data`, a partial row, names.

        Raises:
            Conflict: if it is the administrators' role, which has every permission under a name that code relies on.
            InvalidField: if it has no name, or permits something that does not exist.
            NotFoundError: if there is no such role.
        """
        stored = await self.get_role(data.id)
        if stored.name == ADMINISTRATOR and inspect(data).dict.keys() & {"name", "permissions"}:
            raise Conflict(UNCHANGEABLE)
        copy_named(data, stored)
        role: Role = await super().update_role(_checked(stored))
        return role

    async def delete_role(self, role_id: UUID | int) -> Role:
        """Delete a role; whoever had it loses what it permitted.

        Raises:
            Conflict: if it is the administrators' role.
            NotFoundError: if there is no such role.
        """
        if (await self.get_role(role_id)).name == ADMINISTRATOR:
            raise Conflict(UNCHANGEABLE)
        role: Role = await super().delete_role(role_id)
        return role

    async def assign_role(self, user_id: UUID | int, role_id: UUID | int) -> User:
        """Give a role to a user.

        Raises:
            Conflict: if the user has it.
            NotFoundError: if there is no such user or role.
        """
        user, role = await self.get_user(user_id), await self.get_role(role_id)
        if role in user.roles:
            raise Conflict(f"The user has the role {role.name} already.")
        return await super().assign_role(user_id, role_id)

    async def revoke_role(self, user_id: UUID | int, role_id: UUID | int) -> User:
        """Take a role from a user.

        Raises:
            Conflict: if the user does not have it, or is the last administrator.
            NotFoundError: if there is no such user or role.
        """
        user, role = await self.get_user(user_id), await self.get_role(role_id)
        if role not in user.roles:
            raise Conflict(f"The user does not have the role {role.name}.")
        await self._require_another_administrator(role)
        return await super().revoke_role(user_id, role_id)

    async def delete_user(self, user_id: UUID | int) -> User:
        """Remove a user.

        Raises:
            Conflict: if it is the last administrator.
        """
        for role in (await self.get_user(user_id)).roles:
            await self._require_another_administrator(role)
        return await super().delete_user(user_id)

    async def _require_another_administrator(self, role: Role) -> None:
        if role.name == ADMINISTRATOR and await self._count_administrators(role) == 1:
            raise Conflict("This is the last administrator. Make somebody else one first.")

    async def _count_administrators(self, role: Role) -> int:
        # The lock makes a second request wait for the first, so that two cannot remove two administrators at once.
        await self.session.execute(select(Role.id).where(Role.id == role.id).with_for_update())
        held = select(func.count()).select_from(user_role).where(user_role.c.role_id == role.id)
        return await self.session.scalar(held) or 0


UNCHANGEABLE = f"The role {ADMINISTRATOR} keeps its name and all permissions. Make another role instead."


def _checked(role: Role) -> Role:
    if not role.name.strip():
        raise InvalidField("name", "Say what the role is called.")
    if unknown := sorted(set(role.permissions) - set(Permission)):
        raise InvalidField("permissions", f"There is no {', '.join(unknown)}. There are: {', '.join(Permission)}.")
    role.permissions = sorted(set(role.permissions))
    return role
