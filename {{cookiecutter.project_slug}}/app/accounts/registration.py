"""How accounts begin: somebody signs up, or is invited."""

from uuid import uuid4

from sqlalchemy.dialects.postgresql import insert

from app.accounts import audit
from app.accounts import outbox
from app.accounts import passwords
from app.accounts.audit import Event
from app.accounts.mail import Letter
from app.accounts.schemas import Registration
from app.accounts.schemas import address_in
from app.accounts.service import ALONE
from app.accounts.service import AccountService
from app.models import User
from app.repositories import copy_named


class RegistrationService(AccountService):
    """New accounts."""

    async def sign_up(self, data: Registration, *, is_told: bool = True) -> None:
        """Register, or tell the owner of a known address that somebody tried; the caller learns nothing (ASVS 6.3.8).

        Whoever has the address gets one mail in each case, unless they got too many.

        Raises:
            InvalidField: if this is not an e-mail address, or the password is easily guessed.
        """
        email = address_in(data.email)
        passwords.require_good(data.password, email, self.settings)
        owner = await self.find(email, ALONE)
        is_again, is_new = await self._has_password(owner, data.password, email), False
        if self.settings.admits(email):
            user = User(id=uuid4(), email=email, password_hash=await self.hasher.digest(data.password, email))
            copy_named(User(display_name=data.display_name), user)
            is_new = await self._is_new(user)
            if is_new:
                owner, is_again = user, True
            elif owner is None:
                # Another request with this address was faster by a moment.
                owner = await self.find(email, ALONE)
                is_again = await self._has_password(owner, data.password, email)
        letter = self._letter_to(owner, is_again=is_again)
        audit.record(self.session, self._event_of(owner, is_new=is_new), owner.id if owner else None)
        if is_told:
            outbox.put(self.session, letter, email)

    async def _has_password(self, user: User | None, password: str, email: str) -> bool:
        # Nothing is written yet: this gives the connection back, since the hash takes longer than all statements do.
        await self.session.commit()
        return (await self.hasher.verify(password, user.password_hash if user else None, email)).is_right

    def _letter_to(self, owner: User | None, *, is_again: bool) -> Letter:
        if owner is None:
            return Letter.REGISTRATION_CLOSED
        # Who knows the password of an account that nobody has verified is whoever has just made it.
        return Letter.VERIFY if is_again and not owner.is_verified else Letter.ALREADY_REGISTERED

    def _event_of(self, owner: User | None, *, is_new: bool) -> Event:
        if owner is None:
            return Event.REGISTRATION_REFUSED
        return Event.REGISTERED if is_new else Event.REGISTERED_AGAIN

    async def _is_new(self, user: User) -> bool:
        # One statement in both cases: parallel requests are judged by the index, and all of them cost the same.
        insertion = insert(User).values(
            id=user.id,
            email=user.email,
            password_hash=user.password_hash,
            display_name=user.display_name,
            is_active=True,
            is_verified=False,
        )
        stored = await self.session.execute(insertion.on_conflict_do_nothing().returning(User.id))
        return stored.one_or_none() is not None

    async def invite(self, email: str) -> User:
        """Store a user without a password, and mail a link that lets its owner choose one.

        Raises:
            InvalidField: if this is not an e-mail address.
            IntegrityError: if somebody has confirmed that the address is theirs.
        """
        user = await self._without_password(address_in(email))
        audit.record(self.session, Event.INVITED, user.id)
        outbox.put(self.session, Letter.INVITATION, user.email)
        return user

    async def vouch_for(self, email: str, password: str) -> User:
        """Store a user who can sign in at once.

        Raises:
            InvalidField: if this is not an e-mail address, or the password is easily guessed.
            IntegrityError: if somebody has confirmed that the address is theirs.
        """
        passwords.require_good(password, email, self.settings)
        password_hash = await self.hasher.digest(password, email)
        user = await self._without_password(address_in(email))
        user.password_hash, user.is_verified = password_hash, True
        audit.record(self.session, Event.CREATED, user.id)
        return user

    async def _without_password(self, email: str) -> User:
        user = await self.find(email)
        if user is None or user.is_verified:
            user = await self.add_user(User(email=email, password_hash=passwords.NONE))
        # Whoever has signed up with the address and not confirmed it may be somebody else.
        user.password_hash = passwords.NONE
        await self.end_credentials(user)
        return user
