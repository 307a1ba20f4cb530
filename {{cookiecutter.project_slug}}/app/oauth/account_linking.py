"""To whom an account at a provider belongs, and how it comes to belong to somebody.

What identifies somebody is the issuer and its subject, never an address. An address decides one thing alone: whether a
new account may be made, or one that nobody has proven yet be handed to whoever proves it.
"""

from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple

from litestar import Litestar
from sqlalchemy import func
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import audit
from app.accounts import ownership
from app.accounts.audit import Event
from app.accounts.mail import outbox
from app.accounts.profile import ProfileService
from app.accounts.row_locks import lock
from app.database.transactions import new_transaction
from app.models import OAuthAccount
from app.models import User
from app.oauth import token_encryption
from app.oauth.audit_events import ProviderEvent
from app.oauth.audit_events import ProviderLetter
from app.oauth.authorization_request import Identity
from app.oauth.errors import AddressNotSupported
from app.oauth.errors import AddressNotVerified
from app.oauth.errors import CannotSignIn
from app.oauth.errors import IdentityTaken
from app.oauth.errors import LinkRequired
from app.oauth.errors import NotLinked
from app.oauth.errors import SignUpClosed
from app.oauth.errors import TooManyLinked
from app.oauth.providers.oauth2_client import Arrival
from app.settings.types import Switch

# Accounts at providers that one user can link.
MOST_LINKED = 20


class Known(NamedTuple):
    """Who signs in with an account at a provider, and whether they have just proven their address by it."""

    user: User
    account: OAuthAccount
    is_first_time: bool


async def user_of(service: ProfileService, arrival: Arrival) -> Known:
    """The user who signs in with this account at a provider, made now if there is none.

    Raises:
        CannotSignIn: if the user is not active or not verified.
        AddressNotVerified, AddressNotSupported, SignUpClosed, LinkRequired: if there is none, and none can be made.
    """
    await hold(service.session, arrival.identity)
    account = await _find(service.session, arrival.identity)
    if account is None:
        user = await _admit(service, arrival.identity)
    else:
        user = await _user_with(service.session, account, arrival.identity)
    if not (user.is_active and user.is_verified):
        await audit.record_refusal(service.session, Event.SIGN_IN_FAILED, user.id)
        raise CannotSignIn
    is_first_time = account is None
    account = account or await _add(service.session, user, arrival.identity)
    _note(service, account, arrival)
    return Known(user, account, is_first_time)


async def hold(session: AsyncSession, identity: Identity) -> None:
    """Let other requests of this identity wait until this transaction ends; before any user is locked."""
    name = f"{identity.provider}\0{identity.issuer}\0{identity.subject}"
    key = int.from_bytes(sha256(name.encode()).digest()[:8], "big", signed=True)
    await session.execute(select(func.pg_advisory_xact_lock(key)))


async def link(service: ProfileService, user: User, arrival: Arrival) -> OAuthAccount:
    """Let the user, whose row is locked after the identity was held, sign in with this account at a provider.

    Raises:
        IdentityTaken: if it belongs to somebody else.
        TooManyLinked: if the user has as many as are allowed.
    """
    account = await _find(service.session, arrival.identity)
    if account is None:
        await _require_room(service.session, user)
        account = await _add(service.session, user, arrival.identity)
        after = {"provider": arrival.identity.provider}
        audit.record(service.session, ProviderEvent.LINKED, user.id, actor=user.id, after=after)
        outbox.put(service.session, ProviderLetter.LINKED, user.email, user.id)
    elif account.user_id != user.id:
        raise IdentityTaken
    _note(service, account, arrival)
    return account


async def _require_room(session: AsyncSession, user: User) -> None:
    linked = select(func.count()).select_from(OAuthAccount).where(OAuthAccount.user_id == user.id)
    if (await session.scalar(linked) or 0) >= MOST_LINKED:
        raise TooManyLinked


async def require_linked(service: ProfileService, user: User, arrival: Arrival) -> None:
    """Hold up whoever comes back from a provider as somebody else than the user.

    Raises:
        NotLinked: if it is somebody else.
    """
    account = await _find(service.session, arrival.identity)
    if account is None or account.user_id != user.id:
        raise NotLinked
    _note(service, account, arrival)


async def is_linked(app: Litestar, identity: Identity) -> bool:
    """Whether an account here is linked to this one; no connection stays open for it."""
    async with new_transaction(app) as session:
        return await _find(session, identity) is not None


async def _find(session: AsyncSession, identity: Identity) -> OAuthAccount | None:
    is_it = (
        (OAuthAccount.oauth_name == identity.provider)
        & (OAuthAccount.issuer == identity.issuer)
        & (OAuthAccount.account_id == identity.subject)
    )
    return (await session.scalars(select(OAuthAccount).where(is_it))).one_or_none()


async def _user_with(session: AsyncSession, account: OAuthAccount, identity: Identity) -> User:
    # A reset that unlinks the account at this moment either comes first or ends this sign-in.
    user = (await lock(session, User, account.user_id)).get(account.user_id)
    if user is None or await _find(session, identity) is None:
        raise LinkRequired
    return user


async def _admit(service: ProfileService, identity: Identity) -> User:
    email = identity.verified_email
    if email is None:
        raise AddressNotSupported if identity.has_unsupported_email else AddressNotVerified
    user = await ownership.lock_email(service.session, email)
    event: StrEnum = ProviderEvent.CLAIMED
    if user is None:
        await _require_sign_up(service, email)
        user, event = await ownership.make(service.session, email), Event.REGISTERED
    if user.is_verified:
        # Whoever runs the provider, or got hold of the address there, must not get hold of the account here.
        await audit.record_refusal(service.session, ProviderEvent.LINK_REQUIRED, user.id)
        raise LinkRequired
    if user.is_active:
        await ownership.hand_over(service.session, user)
        audit.record(service.session, event, user.id, actor=user.id, after={"provider": identity.provider})
    return user


async def _require_sign_up(service: ProfileService, email: str) -> None:
    settings = service.settings
    if settings.oauth_sign_up is Switch.OFF or not settings.admits(email):
        await audit.record_refusal(service.session, ProviderEvent.SIGN_UP_REFUSED)
        raise SignUpClosed


async def _add(session: AsyncSession, user: User, identity: Identity) -> OAuthAccount:
    account = OAuthAccount(
        user_id=user.id,
        oauth_name=identity.provider,
        issuer=identity.issuer,
        account_id=identity.subject,
        account_email=identity.email,
        access_token=token_encryption.NOTHING,
    )
    session.add(account)
    await session.flush()
    return account


def _note(service: ProfileService, account: OAuthAccount, arrival: Arrival) -> None:
    # A provider that says too little about a linked account is not asked for its address again.
    account.account_email = arrival.identity.email or account.account_email
    token_encryption.keep(service.settings, account, arrival.tokens)
