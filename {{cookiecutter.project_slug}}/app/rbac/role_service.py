"""Roles: the methods of litestar-users, with the rules of this service."""

import re
from collections.abc import Iterable
from uuid import UUID

from litestar.exceptions import PermissionDeniedException
from sqlalchemy import func
from sqlalchemy import inspect
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import audit
from app.accounts.audit import Facts
from app.accounts.passwords import hasher
from app.accounts.service_base import AccountService
from app.http.current_request import current_request
from app.http.errors import Conflict
from app.http.errors import InvalidField
from app.models import Role
from app.models import User
from app.models import user_role
from app.permissions import ADMINISTRATOR
from app.permissions import Permission
from app.rbac.acts import begin
from app.rbac.audit_events import AdministrationEvent
from app.repositories import copy_named


class RoleService(AccountService):
    """Accounts and their roles: callers give and take no more than they hold, and an administrator always remains."""

    async def list_roles(self) -> list[Role]:
        """All roles by name."""
        return [*await self.session.scalars(select(Role).order_by(func.lower(Role.name)))]

    async def get_role_by_name(self, name: str) -> Role:
        """The role with this name, in upper or lower case.

        Raises:
            NotFoundError: if there is none.
        """
        assert self.role_repository is not None
        role: Role = await self.role_repository.get_one(func.lower(Role.name) == name.strip().lower())
        return role

    async def add_role(self, data: Role) -> Role:
        """Store a new role.

        Raises:
            InvalidField: if its name is not allowed, or it permits something that does not exist.
            IntegrityError: if the name is taken, in upper or lower case.
            PermissionDeniedException: if it permits what the caller may not do.
        """
        await begin(self.session, Permission.ROLES_MANAGE)
        copy_named(data, new := Role(permissions=[]))
        require_reach(_checked(new).permissions)
        role: Role = await super().add_role(new)
        audit.record(self.session, AdministrationEvent.ROLE_CREATED, role.id, after=facts_of(role))
        return role

    async def update_role(self, data: Role) -> Role:
        """Change what `data`, a partial row, names.

        Raises:
            Conflict: if it is the administrators' role, which has every permission under a name that code relies on.
            InvalidField: if its new name is not allowed, or it permits something that does not exist.
            NotFoundError: if there is no such role.
            PermissionDeniedException: if it permits what the caller may not do, before or after.
        """
        stored = (await begin(self.session, Permission.ROLES_MANAGE, role_ids=[data.id])).roles[data.id]
        if stored.name == ADMINISTRATOR and inspect(data).dict.keys() & {"name", "permissions"}:
            raise Conflict(UNCHANGEABLE)
        before = facts_of(stored)
        # Before anything changes: it may be a role of the caller's own.
        require_reach([*stored.granted, *(inspect(data).dict.get("permissions") or [])])
        copy_named(data, stored)
        is_changed = self.session.is_modified(_checked(stored, before["name"]))
        role: Role = await super().update_role(stored)
        if is_changed:
            audit.record(self.session, AdministrationEvent.ROLE_CHANGED, role.id, before=before, after=facts_of(role))
        return role

    async def delete_role(self, role_id: UUID | int) -> Role:
        """Delete a role; its members lose its permissions, which is entered for each of them.

        Raises:
            Conflict: if it is the administrators' role.
            NotFoundError: if there is no such role.
            PermissionDeniedException: if it permits what the caller may not do.
        """
        stored = (await begin(self.session, Permission.ROLES_MANAGE, role_ids=[role_id])).roles[role_id]
        if stored.name == ADMINISTRATOR:
            raise Conflict(UNCHANGEABLE)
        require_reach(stored.granted)
        members = select(user_role.c.user_id).where(user_role.c.role_id == stored.id)
        await audit.record_for_each(
            self.session, AdministrationEvent.ROLE_REVOKED, members, before={"role": stored.name}
        )
        audit.record(self.session, AdministrationEvent.ROLE_DELETED, stored.id, before=facts_of(stored))
        role: Role = await super().delete_role(role_id)
        return role

    async def assign_role(self, user_id: UUID | int, role_id: UUID | int) -> User:
        """Give a role to a user.

        Raises:
            Conflict: if the user has it, or has not proven the address, and may be a stranger.
            NotFoundError: if there is no such user or role.
            PermissionDeniedException: if it permits what the caller may not do.
        """
        user, role = await self._pair(user_id, role_id)
        if role in user.roles:
            raise Conflict(f"The user already has the role {role.name}.")
        if not user.is_verified and user.password_hash != hasher.NONE:
            raise Conflict("The user has not confirmed the address yet.")
        require_reach(role.granted)
        user.unproven_until = None
        audit.record(self.session, AdministrationEvent.ROLE_ASSIGNED, user.id, after={"role": role.name})
        return await super().assign_role(user_id, role_id)

    async def revoke_role(self, user_id: UUID | int, role_id: UUID | int) -> User:
        """Take a role from a user.

        Raises:
            Conflict: if the user does not have it, or is the last administrator.
            NotFoundError: if there is no such user or role.
            PermissionDeniedException: if it permits what the caller may not do.
        """
        user, role = await self._pair(user_id, role_id)
        if role not in user.roles:
            raise Conflict(f"The user does not have the role {role.name}.")
        require_reach(role.granted)
        if role.name == ADMINISTRATOR:
            await require_another_administrator(self.session, user)
        audit.record(self.session, AdministrationEvent.ROLE_REVOKED, user.id, before={"role": role.name})
        return await super().revoke_role(user_id, role_id)

    async def _pair(self, user_id: UUID | int, role_id: UUID | int) -> tuple[User, Role]:
        locked = await begin(self.session, Permission.ROLES_MANAGE, user_ids=[user_id], role_ids=[role_id])
        return locked.users[user_id], locked.roles[role_id]

    async def lock_to_delete(self, user_id: UUID | int) -> None:
        """Lock a user who is about to be deleted.

        Raises:
            Conflict: if it is the last administrator.
            NotAuthorizedException: if it is the caller, whose account was deleted after this request began.
            NotFoundError: if there is no such user.
        """
        locked = await begin(self.session, user_ids=[user_id], deletes_user=True)
        await require_another_administrator(self.session, locked.users[user_id])


async def require_another_administrator(session: AsyncSession, user: User) -> None:
    """Require that another administrator can sign in if this user is one; `begin` has locked the user.

    Raises:
        Conflict: if this is the last one.
    """
    # Not `role_names`, which are empty for the caller in a request with a token.
    if all(role.name != ADMINISTRATOR for role in user.roles):
        return
    others = select(User.id).where(User.id != user.id, User.is_active, User.is_verified)
    if await session.scalar(others.where(User.roles.any(Role.name == ADMINISTRATOR)).limit(1)) is None:
        raise Conflict("This is the last administrator. Make another user an administrator first.")


def require_reach(permissions: Iterable[str]) -> None:
    """Require that the caller holds these permissions; the command line may decide over all of them.

    Raises:
        PermissionDeniedException: if the caller lacks one of these permissions.
    """
    user = current_request().user
    if user is not None and set(permissions) & set(Permission) - set(user.permissions):
        raise PermissionDeniedException


def facts_of(role: Role) -> Facts:
    """The facts about a role in the audit trail."""
    return {"name": role.name, "description": role.description, "permissions": [*role.permissions]}


UNCHANGEABLE = f"The role {ADMINISTRATOR} keeps its name and all permissions. Make another role instead."
# ASCII, since letters of other alphabets look like these; names that differ in case alone are kept apart by an index.
NAME = re.compile(r"[A-Za-z0-9]+([ ._-][A-Za-z0-9]+)*")
PLAIN = "Use letters from a to z and digits, and between them single spaces, dots, hyphens or underscores."


def _checked(role: Role, former_name: str | None = None) -> Role:
    role.name = role.name.strip()
    # A name from before this rule stays as it is.
    if role.name != former_name and not NAME.fullmatch(role.name):
        raise InvalidField("name", PLAIN)
    if unknown := sorted(set(role.permissions) - set(Permission)):
        raise InvalidField("permissions", f"Unknown: {', '.join(unknown)}. Use: {', '.join(Permission)}.")
    role.permissions = sorted(set(role.permissions))
    return role
