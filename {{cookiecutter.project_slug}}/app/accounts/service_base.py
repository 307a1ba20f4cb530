"""What the parts of `UserService` share, and what they ask of one another."""

from abc import ABC
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from litestar import Request
from litestar_users.service import BaseUserService
from sqlalchemy import ColumnElement
from sqlalchemy import func
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.base import ExecutableOption

from app import email_address
from app.accounts import audit
from app.accounts import ownership
from app.accounts.audit import Event
from app.accounts.mail import outbox
from app.accounts.mail.letters import Letter
from app.accounts.passwords import hasher
from app.accounts.row_locks import lock_user
from app.models import User
from app.settings import Settings


class AccountService(BaseUserService[User, Any, Any], ABC):  # type: ignore[type-var]  # its protocol wants `id` to be a union
    """The base of every part of `UserService`, over the service of litestar-users."""

    @property
    def session(self) -> AsyncSession:
        """The session of the request or command."""
        session = self.user_repository.session
        assert isinstance(session, AsyncSession)
        return session

    @property
    def settings(self) -> Settings:
        """The settings of the application."""
        settings: Settings = self.session.info["settings"]
        return settings

    @property
    def hasher(self) -> hasher.Hasher:
        """Computes and checks password hashes."""
        return hasher.hasher_for(self.settings)

    async def find(
        self, email: str, *options: ExecutableOption, conditions: Sequence[ColumnElement[bool]] = ()
    ) -> User | None:
        """The user with this e-mail address, in any spelling, if it meets the conditions."""
        try:
            email = email_address.normalise_email(email)
        except ValueError:
            return None
        found = select(User).where(func.lower(User.email) == email, *conditions).options(*options)
        return (await self.session.scalars(found)).one_or_none()

    def mail_to(self, email: str, letter: Letter) -> None:
        """Send a mail to the account that has this e-mail address when the mail is sent, if there is one."""
        # An invalid address has no account. The response does not tell that either.
        with suppress(ValueError):
            outbox.put(self.session, letter, email_address.normalise_email(email))

    async def set_active(self, user_id: UUID, *, is_active: bool) -> None:
        """Activate or deactivate a user; a deactivated user is signed out everywhere and has no access tokens.

        Raises:
            NotFoundError: if there is no such user.
        """
        user = await lock_user(self.session, user_id)
        if user.is_active is is_active:
            return
        user.is_active = is_active
        if not is_active:
            await ownership.end_access(self.session, user)
        before, after = {"is_active": not is_active}, {"is_active": is_active}
        audit.record(self.session, Event.USER_CHANGED, user.id, before=before, after=after)

    @abstractmethod
    async def is_admitted(self, email: str, user: User | None, request: Request[Any, Any, Any]) -> bool:
        """See `SignInService`."""

    @abstractmethod
    async def require_password(self, user: User, password: str, field: str = "password") -> None:
        """See `SignInService`."""

    @abstractmethod
    async def invite(self, email: str) -> User:
        """See `RegistrationService`."""

    @abstractmethod
    async def delete_account(self, user_id: UUID) -> None:
        """See `ProfileService`."""
