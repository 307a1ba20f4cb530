"""Makes, lists and ends tokens, and tells of those that expire soon."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from advanced_alchemy.exceptions import NotFoundError
from litestar import Litestar
from msgspec import convert
from msgspec.structs import asdict
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.access_tokens.schemas import CreatedToken
from app.access_tokens.schemas import NewToken
from app.access_tokens.schemas import TokenRead
from app.accounts import audit
from app.accounts import ownership
from app.accounts.audit import Event
from app.accounts.mail import outbox
from app.accounts.mail.letters import Letter
from app.accounts.row_locks import lock_user
from app.auth.user_sessions import sha256_of
from app.database.transactions import new_transaction
from app.http.errors import Conflict
from app.http.errors import InvalidField
from app.http.program_tokens import PREFIX
from app.http.program_tokens import generate_token
from app.models import AccessToken
from app.models import User
from app.settings import Settings

MAX_TOKENS = 49  # The fiftieth is refused.
SHOWN_LENGTH = 8  # How much of a token lists show, after the prefix.
TOLD_BEFORE, LOOKED_EVERY = timedelta(days=7), timedelta(minutes=10)
ROWS_AT_ONCE = 1000
# Each judges a token that is about to be made, and may change it, with its owner locked; features add theirs.
RULES: list[Callable[[Settings, User, NewToken, bool], None]] = []


async def make(
    session: AsyncSession, user_id: UUID, wanted: NewToken, network: str | None = None, *, is_strong: bool
) -> CreatedToken:
    """Store a token of this user, which is as strong as the sign-in that makes it.

    Its use from the `network` that it is made from is not told by mail.

    Raises:
        Conflict: if the user has too many, or may not sign in.
        InvalidField: if its name cannot be printed, or it would be allowed more than its owner.
        NotAuthorizedException: if it is the caller, whose sign-in has ended since the request began.
    """
    user = await lock_user(session, user_id)
    await _judge(session, user, wanted, is_strong=is_strong)
    columns, text = asdict(wanted) | {"is_strong": is_strong}, generate_token()
    lasting = timedelta(days=columns.pop("expires_in_days"))
    row = AccessToken(
        **columns,
        user_id=user_id,
        digest=sha256_of(text.encode()),
        prefix=text.removeprefix(PREFIX)[:SHOWN_LENGTH],
        networks=[network] if network else [],
        is_expiry_told=lasting <= TOLD_BEFORE,
        expires_at=clock.now() + lasting,
    )
    session.add(row)
    await session.flush()
    audit.record(session, Event.TOKEN_CREATED, user_id, after=asdict(wanted) | {"prefix": row.prefix})
    outbox.put(session, Letter.TOKEN_CREATED, user.email, user_id, details=[row.name])
    return CreatedToken(token=text, **asdict(shown(row)))


async def _judge(session: AsyncSession, user: User, wanted: NewToken, *, is_strong: bool) -> None:
    if not (user.is_active and user.is_verified):
        raise Conflict("The account is deactivated, or its address is not confirmed.")
    for rule in RULES:
        rule(session.info["settings"], user, wanted, is_strong)
    if not wanted.name.isprintable() or not wanted.name.strip():
        raise InvalidField("name", "Use printable characters only.")
    if len(await of_user(session, user.id)) >= MAX_TOKENS:
        raise Conflict(f"You have {MAX_TOKENS} access tokens. Delete one first.")


async def of_user(session: AsyncSession, user_id: UUID) -> list[TokenRead]:
    """The tokens of this user that have not expired, the newest first."""
    alive = select(AccessToken).where(AccessToken.user_id == user_id, AccessToken.expires_at > clock.now())
    return [shown(row) for row in await session.scalars(alive.order_by(AccessToken.created_at.desc(), AccessToken.id))]


async def end(session: AsyncSession, user: User, token_id: UUID) -> None:
    """End a token of this user, who is locked.

    Raises:
        NotFoundError: if the user has no such token.
    """
    ended = await ownership.end_access_tokens(session, user, AccessToken.id == token_id)
    if not ended:
        raise NotFoundError
    outbox.put(session, Letter.TOKEN_ENDED, user.email, user.id, details=ended)


async def tell_of_expiry(app: Litestar) -> float:
    """Mail the owners of tokens that expire soon; returns the seconds until the next call."""
    soon = AccessToken.expires_at.between(clock.now(), clock.now() + TOLD_BEFORE) & ~AccessToken.is_expiry_told
    found = select(AccessToken, User.email).join(User, User.id == AccessToken.user_id).where(soon).limit(ROWS_AT_ONCE)
    async with new_transaction(app) as session:
        # Another process tells of the tokens that it has locked.
        rows = (await session.execute(found.with_for_update(skip_locked=True, of=AccessToken))).all()
        for token, email in rows:
            token.is_expiry_told = True
            outbox.put(session, Letter.TOKEN_EXPIRES, email, token.user_id, details=[token.name])
    return 0 if len(rows) == ROWS_AT_ONCE else LOOKED_EVERY.total_seconds()


def shown(row: AccessToken) -> TokenRead:
    """The token as it is shown."""
    return convert(row, TokenRead, from_attributes=True)
