"""What can be done to an account without being signed in: the methods of litestar-users, holding what we promise."""

from contextlib import suppress
from typing import Any

from litestar import Request
from litestar_users.service import BaseUserService
from sqlalchemy import func
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload
from sqlalchemy.sql.base import ExecutableOption

from app import email_address
from app.accounts import audit
from app.accounts import one_time_tokens
from app.accounts import ownership
from app.accounts.audit import Event
from app.accounts.mail import outbox
from app.accounts.mail.letters import Letter
from app.accounts.one_time_tokens import Purpose
from app.accounts.ownership import ALONE
from app.accounts.passwords import hasher
from app.accounts.passwords import policy
from app.database.transactions import release_connection
from app.models import User
from app.repositories import eager_relationships
from app.settings import Settings


class AccountService(BaseUserService[User, Any, Any]):  # type: ignore[type-var]  # its protocol wants `id` to be a union
    """Verification, sign-in and recovery; what they tell by mail leaves once it is stored."""

    @property
    def session(self) -> AsyncSession:
        """The session of the request."""
        session = self.user_repository.session
        assert isinstance(session, AsyncSession)
        return session

    @property
    def settings(self) -> Settings:
        """The settings of this installation."""
        settings: Settings = self.session.info["settings"]
        return settings

    @property
    def hasher(self) -> hasher.Hasher:
        """What hashes passwords."""
        return hasher.hasher_for(self.settings)

    async def authenticate(self, data: Any, request: Request[Any, Any, Any] | None = None) -> User | None:  # noqa: ARG002  # as litestar-users declares it
        """The user with this address and password, if there is one who is verified and active."""
        user = await self.find(data.email, ALONE)
        if await self.proves(user, data.password, data.email):
            return user
        await audit.record_refusal(self.session, Event.SIGN_IN_FAILED, user.id if user else None)
        return None

    async def proves(self, user: User | None, password: str, email: str) -> bool:
        """Whether the password is that of a user who may sign in; takes as long if no user has the address."""
        await release_connection(self.session)
        verdict = await self.hasher.verify(password, user.password_hash if user else None, email)
        if user is None or not (verdict.is_right and user.is_active and user.is_verified):
            return False
        # Only now: a hash more would tell the right password of an account that may not sign in.
        new_hash = await self.hasher.digest(password, email) if verdict.is_outdated else None
        # A reset may have come while the hash was computed: this proof must not outlive it, nor put the old password
        # back. The lock makes a later reset wait, so that it ends this sign-in too.
        along = [joinedload(relation.class_attribute) for relation in eager_relationships()]
        unchanged = select(User).where(User.id == user.id, User.password_hash == user.password_hash).options(*along)
        allowed = unchanged.where(User.is_active, User.is_verified).with_for_update(key_share=True, of=User)
        found = await self.session.scalars(allowed, execution_options={"populate_existing": True})
        is_still_so = found.unique().one_or_none() is not None
        if is_still_so and new_hash is not None:
            user.password_hash = new_hash
        return is_still_so

    async def initiate_verification(self, user: User) -> None:
        """Mail a link that proves the address."""
        self.repeat_verification(user.email)

    def repeat_verification(self, email: str) -> None:
        """Mail that link, if somebody unverified has this address by the time the mail is sent."""
        self._write_to(email, Letter.VERIFY)

    async def verify(self, encoded_token: str, request: Request[Any, Any, Any] | None = None) -> User:  # noqa: ARG002  # as litestar-users declares it
        """The user whose address the token proves, verified from now on.

        Raises:
            InvalidToken: if the token is used, expired or unknown.
        """
        user, _ = await one_time_tokens.consume(self.session, encoded_token, Purpose.VERIFY)
        # Both are of the sign-up that the link was sent for: any other would have ended the link.
        kept = {"password_hash": user.password_hash, "display_name": user.display_name}
        await ownership.hand_over(self.session, user, **kept)
        audit.record(self.session, Event.VERIFIED, user.id, actor=user.id)
        return user

    async def initiate_password_reset(self, email: str) -> None:
        """Mail a link that lets its owner choose a password, if somebody active has this address by then."""
        self._write_to(email, Letter.RESET_PASSWORD)

    def _write_to(self, email: str, letter: Letter) -> None:
        # What is no address has no owner to tell, and nobody is told that.
        with suppress(ValueError):
            outbox.put(self.session, letter, email_address.normalise_email(email))

    async def reset_password(self, encoded_token: str, password: str) -> None:
        """As `choose_password`, under the name that litestar-users gives it."""
        await self.choose_password(encoded_token, password)

    async def choose_password(self, encoded_token: str, password: str) -> User:
        """Store a new password, and leave the owner of the address as the only one who can get in.

        Raises:
            InvalidToken: if the token is used, expired or unknown.
            InvalidField: if the password is easily guessed; the token still works then.
        """
        purposes = (Purpose.RESET_PASSWORD, Purpose.ACCEPT_INVITATION)
        user, email = await one_time_tokens.find(self.session, encoded_token, *purposes)
        await release_connection(self.session)
        await policy.require_good(password, email, self.settings, name=user.display_name)
        password_hash = await self.hasher.digest(password, email)
        user, _ = await one_time_tokens.consume(self.session, encoded_token, *purposes)
        was_proven = user.is_verified
        name = user.display_name if was_proven else ""
        removed = await ownership.hand_over(self.session, user, password_hash=password_hash, display_name=name)
        audit.record(self.session, Event.PASSWORD_RESET, user.id, actor=user.id)
        if was_proven:
            outbox.put(self.session, Letter.PASSWORD_CHANGED, user.email, user.id, details=removed)
        return user

    async def end_credentials(self, user: User, *, but: Any = None) -> None:
        """End every sign-in of this user, except the one with this id, and every link that would start another."""
        await ownership.end_credentials(self.session, user, but=but)

    async def find(self, email: str, *options: ExecutableOption) -> User | None:
        """The user with this address, however it is spelled."""
        try:
            email = email_address.normalise_email(email)
        except ValueError:
            return None
        found = select(User).where(func.lower(User.email) == email).options(*options)
        return (await self.session.scalars(found)).one_or_none()
