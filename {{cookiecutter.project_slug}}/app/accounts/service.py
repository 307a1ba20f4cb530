"""What can be done to an account: the methods of litestar-users, holding what this service promises."""

from typing import Any

from advanced_alchemy.exceptions import IntegrityError
from litestar import Request
from litestar_users.service import BaseUserService
from sqlalchemy import delete
from sqlalchemy import func
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import addresses
from app.accounts import passwords
from app.accounts import throttle
from app.accounts import tokens
from app.accounts.mail import Mail
from app.accounts.throttle import Action
from app.accounts.tokens import Purpose
from app.errors import InvalidField
from app.models import User
from app.models import UserSession
from app.repositories import copy_named
from app.settings import Settings


class AccountService(BaseUserService[User, Any, Any]):  # type: ignore[type-var]  # its protocol wants `id` to be a union
    """Registration, verification, sign-in and recovery; `mails` are to be sent once the transaction is stored."""

    def __init__(self, **dependencies: Any) -> None:
        super().__init__(**dependencies)
        self.mails: list[Mail] = []

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
    def hasher(self) -> passwords.Hasher:
        """What hashes passwords."""
        return passwords.hasher_for(self.settings)

    async def sign_up(self, email: str, password: str) -> None:
        """Register, or tell the owner of a known address that somebody tried; the caller learns nothing (ASVS 6.3.8).

        Raises:
            InvalidField: if this is not an e-mail address, or the password is easily guessed.
        """
        passwords.require_good(password, email, self.settings)
        try:
            async with self.session.begin_nested():
                await self.register({"email": email, "password": password})
        except IntegrityError:
            self.mails.append(Mail("already-registered", addresses.normalise(email)))

    async def register(self, data: dict[str, Any], request: Request[Any, Any, Any] | None = None) -> User:  # noqa: ARG002  # as litestar-users declares it
        """Store a new user who can sign in once the address is verified.

        Raises:
            InvalidField: if this is not an e-mail address.
            IntegrityError: if the address has an account.
        """
        password_hash = await self.hasher.digest(data.pop("password"))
        try:
            user = User(**data, password_hash=password_hash)
        except ValueError as error:
            raise InvalidField("email", str(error)) from error
        await self.add_user(user)
        await self.initiate_verification(user)
        return user

    async def authenticate(self, data: Any, request: Request[Any, Any, Any] | None = None) -> User | None:  # noqa: ARG002  # as litestar-users declares it
        """The user with this address and password, if there is one who is verified and active."""
        user = await self.find(data.email)
        # Nothing is written yet: this gives the connection back, since the hash takes longer than all statements do.
        await self.session.commit()
        # The hash is computed for unknown addresses too, so time does not tell who has an account.
        is_right, new_hash = await self.hasher.verify(data.password, user.password_hash if user else None)
        if user is None or not is_right or not await self._is_still_so(user):
            return None
        user.password_hash = new_hash or user.password_hash
        return user

    async def _is_still_so(self, user: User) -> bool:
        # A reset may have come while the hash was computed: this sign-in must not outlive it, nor put the old password
        # back. The lock makes a later reset wait, so that it ends this sign-in too.
        unchanged = select(User.id).where(User.id == user.id, User.password_hash == user.password_hash)
        allowed = unchanged.where(User.is_active, User.is_verified).with_for_update()
        return await self.session.scalar(allowed) is not None

    async def initiate_verification(self, user: User) -> None:
        """Mail a link that proves the address."""
        token = await tokens.issue(self.session, user, Purpose.VERIFY)
        self.mails.append(Mail("verify", user.email, token))

    async def repeat_verification(self, email: str) -> None:
        """Mail that link again, if somebody unverified has this address."""
        user = await self.find(email)
        if user and not user.is_verified:
            await self.initiate_verification(user)

    async def verify(self, encoded_token: str, request: Request[Any, Any, Any] | None = None) -> User:  # noqa: ARG002  # as litestar-users declares it
        """The user whose address the token proves, verified from now on.

        Raises:
            InvalidToken: if the token is used, expired or unknown.
        """
        user = await tokens.consume(self.session, encoded_token, Purpose.VERIFY)
        user.is_verified = True
        return user

    async def initiate_password_reset(self, email: str) -> None:
        """Mail a link that lets its owner choose a password, if somebody active has this address."""
        user = await self.find(email)
        if user and user.is_active:
            token = await tokens.issue(self.session, user, Purpose.RESET_PASSWORD)
            self.mails.append(Mail("reset-password", user.email, token))

    async def reset_password(self, encoded_token: str, password: str) -> None:
        """Store a new password, end every sign-in and tell the owner; the link has also proven the address.

        Raises:
            InvalidToken: if the token is used, expired or unknown.
            InvalidField: if the password is easily guessed; the token still works then.
        """
        user = await tokens.consume(self.session, encoded_token, Purpose.RESET_PASSWORD)
        passwords.require_good(password, user.email, self.settings)
        user.password_hash = await self.hasher.digest(password)
        user.is_verified = True
        await self.session.execute(delete(UserSession).where(UserSession.user_id == user.id))
        await throttle.reopen(self.session, self.settings, Action.SIGN_IN, user.email)
        self.mails.append(Mail("password-changed", user.email))

    async def update_user(self, user: User) -> User:
        """Change what `user`, a partial row, names; passwords have their own ways.

        Raises:
            InvalidField: if a column cannot hold what it is given.
        """
        stored = await self.get_user(user.id)
        copy_named(user, stored, never=frozenset({"id", "password_hash"}))
        await self.session.flush()
        return stored

    async def find(self, email: str) -> User | None:
        """The user with this address, however it is spelled."""
        try:
            email = addresses.normalise(email)
        except ValueError:
            return None
        return (await self.session.scalars(select(User).where(func.lower(User.email) == email))).one_or_none()
