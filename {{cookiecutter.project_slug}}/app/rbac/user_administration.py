"""The administration of users."""

from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from advanced_alchemy.exceptions import NotFoundError
from sqlalchemy import func
from sqlalchemy import inspect
from sqlalchemy import select

from app import clock
from app.accounts import audit
from app.accounts import ownership
from app.accounts.audit import Facts
from app.accounts.mail import outbox
from app.accounts.mail.letters import Letter
from app.accounts.schemas import parse_email
from app.accounts.service_base import AccountService
from app.auth import devices
from app.auth.devices import Device
from app.http.current_request import current_request
from app.http.errors import Conflict
from app.http.errors import InvalidField
from app.models import Role
from app.models import User
from app.permissions import Permission
from app.rbac.acts import begin
from app.rbac.audit_events import AdministrationEvent
from app.rbac.audit_events import AdministrationLetter
from app.rbac.role_service import require_another_administrator
from app.rbac.role_service import require_reach
from app.repositories import copy_named


class AdministrationService(AccountService):
    """Users as administrators see and change them; an administrator acts on no user who may do more."""

    async def invite_with_roles(self, email: str, names: list[str]) -> User:
        """Store a user with these roles, and mail a link that lets its owner choose a password.

        Raises:
            Conflict: if the address is proven, the account is deactivated, or an invitation was mailed just now.
            InvalidField: if this is no address, or there is no such role.
            PermissionDeniedException: if the roles, or those that the user has, permit what the caller may not do.
        """
        roles = await self._lock_invited(parse_email(email), names)
        require_reach(permission for role in roles for permission in role.granted)
        user = await self.invite(email)
        if roles:
            # An administrator has created this account, so only an administrator removes it.
            user.unproven_until = None
        for role in roles:
            if role not in user.roles:
                user.roles.append(role)
                audit.record(self.session, AdministrationEvent.ROLE_ASSIGNED, user.id, after={"role": role.name})
        return user

    async def _lock_invited(self, email: str, names: list[str]) -> list[Role]:
        """The roles with these names, locked, as are the address and the account that has it, if there is one."""
        by = current_request().user_id
        owner = await ownership.lock_email(self.session, email, *([by] if by else []))
        role_ids = [role.id for role in await self._roles_named(names)]
        needed = [Permission.USERS_MANAGE, Permission.ROLES_MANAGE] if names else [Permission.USERS_MANAGE]
        try:
            locked = await begin(self.session, *needed, user_ids=[owner.id] if owner else [], role_ids=role_ids)
        except NotFoundError as error:
            raise Conflict("A role was deleted at the same moment. Try again.") from error
        if owner:
            require_reach(owner.permissions)
            await self._require_first(audit.Event.INVITED, owner)
        return [locked.roles[role_id] for role_id in role_ids]

    async def _roles_named(self, names: list[str]) -> list[Role]:
        wanted = {name.strip().lower() for name in names}
        roles = [*await self.session.scalars(select(Role).where(func.lower(Role.name).in_(wanted)))]
        if unknown := sorted(wanted - {role.name.lower() for role in roles}):
            raise InvalidField("roles", f"Unknown: {', '.join(unknown)}.")
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
        user = await self.within_reach(user_id, Permission.USERS_MANAGE)
        before, was_in = _facts_of(user), user.is_active and user.is_verified
        if inspect(data).dict.get("is_verified") and not user.is_verified:
            await self._vouch_for(user)
        copy_named(data, user)
        if was_in and not (user.is_active and user.is_verified):
            await require_another_administrator(self.session, user)
            await ownership.end_access(self.session, user)
        after = _facts_of(user)
        if changed := {name for name in after if after[name] != before[name]}:
            audit.record(
                self.session,
                audit.Event.USER_CHANGED,
                user.id,
                before={name: before[name] for name in changed},
                after={name: after[name] for name in changed},
            )
        return user

    async def set_active(self, user_id: UUID, *, is_active: bool) -> None:
        """See `change_user`."""
        await self.change_user(user_id, User(is_active=is_active))

    async def _vouch_for(self, user: User) -> None:
        # The caller vouches for the owner of the address, who may not be the person who chose the password.
        await ownership.hand_over(self.session, user)
        outbox.put(self.session, AdministrationLetter.CONFIRMED, user.email, user.id)
        await self.post_verification_hook(user)

    async def start_reset(self, user_id: UUID) -> None:
        """Mail the user a link to set a new password; the administrator sees neither (ASVS 6.4.6).

        Raises:
            Conflict: if the user is deactivated and would get no mail, or was mailed such a link just now.
            NotFoundError: if there is no such user.
            PermissionDeniedException: if the user may do what the caller may not.
        """
        user = await self.within_reach(user_id, Permission.USERS_MANAGE)
        if not user.is_active:
            raise Conflict("The user is deactivated. Activate the account first.")
        await self._require_first(AdministrationEvent.RESET_STARTED, user)
        outbox.put(self.session, Letter.RESET_PASSWORD, user.email, user.id)
        audit.record(self.session, AdministrationEvent.RESET_STARTED, user.id)

    async def list_devices(self, user_id: UUID) -> list[Device]:
        """The sign-ins of the user, the latest seen first.

        Raises:
            NotFoundError: if there is no such user.
        """
        user: User = await self.get_user(user_id)
        return await devices.of_user(self.session, user.id)

    async def sign_out(self, user_id: UUID, session_id: UUID) -> None:
        """End one sign-in of the user.

        Raises:
            NotFoundError: if there is no such user, or the user has no such sign-in.
            PermissionDeniedException: if the user may do what the caller may not.
        """
        user = await self.within_reach(user_id, Permission.SESSIONS_MANAGE)
        if not await devices.end(self.session, user.id, session_id):
            raise NotFoundError
        audit.record(self.session, audit.Event.SIGNED_OUT, user.id)

    async def sign_out_everywhere(self, user_id: UUID) -> None:
        """End every sign-in of the user.

        Raises:
            NotFoundError: if there is no such user.
            PermissionDeniedException: if the user may do what the caller may not.
        """
        user = await self.within_reach(user_id, Permission.SESSIONS_MANAGE)
        if await devices.end_all(self.session, user.id):
            audit.record(self.session, AdministrationEvent.ALL_SIGNED_OUT, user.id)

    async def remove(self, user_id: UUID) -> None:
        """Delete the user and everything that belongs to them.

        Raises:
            Conflict: if it is the last administrator.
            NotFoundError: if there is no such user.
            PermissionDeniedException: if the user may do what the caller may not.
        """
        await self.within_reach(user_id, Permission.USERS_MANAGE, deletes_user=True)
        await self.delete_account(user_id)

    async def _require_first(self, event: StrEnum, user: User) -> None:
        """Refuse a second mail within a few seconds, also of several requests at the same moment."""
        if await audit.is_recorded_since(self.session, event, user.id, clock.now() - JUST_NOW):
            raise Conflict("This user was mailed a link just now. Wait ten seconds before you send another one.")

    async def within_reach(self, user_id: UUID, needed: Permission, *, deletes_user: bool = False) -> User:
        """The user, locked; the caller holds the `needed` permission and all of the user's."""
        locked = await begin(self.session, needed, user_ids=[user_id], deletes_user=deletes_user)
        require_reach(locked.users[user_id].permissions)
        return locked.users[user_id]


JUST_NOW = timedelta(seconds=10)


def _facts_of(user: User) -> Facts:
    return {"is_active": user.is_active, "is_verified": user.is_verified, "display_name": user.display_name}
