"""An account belongs to the person who proves its e-mail address, even if another person signed up with it before."""

from collections.abc import Iterable
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from uuid import UUID
from uuid import uuid4

from sqlalchemy import ColumnElement
from sqlalchemy import delete
from sqlalchemy import func
from sqlalchemy import literal
from sqlalchemy import or_
from sqlalchemy import select
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import lazyload
from sqlalchemy.sql.base import ExecutableOption

from app import clock
from app.accounts import audit
from app.accounts import known_networks
from app.accounts import one_time_tokens
from app.accounts.audit import Event
from app.accounts.mail import outbox
from app.accounts.one_time_tokens import Purpose
from app.accounts.passwords import hasher
from app.accounts.passwords.hashes import is_hash
from app.accounts.row_locks import lock
from app.accounts.row_locks import lock_name
from app.models import FACTOR
from app.models import WAY_IN
from app.models import AccessToken
from app.models import User
from app.models import UserSession
from app.settings import Settings

# A new password or address ends these links. The link that undoes a change of address must outlive the change.
ENDED_BY_A_CHANGE = set(Purpose) - {Purpose.UNDO_EMAIL_CHANGE}
# Loads no relationships: they would take time for known addresses only.
ALONE = lazyload("*")
BEGINNING = datetime.min.replace(tzinfo=UTC)
# How much longer than its link an unverified account is kept, so that its owner can ask for another link.
KEPT_AFTER_LINK = timedelta(days=7)


async def hand_over(
    session: AsyncSession,
    user: User,
    *,
    password_hash: str = hasher.NONE,
    display_name: str = "",
    factors_since: datetime | None = None,
) -> list[str]:
    """Give the account, whose row is locked, to the person who has just proven its address.

    The password and the name are removed, or replaced with the given ones. Returns what `disown` returns.

    A user who was verified keeps the second factors, except those added since a time that is given.
    """
    # A reset that removed them would make the mailbox the only factor (ASVS 6.4.3).
    since = factors_since or (clock.now() if user.is_verified else None)
    user.is_verified, user.unproven_until = True, None
    return await disown(session, user, password_hash=password_hash, display_name=display_name, factors_since=since)


async def disown(
    session: AsyncSession,
    user: User,
    *,
    password_hash: str = hasher.NONE,
    display_name: str = "",
    factors_since: datetime | None = None,
) -> list[str]:
    """End what former users of the account may know or hold; links that undo a change of address stay.

    The password and the name are replaced. The sign-ins, all other links and all other ways to sign in are removed, and
    the second factors, or those added since a time. Returns the names of what was removed, for the mail to the owner.
    """
    user.password_hash, user.display_name = password_hash, display_name
    await end_credentials(session, user)
    await outbox.drop_links(session, user, *ENDED_BY_A_CHANGE)
    await known_networks.forget(session, user.email)
    removed = {"access tokens"} if await end_access_tokens(session, user) else set()
    for table in User.metadata.sorted_tables:
        for column in table.columns:
            if name := column.info.get(WAY_IN):
                theirs = delete(table).where(column == user.id).returning(table.c[name])
                removed |= {*await session.scalars(theirs)}
            if name := column.info.get(FACTOR):
                is_theirs = (column == user.id) & (table.c.created_at >= (factors_since or BEGINNING))
                gone = await session.scalars(delete(table).where(is_theirs).returning(column))
                removed |= {name} if gone.all() else set()
    if removed:
        audit.record(session, Event.WAYS_IN_REMOVED, user.id, before={"ways_in": sorted(removed)})
    return sorted(removed)


async def end_credentials(session: AsyncSession, user: User, *, but: UUID | None = None) -> None:
    """End every sign-in of this user except the one with the id `but`, and every link in `ENDED_BY_A_CHANGE`."""
    others = (UserSession.user_id == user.id) & (UserSession.id.is_distinct_from(but))
    await session.execute(delete(UserSession).where(others))
    await one_time_tokens.revoke(session, user, *ENDED_BY_A_CHANGE)


async def end_access(session: AsyncSession, user: User) -> None:
    """End every sign-in, link and access token of a user who may not sign in any more."""
    await end_credentials(session, user)
    await end_access_tokens(session, user)


async def end_access_tokens(session: AsyncSession, user: User, *conditions: ColumnElement[bool]) -> list[str]:
    """End the access tokens of this user that meet the conditions; returns their names, sorted."""
    ended = delete(AccessToken).where(AccessToken.user_id == user.id, *conditions)
    rows = sorted((await session.execute(ended.returning(AccessToken.name, AccessToken.prefix))).tuples())
    for name, prefix in rows:
        audit.record(session, Event.TOKEN_ENDED, user.id, before={"name": name, "prefix": prefix})
    return [name for name, _ in rows]


async def compare_sign_up(session: AsyncSession, user: User, display_name: str, *, is_again: bool) -> None:
    """Let a verification link only confirm the password of its own sign-up.

    If this sign-up repeats the password (`is_again`), a locked, unverified account keeps it and takes the new name.
    Otherwise it loses its password, its name and its verification links: the owner of the address chooses a password by
    mail. The statements are the same for every account.
    """
    is_unproven = not user.is_verified
    if not is_again:
        # Without a password, the name does not come from a sign-up.
        display_name = "" if is_hash(user.password_hash) else user.display_name
    password_hash = user.password_hash if is_again else hasher.NONE
    until = user.unproven_until and max(user.unproven_until, unproven_until(session.info["settings"]))
    changes = {"password_hash": password_hash, "display_name": display_name, "unproven_until": until}
    changed = update(User).where(User.id == user.id, literal(is_unproven)).values(changes)
    await session.execute(changed, execution_options={"synchronize_session": False})
    is_disowned = is_unproven and not is_again
    await one_time_tokens.revoke(session, user, Purpose.VERIFY, only_if=is_disowned)
    await outbox.drop_links(session, user, Purpose.VERIFY, only_if=is_disowned)


def unproven_until(settings: Settings) -> datetime:
    """When an account that is created now will be removed, unless its address is verified."""
    link = timedelta(hours=settings.verification_link_hours)
    days = settings.unproven_account_days
    return clock.now() + (link + KEPT_AFTER_LINK if days is None else max(link, timedelta(days=days)))


async def lock_email(
    session: AsyncSession, email: str, *others: UUID, options: Iterable[ExecutableOption] = ()
) -> User | None:
    """Lock an e-mail address and its account until this transaction ends; returns the account, if there is one.

    No other request can give this address to an account meanwhile. The users with the ids `others` are locked too.
    Every request locks users in the same order, so no two requests wait for each other.
    """
    await lock_name(session, f"email\0{email}")
    is_concerned = or_(func.lower(User.email) == email, User.id.in_(others))
    found = select(User).where(is_concerned).order_by(User.id).options(*options)
    locked = found.with_for_update(of=User, key_share=True)
    users = await session.scalars(locked, execution_options={"populate_existing": True})
    return next((user for user in users if user.email == email), None)


async def make(session: AsyncSession, email: str) -> User:
    """Store an unverified account without a password; `lock_email` has locked its address."""
    user = User(id=uuid4(), email=email, password_hash=hasher.NONE, is_active=True, is_verified=False)
    session.add(user)
    await session.flush()
    return (await lock(session, User, user.id))[user.id]


async def remove(
    session: AsyncSession, user: User, *conditions: ColumnElement[bool], actor: UUID | None = None
) -> None:
    """Remove a locked, unverified account and everything that belongs to it, if it meets the conditions.

    Raises:
        IntegrityError: if a foreign key to users lacks `ondelete="CASCADE"` and has a row of this account.
    """
    removed = delete(User).where(User.id == user.id, *conditions).returning(User.id)
    if await session.scalar(removed, execution_options={"synchronize_session": False}) is None:
        return
    await outbox.drop_links(session, user, *Purpose)
    await audit.forget(session, user)
    audit.record(session, Event.UNPROVEN_REMOVED, user.id, actor=actor)
