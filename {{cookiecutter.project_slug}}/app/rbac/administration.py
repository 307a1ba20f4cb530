"""What administrators do to users."""

from uuid import UUID

from litestar.pagination import OffsetPagination
from sqlalchemy import func
from sqlalchemy import inspect
from sqlalchemy import select

from app.accounts import audit
from app.accounts import outbox
from app.accounts import ownership
from app.accounts.audit import Facts
from app.accounts.mail import Letter
from app.errors import Conflict
from app.errors import InvalidField
from app.locks import lock_user
from app.models import Role
from app.models import User
from app.paging import Page
from app.paging import part_of
from app.permissions import Permission
from app.rbac.directory import Wanted
from app.rbac.directory import users_matching
from app.rbac.events import AdministrationLetter
from app.rbac.events import Event
from app.rbac.service import RoleService
from app.rbac.service import require_reach
from app.repositories import copy_named


class AdministrationService(RoleService):
    """Users as their administrators see and change them; nobody touches somebody who may do more."""

    async def list_users(self, wanted: Wanted, page: Page) -> OffsetPagination[User]:
        """A page of the users that are looked for."""
        return await part_of(self.session, users_matching(wanted), page)

    async def invite_with_roles(self, email: str, names: list[str]) -> User:
        """Store a user with these roles, and mail a link that lets its owner choose a password.

        Raises:
            Conflict: if the address is proven, or the account is deactivated.
            InvalidField: if this is no address, or there is no such role.
            PermissionDeniedException: if the roles permit what the caller may not do.
        """
        roles = await self._roles_named(names)
        if roles:
            require_reach([Permission.ROLES_MANAGE, *(each for role in roles for each in role.granted)])
        user = await self.invite(email)
        if roles:
            # An administrator has decided who this is for: only another decision takes the account away.
            user.unproven_until = None
        for role in roles:
            if role not in user.roles:
                await self.assign_role(user.id, role.id)
        return user

    async def _roles_named(self, names: list[str]) -> list[Role]:
        wanted = {name.strip().lower() for name in names}
        roles = [*await self.session.scalars(select(Role).where(func.lower(Role.name).in_(wanted)))]
        if unknown := sorted(wanted - {role.name.lower() for role in roles}):
            raise InvalidField("roles", f"There is no role {', '.join(unknown)}.")
        return roles

    async def change_user(self, user_id: UUID, data: User) -> User:
        """Change what `data`, a partial row, names; a user who can no longer sign in is signed out everywhere.

        Vouching for an unproven address removes what the sign-up left, and mails its owner a link to a password.

        Raises:
            Conflict: if it would leave no administrator who can sign in.
            InvalidField: if a column cannot hold what it is given.
            NotFoundError: if there is no such user.
            PermissionDeniedException: if the user may do what the caller may not.
        """
        user = await self._within_reach(user_id)
        before, was_in = _facts_of(user), user.is_active and user.is_verified
        if inspect(data).dict.get("is_verified") and not user.is_verified:
            await self._vouch_for(user)
        copy_named(data, user)
        if was_in and not (user.is_active and user.is_verified):
            await self.require_another_administrator(user)
            await self.end_credentials(user)
        after = _facts_of(user)
        changed = {name for name in after if after[name] != before[name]}
        audit.record(
            self.session,
            Event.USER_CHANGED,
            user.id,
            before={name: before[name] for name in changed},
            after={name: after[name] for name in changed},
        )
        return user

    async def _vouch_for(self, user: User) -> None:
        # The caller knows who has the address, and not who chose the password.
        await ownership.hand_over(self.session, user)
        outbox.put(self.session, AdministrationLetter.CONFIRMED, user.email, user.id)

    async def start_reset(self, user_id: UUID) -> None:
        """Mail the user a link that sets a new password; the administrator never sees it or one (ASVS 6.4.6).

        Raises:
            Conflict: if the user is deactivated, and would get no mail.
            NotFoundError: if there is no such user.
            PermissionDeniedException: if the user may do what the caller may not.
        """
        user = await self._within_reach(user_id)
        if not user.is_active:
            raise Conflict("The user is deactivated. Activate the account first.")
        outbox.put(self.session, Letter.RESET_PASSWORD, user.email, user.id)
        audit.record(self.session, Event.RESET_STARTED, user.id)

    async def remove(self, user_id: UUID) -> None:
        """Delete the user and everything that belongs to them.

        Raises:
            Conflict: if it is the last administrator.
            NotFoundError: if there is no such user.
            PermissionDeniedException: if the user may do what the caller may not.
        """
        await self.delete_account((await self._within_reach(user_id)).id)

    async def _within_reach(self, user_id: UUID) -> User:
        user = await lock_user(self.session, user_id)
        require_reach(user.permissions)
        return user


def _facts_of(user: User) -> Facts:
    return {"is_active": user.is_active, "is_verified": user.is_verified, "display_name": user.display_name}
