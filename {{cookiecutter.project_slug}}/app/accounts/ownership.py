"""Who owns an account: the person who proves its address, whatever was done with that address before."""

from collections.abc import Iterable
from datetime import datetime
from datetime import timedelta
from hashlib import sha256
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
from app.models import WAY_IN
from app.models import User
from app.models import UserSession
from app.settings import Settings

# A new password or address makes these links worthless; that which undoes a change of address is meant to outlive it.
WORTHLESS_AFTER_A_CHANGE = set(Purpose) - {Purpose.UNDO_EMAIL_CHANGE}
# Nothing that belongs to the user is read along, which would take time for known addresses alone.
ALONE = lazyload("*")
# An account that nobody proves outlives its link by this, so that its owner can ask for another.
KEPT_AFTER_LINK = timedelta(days=7)


async def hand_over(
    session: AsyncSession, user: User, *, password_hash: str = hasher.NONE, display_name: str = ""
) -> list[str]:
    """Give the account, whose row is locked, to the person who has just proven its address.

    The caller names the password and the name that stay, if any. Returns what `disown` returns.
    """
    user.is_verified, user.unproven_until = True, None
    return await disown(session, user, password_hash=password_hash, display_name=display_name)


async def disown(
    session: AsyncSession, user: User, *, password_hash: str = hasher.NONE, display_name: str = ""
) -> list[str]:
    """End all that the users of the account so far know, hold and wrote: password, name, sign-ins, links, ways in.

    Returns the names of the ways in that were removed beside the password, for the mail about it.
    """
    user.password_hash, user.display_name = password_hash, display_name
    await end_credentials(session, user)
    await outbox.drop_links(session, user, *WORTHLESS_AFTER_A_CHANGE)
    await known_networks.forget(session, user.email)
    removed: set[str] = set()
    for table in User.metadata.sorted_tables:
        for column in table.columns:
            if name := column.info.get(WAY_IN):
                theirs = delete(table).where(column == user.id).returning(table.c[name])
                removed |= {*await session.scalars(theirs)}
    if removed:
        audit.record(session, Event.WAYS_IN_REMOVED, user.id, before={"ways_in": sorted(removed)})
    return sorted(removed)


async def end_credentials(session: AsyncSession, user: User, *, but: UUID | None = None) -> None:
    """End every sign-in of this user, except the one with this id, and every link that would start another."""
    others = (UserSession.user_id == user.id) & (UserSession.id.is_distinct_from(but))
    await session.execute(delete(UserSession).where(others))
    await one_time_tokens.revoke(session, user, *WORTHLESS_AFTER_A_CHANGE)


async def compare_sign_up(session: AsyncSession, user: User, display_name: str, *, is_again: bool) -> None:
    """Make a link confirm the password of its own sign-up alone, with the same statements for every account.

    A locked account that nobody has proven keeps its password if this sign-up has the same (`is_again`), and takes its
    name. Otherwise it loses both, and its links and mails to `/verify`: its owner chooses a password by mail.
    """
    is_unproven = not user.is_verified
    if not is_again:
        # Without a password there was no sign-up whose name this could be.
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
    """When an account that begins now is removed if nobody proves its address."""
    link = timedelta(hours=settings.verification_link_hours)
    days = settings.unproven_account_days
    return clock.now() + (link + KEPT_AFTER_LINK if days is None else max(link, timedelta(days=days)))


async def lock_address(
    session: AsyncSession, email: str, *others: UUID, options: Iterable[ExecutableOption] = ()
) -> User | None:
    """The account with this address, if there is one; both stay locked until this transaction ends.

    No other request gives an account this address meanwhile. The users with the ids `others` are locked as well, in the
    same order by every request, so that no two wait for each other.
    """
    key = int.from_bytes(sha256(f"email\0{email}".encode()).digest()[:8], "big", signed=True)
    await session.execute(select(func.pg_advisory_xact_lock(key)))
    is_concerned = or_(func.lower(User.email) == email, User.id.in_(others))
    found = select(User).where(is_concerned).order_by(User.id).options(*options)
    locked = found.with_for_update(of=User, key_share=True)
    users = await session.scalars(locked, execution_options={"populate_existing": True})
    return next((user for user in users if user.email == email), None)


async def make(session: AsyncSession, email: str) -> User:
    """Store an account without a password that nobody has proven; the address is locked."""
    user = User(id=uuid4(), email=email, password_hash=hasher.NONE, is_active=True, is_verified=False)
    session.add(user)
    await session.flush()
    return (await lock(session, User, user.id))[user.id]


async def remove(
    session: AsyncSession, user: User, *conditions: ColumnElement[bool], actor: UUID | None = None
) -> None:
    """Remove a locked account that nobody has proven, and everything that belongs to it, if it meets the conditions.

    Raises:
        IntegrityError: if a table refers to it whose foreign key does not say `ondelete="CASCADE"`.
    """
    removed = delete(User).where(User.id == user.id, *conditions).returning(User.id)
    if await session.scalar(removed, execution_options={"synchronize_session": False}) is None:
        return
    await outbox.drop_links(session, user, *Purpose)
    await audit.forget(session, user)
    audit.record(session, Event.UNPROVEN_REMOVED, user.id, actor=actor)
