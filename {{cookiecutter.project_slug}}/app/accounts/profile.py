"""Changes that users make to their own accounts. Changes of the password or address are reported by mail."""

from uuid import UUID
from uuid import uuid4

from app.accounts import audit
from app.accounts import known_networks
from app.accounts import one_time_tokens
from app.accounts import ownership
from app.accounts.audit import Event
from app.accounts.mail import outbox
from app.accounts.mail.letters import Letter
from app.accounts.one_time_tokens import Proof
from app.accounts.one_time_tokens import Purpose
from app.accounts.ownership import ALONE
from app.accounts.passwords import policy
from app.accounts.row_locks import lock_user
from app.accounts.schemas import parse_email
from app.accounts.service_base import AccountService
from app.database.transactions import release_connection
from app.http.errors import Conflict
from app.http.errors import InvalidField
from app.http.errors import InvalidToken
from app.models import User
from app.repositories import copy_named


class ProfileService(AccountService):
    """Changes names, passwords and addresses, and deletes accounts."""

    async def update_user(self, user: User) -> User:
        """Change the columns that are set on `user`, a partial row, except the password and the address.

        Raises:
            InvalidField: if a column cannot hold what it is given.
            NotAuthorizedException: if the sign-in of the caller has ended since this request began.
        """
        stored = await lock_user(self.session, user.id)
        copy_named(user, stored, never=frozenset({"id", "email", "password_hash"}))
        await self.session.flush()
        return stored

    async def require_new_password(self, user: User, current: str, new: str) -> None:
        """Require a new password that can be stored. Whether `current` is right plays no part.

        Raises:
            InvalidField: if the new password equals `current`, or is easy to guess.
        """
        if policy.is_same(new, current):
            raise InvalidField("new_password", "Choose a password that differs from the current one.")
        await release_connection(self.session)
        await policy.require_good(new, user.email, self.settings, "new_password", name=user.display_name)

    async def require_current_password(self, user: User, current: str, new: str) -> str:
        """Require the current password; returns the hash of a new one that passed `require_new_password`.

        Raises:
            InvalidField: if the current password is wrong.
        """
        await release_connection(self.session)
        new_hash = await self.hasher.digest(new, user.email)
        await self.require_password(user, current, "current_password")
        return new_hash

    async def store_password(self, user: User, password_hash: str, keep: UUID) -> None:
        """Store a new password of a locked user, and end every sign-in but the one with the id `keep`."""
        user.password_hash = password_hash
        await ownership.end_credentials(self.session, user, but=keep)
        audit.record(self.session, Event.PASSWORD_CHANGED, user.id)
        outbox.put(self.session, Letter.PASSWORD_CHANGED, user.email, user.id)

    def new_email(self, user: User, email: str) -> str:
        """The normalised spelling of an address that the user may change to.

        Raises:
            InvalidField: if the address is invalid, not allowed or the current one.
        """
        email = parse_email(email)
        if email == user.email:
            raise InvalidField("email", "This is your current address. Enter another one.")
        if not self.settings.allows(email):
            domains = ", ".join(sorted(self.settings.registration))
            raise InvalidField("email", f"Use an address of one of these domains: {domains}.")
        return email

    async def ask_for_email_change(self, user: User, email: str, password: str) -> None:
        """Mail a link that confirms the change to a `new_email`, and a link that undoes it to the current address.

        Raises:
            InvalidField: if the password is wrong.
        """
        await self.require_password(user, password)
        audit.record(
            self.session, Event.EMAIL_CHANGE_ASKED, user.id, before={"email": user.email}, after={"email": email}
        )
        # Stored now, not when the mails are sent: if the owner ends a thief's sign-in, these links must end too.
        await outbox.put_link(self.session, Letter.EMAIL_CHANGING, user.email, user)
        holder = await self.find(email, ALONE)
        if holder is None or not holder.is_verified:
            await outbox.put_link(self.session, Letter.CONFIRM_EMAIL, email, user)
        else:
            # A link that is never sent takes the same time, so the caller does not learn who has an account.
            await one_time_tokens.store(self.session, user, Purpose.CHANGE_EMAIL, email, uuid4())
            outbox.put(self.session, Letter.ALREADY_REGISTERED, email)

    async def confirm_email(self, token: str) -> User:
        """Move the user to the address that the token proves, and end every sign-in.

        Raises:
            Conflict: if another account has verified the address.
            InvalidToken: if the token is used, expired or unknown, or the address is no longer allowed.
        """
        user, email = await self._use_token(token, Purpose.CHANGE_EMAIL)
        if not self.settings.allows(email):
            raise InvalidToken
        # Back at a former address, the links that undo the changes since then could only take the account away.
        await one_time_tokens.revoke_undo_since(self.session, user, email)
        await self._change_email(user, email, Event.EMAIL_CHANGED)
        user.is_verified, user.unproven_until = True, None
        await ownership.end_credentials(self.session, user)
        return user

    async def undo_email_change(self, token: str) -> User:
        """Move the user back to the address that the token was sent to, and end what a thief may hold or has added.

        Raises:
            Conflict: if another account has verified the address.
            InvalidToken: if the token is used, expired or unknown.
        """
        since = await one_time_tokens.created_at(self.session, token)
        user, email = await self._use_token(token, Purpose.UNDO_EMAIL_CHANGE)
        was_verified = user.is_verified
        await self._change_email(user, email, Event.EMAIL_RESTORED)
        removed = await ownership.hand_over(self.session, user, factors_since=since if was_verified else None)
        # The thief may have links that undo this.
        await one_time_tokens.revoke(self.session, user, Purpose.UNDO_EMAIL_CHANGE)
        outbox.put(self.session, Letter.EMAIL_RESTORED, email, user.id, details=removed)
        if not was_verified:
            await self.post_verification_hook(user)
        return user

    async def _use_token(self, token: str, purpose: Purpose) -> Proof:
        """Use up a token, and remove an unverified account that has its address.

        Raises:
            Conflict: if another account has verified the address.
            InvalidToken: if the token is used, expired or unknown.
        """
        wanted = await one_time_tokens.find(self.session, token, purpose)
        holder = await ownership.lock_email(self.session, wanted.email, wanted.user.id)
        user, email = await one_time_tokens.consume(self.session, token, purpose)
        if holder is not None and holder.id != user.id:
            if holder.is_verified:
                raise Conflict("Another account has this address.")
            await ownership.remove(self.session, holder, actor=user.id)
        return Proof(user, email)

    async def _change_email(self, user: User, email: str, event: Event) -> None:
        audit.record(self.session, event, user.id, actor=user.id, before={"email": user.email}, after={"email": email})
        for address in (user.email, email):
            # The networks are those of the account that has the address until now.
            await known_networks.forget(self.session, address)
        user.email = email
        await self.session.flush()

    async def delete_account(self, user_id: UUID) -> None:
        """Delete the user and everything that belongs to them; the address can be used again.

        Raises:
            NotAuthorizedException: if it is the caller, whose sign-in has ended since this request began.
            NotFoundError: if there is no such user.
        """
        user = await self.delete_user(user_id)
        email = user.email
        await outbox.forget(self.session, user)
        # Another account may get the address.
        await known_networks.forget(self.session, email)
        audit.record(self.session, Event.DELETED, user.id)
        await self.session.flush()
        await audit.forget(self.session, user)
        outbox.put(self.session, Letter.ACCOUNT_DELETED, email)

    async def delete_user(self, user_id: UUID | int) -> User:
        """Delete the row of a user, and every row that refers to it.

        Raises:
            NotAuthorizedException: if it is the caller, whose sign-in has ended since this request began.
            NotFoundError: if there is no such user.
        """
        await self.lock_to_delete(user_id)
        return await super().delete_user(user_id)

    async def lock_to_delete(self, user_id: UUID | int) -> None:
        """Lock a user who is about to be deleted. Override this to add a rule about who may be deleted.

        Raises:
            NotAuthorizedException: if it is the caller, whose sign-in has ended since this request began.
            NotFoundError: if there is no such user.
        """
        await lock_user(self.session, user_id, to_delete=True)
