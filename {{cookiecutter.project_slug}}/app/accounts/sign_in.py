"""Whether a password is right: for signing in, and for signed-in users who confirm who they are."""

import logging
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from litestar import Request
from litestar_users.schema import AuthenticationSchema
from sqlalchemy import select
from sqlalchemy.sql.base import ExecutableOption

from app.accounts import audit
from app.accounts.audit import Event
from app.accounts.ownership import ALONE
from app.accounts.row_locks import still_signed_in
from app.accounts.service_base import AccountService
from app.database.transactions import release_connection
from app.http.errors import InvalidField
from app.http.errors import TooBusy
from app.models import User
from app.repositories import with_relationships
from app.settings import Environment

logger = logging.getLogger(__name__)

# How often a password is checked again if its hash changes meanwhile.
MAX_CHECKS = 5


class SignInService(AccountService):
    """Checks passwords."""

    async def authenticate(self, data: Any, request: Request[Any, Any, Any] | None = None) -> User | None:
        """The user with this e-mail address and password, if the account is verified and active.

        The route calls `post_login_hook`, once nothing else can refuse the sign-in.
        """
        conditions = self.get_additional_auth_filters(data, request)
        is_admitted = await self.pre_login_hook(data, request)
        user = await self.find(data.email, ALONE, conditions=conditions)
        load = request.route_handler.opt.get("user_load_options", ()) if request else ()
        if await self.password_matches(user, data.password, data.email, is_admitted=is_admitted, load=load):
            return user
        await audit.record_refusal(self.session, Event.SIGN_IN_FAILED, user.id if user else None)
        if self.settings.environment is Environment.DEVELOPMENT:
            # Quoted, since it may have line breaks and commands for a terminal.
            email = quote(data.email, safe="@+")
            logger.info("Refused to sign in %s: %s", email, _reason(user, is_admitted=is_admitted))
        return None

    async def is_admitted(self, email: str, user: User | None, request: Request[Any, Any, Any]) -> bool:
        """Whether `pre_login_hook` and `get_additional_auth_filters` admit a sign-in without a password."""
        data = AuthenticationSchema(email=email, password="")
        conditions = self.get_additional_auth_filters(data, request)
        if not await self.pre_login_hook(data, request):
            return False
        # An account that this request creates is not looked up.
        if user is None or not conditions:
            return True
        return await self.session.scalar(select(User.id).where(User.id == user.id, *conditions)) is not None

    async def password_matches(
        self,
        user: User | None,
        password: str,
        email: str,
        *,
        is_admitted: bool = True,
        load: Sequence[ExecutableOption] = (),
    ) -> bool:
        """Whether this is the password of a user who may sign in. Without a user, the check takes as long.

        Raises:
            TooBusy: if other requests keep changing the password or its hash.
        """
        for _ in range(MAX_CHECKS):
            checked = user.password_hash if user else None
            await release_connection(self.session)
            verdict = await self.hasher.verify(password, checked, email)
            if user is None or not (verdict.is_right and is_admitted and user.is_active and user.is_verified):
                return False
            # Not earlier: a second hash would show that the password of an account that may not sign in is right.
            new_hash = await self.hasher.digest(password, email) if verdict.is_outdated else None
            if not await self._lock_if_allowed(user, load):
                return False
            # A reset may have replaced the password while the hash was computed, or another sign-in its hash alone.
            # Then it is checked again: a former password must not work any more, nor be stored again.
            if user.password_hash == checked:
                user.password_hash = user.password_hash if new_hash is None else new_hash
                return True
        raise TooBusy("the password hash of one account keeps changing")

    async def _lock_if_allowed(self, user: User, load: Sequence[ExecutableOption]) -> bool:
        """Read the user again, locked; returns whether the user may still sign in.

        The lock makes a later reset wait, so that it ends this sign-in too.
        """
        allowed = select(User).where(User.id == user.id, User.is_active, User.is_verified)
        allowed = allowed.options(*with_relationships())
        locked = allowed.with_for_update(key_share=True, of=User).options(*load)
        found = await self.session.scalars(locked, execution_options={"populate_existing": True})
        return found.unique().one_or_none() is not None

    async def require_password(self, user: User, password: str, field: str = "password") -> None:
        """Require the password of a signed-in user, since a stolen credential must not be enough.

        Raises:
            InvalidField: if the password is wrong.
            NotAuthorizedException: if the sign-in has ended since the request began.
        """
        if not await self.password_matches(user, password, user.email):
            await audit.record_refusal(self.session, Event.PASSWORD_REFUSED, user.id)
            raise InvalidField(field, "This is not your password.")
        # The user is locked by now.
        await still_signed_in(self.session, user)


def _reason(user: User | None, *, is_admitted: bool) -> str:
    """Why a sign-in was refused, for the log of a developer; no response and no other log says it."""
    if user is None:
        return "no account has this address"
    if not is_admitted:
        return "pre_login_hook refused it"
    if not user.is_verified:
        return "the address is not verified; follow the link in the mail"
    return "the password is wrong" if user.is_active else "the account is deactivated"
