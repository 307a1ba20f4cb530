"""Recovery: a link in a mail sets a new password. An invitation works in the same way."""

from typing import Any

from litestar import Request

from app.accounts import audit
from app.accounts import one_time_tokens
from app.accounts import ownership
from app.accounts.audit import Event
from app.accounts.mail import outbox
from app.accounts.mail.letters import Letter
from app.accounts.one_time_tokens import Purpose
from app.accounts.passwords import policy
from app.accounts.service_base import AccountService
from app.database.transactions import release_connection
from app.models import User


class RecoveryService(AccountService):
    """Sets a password for a person who has proven an e-mail address."""

    async def initiate_password_reset(self, email: str) -> None:
        """Mail a link that sets a new password, if an active account has this address when the mail is sent."""
        self.mail_to(email, Letter.RESET_PASSWORD)

    async def reset_password(self, encoded_token: str, password: str) -> None:
        """`choose_password` under the name that litestar-users calls."""
        await self.choose_password(encoded_token, password)

    async def choose_password(
        self, encoded_token: str, password: str, request: Request[Any, Any, Any] | None = None
    ) -> User:
        """Store a new password for the user whose address the token proves, and `hand_over` the account.

        A verified user keeps the display name, and is told of the change by mail.

        Raises:
            InvalidToken: if the token is used, expired or unknown.
            InvalidField: if the password is easy to guess; the token still works then.
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
        else:
            await self.post_verification_hook(user, request)
        return user
