"""Adding and removing factors; the user's row is locked before any rule is judged."""

from uuid import UUID

from sqlalchemy import delete
from sqlalchemy import sql
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import audit
from app.accounts import ownership
from app.accounts.audit import Event
from app.accounts.mail import outbox
from app.accounts.ways_in import require_way_in
from app.auth import devices
from app.auth.user_sessions import PASSWORD
from app.auth.user_sessions import STRONG
from app.factors import recovery_codes
from app.factors.audit_events import FactorEvent
from app.factors.audit_events import FactorLetter
from app.factors.held import usable_factors
from app.factors.models import Passkey
from app.factors.models import RecoveryCode
from app.factors.models import Totp
from app.models import AccessToken
from app.models import User
from app.models import UserSession

# What mails call the factors.
NAMES = {"pop": "a passkey", "otp": "an authenticator app"}


async def note_added(session: AsyncSession, user: User, method: str) -> None:
    """Enter a new factor in the trail, and tell its owner."""
    audit.record(session, FactorEvent.ADDED, user.id, after={"factor": NAMES[method]})
    outbox.put(session, FactorLetter.ADDED, user.email, user.id, details=[NAMES[method]])


async def begin_with_first(session: AsyncSession, user: User, keep: UUID) -> list[str]:
    """End every sign-in but the one with the id `keep`, as a change of password does; returns new recovery codes."""
    await ownership.end_credentials(session, user, but=keep)
    return await recovery_codes.replace(session, user)


async def note_removed(session: AsyncSession, user: User, method: str, current: UUID, amr: list[str]) -> None:
    """End what the removed factor has opened, enter the removal in the trail, and tell the owner.

    The current sign-in, made as `amr` says, stays. If no factor is left, neither it nor any access token is strong.

    Raises:
        LastWayIn: if the user could not sign in any more.
    """
    await session.flush()
    await require_way_in(session, user)
    made_with_it = (UserSession.user_id == user.id) & (sql.literal(method) == sql.any_(UserSession.amr))
    ended = delete(UserSession).where(made_with_it, UserSession.id != current).returning(UserSession.id)
    for _ in await session.scalars(ended):
        audit.record(session, Event.SIGNED_OUT, user.id)
    if not await usable_factors(session, user.id):
        await session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
        weakened = [each for each in amr if each == PASSWORD]
        await session.execute(update(UserSession).where(UserSession.id == current).values(amr=weakened))
        await session.execute(update(AccessToken).where(AccessToken.user_id == user.id).values(is_strong=False))
    audit.record(session, FactorEvent.REMOVED, user.id, before={"factor": NAMES[method]})
    outbox.put(session, FactorLetter.REMOVED, user.email, user.id, details=[NAMES[method]])


async def remove_all(session: AsyncSession, user: User) -> bool:
    """Remove every factor of a user, whose row is locked, and end sign-ins and tokens; False if there is none."""
    removed = []
    for model, name in ((Passkey, "passkeys"), (Totp, "an authenticator app"), (RecoveryCode, "recovery codes")):
        # A secret that waits for its first code is no factor.
        is_factor = Totp.is_confirmed if model is Totp else sql.true()
        theirs = delete(model).where(model.user_id == user.id, is_factor).returning(model.id)
        removed += [name] if (await session.scalars(theirs)).all() else []
    if not removed:
        return False
    await devices.end_all(session, user.id)
    await ownership.end_access_tokens(session, user)
    audit.record(session, FactorEvent.ALL_REMOVED, user.id, before={"factors": removed})
    outbox.put(session, FactorLetter.REMOVED, user.email, user.id, details=removed)
    return True


def strengthened(amr: list[str], method: str) -> list[str]:
    """The `amr` of a sign-in that has just added its first factor."""
    return [*dict.fromkeys([*amr, method, STRONG])]
