"""How accounts begin: with a sign-up, an invitation, or a command."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import msgspec
from litestar import Request
from sqlalchemy import func
from sqlalchemy import inspect
from sqlalchemy import orm
from sqlalchemy.dialects.postgresql import insert

from app import clock
from app.accounts import audit
from app.accounts import known_networks
from app.accounts import one_time_tokens
from app.accounts import ownership
from app.accounts import trial_insert
from app.accounts.audit import Event
from app.accounts.mail import outbox
from app.accounts.mail.letters import Letter
from app.accounts.one_time_tokens import Purpose
from app.accounts.ownership import ALONE
from app.accounts.passwords import hasher
from app.accounts.passwords import policy
from app.accounts.schemas import Registration
from app.accounts.schemas import parse_email
from app.accounts.service_base import AccountService
from app.database.transactions import release_connection
from app.http.errors import Conflict
from app.http.errors import TooBusy
from app.models import User
from app.repositories import copy_named
from app.repositories import eager_relationships

# How often a password is compared again if the account changes meanwhile.
MAX_COMPARISONS = 5
# What no sign-up and no `pre_registration_hook` sets.
NEVER_GIVEN = frozenset({"id", "email", "password_hash", "is_active", "is_verified", "unproven_until"})


class RegistrationService(AccountService):
    """Creates accounts, and verifies their addresses."""

    async def sign_up(
        self, data: Registration, request: Request[Any, Any, Any] | None = None, *, is_told: bool = True
    ) -> None:
        """Create an account if the address has none and may sign up.

        If `is_told`, one mail goes to the address in each case. The caller does not learn whether it has an account
        (ASVS 6.3.8).

        Raises:
            InvalidField: if the e-mail address is invalid, or the password is easy to guess.
            TooBusy: if other requests keep changing the account.
        """
        given = msgspec.structs.asdict(data)
        await self.pre_registration_hook(given, request)
        email, password = parse_email(given.pop("email")), given.pop("password")
        await policy.require_good(password, email, self.settings, name=given["display_name"], is_sign_up=True)
        new = self._user(email, given)
        if is_admitted := self.settings.admits(email):
            new.password_hash = await self.hasher.digest(password, email, is_sign_up=True)
        owner, is_again = await self._compare(email, password)
        if created := (await self._insert(new) if is_admitted else None):
            owner, is_again = created, True
        # Without an account, the same statements run and find none.
        known = owner or User(id=uuid4(), email=email, password_hash=hasher.NONE, is_verified=True)
        await ownership.compare_sign_up(self.session, known, new.display_name, is_again=is_again)
        audit.record(self.session, self._event_of(owner, is_new=created is not None), owner.id if owner else None)
        if is_told:
            outbox.put(self.session, self._letter_to(owner, is_again=is_again), email)
        if created:
            await self.post_registration_hook(created, request)

    def _user(self, email: str, given: dict[str, Any]) -> User:
        new = User(id=uuid4(), email=email, unproven_until=ownership.unproven_until(self.settings))
        copy_named(User(**given), new, never=NEVER_GIVEN)
        return new

    async def _compare(self, email: str, password: str) -> tuple[User | None, bool]:
        """The account with this address, locked, and whether this is its password."""
        found = await self.find(email, ALONE)
        for _ in range(MAX_COMPARISONS):
            compared = found.password_hash if found else None
            await release_connection(self.session)
            verdict = await self.hasher.verify(password, compared, email, is_sign_up=True)
            found = await ownership.lock_email(self.session, email, options=[ALONE])
            if compared == (found.password_hash if found else None):
                return found, verdict.is_right
        raise TooBusy("the password hash of one account keeps changing")

    def _letter_to(self, owner: User | None, *, is_again: bool) -> Letter:
        if owner is None:
            return Letter.REGISTRATION_CLOSED
        # A caller who repeats the password of an unverified account is the one who created it.
        return Letter.VERIFY if is_again and not owner.is_verified else Letter.ALREADY_REGISTERED

    def _event_of(self, owner: User | None, *, is_new: bool) -> Event:
        if owner is None:
            return Event.REGISTRATION_REFUSED
        return Event.REGISTERED if is_new else Event.REGISTERED_AGAIN

    async def _insert(self, new: User) -> User | None:
        """The stored user, or None if the address has an account."""
        # One statement for new and known addresses, so that both take the same time.
        given = {key: value for key, value in inspect(new).dict.items() if key in inspect(User).columns}
        values = {**given, "is_active": True, "is_verified": False}
        if trial_insert.IS_COMPARED:
            await trial_insert.require_storable(self.session, values)
        insertion = insert(User).values(values)
        one = insertion.on_conflict_do_nothing(index_elements=[func.lower(User.email)]).returning(User)
        created = (await self.session.scalars(one.options(ALONE))).one_or_none()
        for relation in eager_relationships() if created else ():
            orm.attributes.set_committed_value(created, relation.key, [] if relation.uselist else None)
        return created

    async def initiate_verification(self, user: User) -> None:
        """Mail a link that confirms the address."""
        self.repeat_verification(user.email)

    def repeat_verification(self, email: str) -> None:
        """Mail that link, if an unverified account has this address when the mail is sent.

        If the account has no password, the link sets one instead.
        """
        self.mail_to(email, Letter.VERIFY)

    async def verify(self, encoded_token: str, request: Request[Any, Any, Any] | None = None) -> User:
        """Verify the user whose address the token proves.

        Raises:
            InvalidToken: if the token is used, expired or unknown.
        """
        user, _ = await one_time_tokens.consume(self.session, encoded_token, Purpose.VERIFY)
        # Both come from the sign-up that the link was sent for: another sign-up would have ended the link.
        kept, name = user.password_hash, user.display_name
        await ownership.hand_over(self.session, user, password_hash=kept, display_name=name)
        audit.record(self.session, Event.VERIFIED, user.id, actor=user.id)
        await self.post_verification_hook(user, request)
        return user

    async def invite(self, email: str) -> User:
        """Create a user without a password, or `disown` an unverified one, and mail a link that sets a password.

        Raises:
            Conflict: if the address is verified, or the account is deactivated.
            InvalidField: if the e-mail address is invalid.
        """
        user, is_new = await self._unproven(parse_email(email))
        await ownership.disown(self.session, user)
        until = clock.now() + timedelta(days=self.settings.invitation_link_days) + ownership.KEPT_AFTER_LINK
        if is_new or user.unproven_until:
            user.unproven_until = max(until, user.unproven_until or until)
        audit.record(self.session, Event.INVITED, user.id)
        outbox.put(self.session, Letter.INVITATION, user.email)
        if is_new:
            await self.post_registration_hook(user)
        return user

    async def vouch_for(self, email: str, password: str) -> User:
        """Create a verified user who can sign in at once, or `hand_over` an unverified one.

        Raises:
            Conflict: if the address is verified, or the account is deactivated.
            InvalidField: if the e-mail address is invalid, or the password is easy to guess.
        """
        await policy.require_good(password, email, self.settings)
        password_hash = await self.hasher.digest(password, email)
        user, is_new = await self._unproven(parse_email(email))
        await ownership.hand_over(self.session, user, password_hash=password_hash)
        await known_networks.expect_first_sign_in(self.session, user.email)
        audit.record(self.session, Event.CREATED, user.id)
        if is_new:
            await self.post_registration_hook(user)
        await self.post_verification_hook(user)
        return user

    async def _unproven(self, email: str) -> tuple[User, bool]:
        """The unverified account with this address, locked, and whether it was just created."""
        user = await ownership.lock_email(self.session, email)
        if user is None:
            return await ownership.make(self.session, email), True
        if user.is_verified:
            raise Conflict(f"{email} has an account already.")
        if not user.is_active:
            raise Conflict(f"{email} is deactivated.")
        return user, False
