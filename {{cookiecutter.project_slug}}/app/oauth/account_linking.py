"""Which user an account at a provider belongs to, and how it is linked.

Issuer and subject identify an account at a provider, never its address. The address decides one thing: whether a new
user is created, or a user who has not confirmed it is handed over to the one who has.
"""

from typing import Any
from typing import NamedTuple

from litestar import Litestar
from litestar import Request
from sqlalchemy import func
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import audit
from app.accounts.audit import Event
from app.accounts.mail import outbox
from app.accounts.profile import ProfileService
from app.accounts.row_locks import lock
from app.accounts.row_locks import lock_name
from app.database.transactions import new_transaction
from app.models import OAuthAccount
from app.models import User
from app.oauth import token_encryption
from app.oauth.audit_events import ProviderEvent
from app.oauth.audit_events import ProviderLetter
from app.oauth.authorization_request import Identity
from app.oauth.errors import CannotSignIn
from app.oauth.errors import IdentityTaken
from app.oauth.errors import LinkRequired
from app.oauth.errors import NotLinked
from app.oauth.errors import TooManyLinked
from app.oauth.provider_sign_up import require_admission
from app.oauth.provider_sign_up import user_for_new_identity
from app.oauth.providers.oauth2_client import ProviderAccount

# How many accounts at providers a user can link.
MAX_LINKED = 20


class Known(NamedTuple):
    """The user of an account at a provider, and whether this first sign-in with it has confirmed the address."""

    user: User
    account: OAuthAccount
    is_first_time: bool


async def user_of(
    service: ProfileService, provider_account: ProviderAccount, display_name: str, request: Request[Any, Any, Any]
) -> Known:
    """The user of this account at a provider, created now with this name if there is none.

    Raises:
        CannotSignIn: if the user is not active or not verified, or a hook of the service refuses the sign-in.
        AddressNotVerified, AddressNotSupported, SignUpClosed, LinkRequired: if there is none, and none can be created.
    """
    await lock_identity(service.session, provider_account.identity)
    account = await _find(service.session, provider_account.identity)
    if account is None:
        user = await user_for_new_identity(service, provider_account.identity, display_name, request)
    else:
        user = await _user_with(service.session, account, provider_account.identity)
        await require_admission(service, user.email, user, request)
    if not (user.is_active and user.is_verified):
        await audit.record_refusal(service.session, Event.SIGN_IN_FAILED, user.id)
        raise CannotSignIn
    is_first_time = account is None
    account = account or await _add(service.session, user, provider_account.identity)
    _update_account(service, account, provider_account)
    return Known(user, account, is_first_time)


async def lock_identity(session: AsyncSession, identity: Identity) -> None:
    """Make other requests for this identity wait until this transaction ends. Call it before any user is locked."""
    await lock_name(session, f"{identity.provider}\0{identity.issuer}\0{identity.subject}")


async def link(service: ProfileService, user: User, provider_account: ProviderAccount) -> OAuthAccount:
    """Link this account at a provider to the user, whose row was locked after the identity.

    Raises:
        IdentityTaken: if it belongs to another user.
        TooManyLinked: if the user has as many as are allowed.
    """
    account = await _find(service.session, provider_account.identity)
    if account is None:
        await _require_room(service.session, user)
        account = await _add(service.session, user, provider_account.identity)
        after = {"provider": provider_account.identity.provider}
        audit.record(service.session, ProviderEvent.LINKED, user.id, actor=user.id, after=after)
        outbox.put(service.session, ProviderLetter.LINKED, user.email, user.id)
    elif account.user_id != user.id:
        raise IdentityTaken
    _update_account(service, account, provider_account)
    return account


async def _require_room(session: AsyncSession, user: User) -> None:
    linked = select(func.count()).select_from(OAuthAccount).where(OAuthAccount.user_id == user.id)
    if (await session.scalar(linked) or 0) >= MAX_LINKED:
        raise TooManyLinked


async def require_linked(service: ProfileService, user: User, provider_account: ProviderAccount) -> None:
    """Refuse an account at a provider that is not linked to the user.

    Raises:
        NotLinked: if it is not.
    """
    account = await _find(service.session, provider_account.identity)
    if account is None or account.user_id != user.id:
        raise NotLinked
    _update_account(service, account, provider_account)


async def is_linked(app: Litestar, identity: Identity) -> bool:
    """Whether an account here is linked to this one; no connection stays open for it."""
    async with new_transaction(app) as session:
        return await _find(session, identity) is not None


async def _find(session: AsyncSession, identity: Identity) -> OAuthAccount | None:
    matches = (
        (OAuthAccount.oauth_name == identity.provider)
        & (OAuthAccount.issuer == identity.issuer)
        & (OAuthAccount.account_id == identity.subject)
    )
    return (await session.scalars(select(OAuthAccount).where(matches))).one_or_none()


async def _user_with(session: AsyncSession, account: OAuthAccount, identity: Identity) -> User:
    # A reset that unlinks the account at this moment either comes first or ends this sign-in.
    user = (await lock(session, User, account.user_id)).get(account.user_id)
    if user is None or await _find(session, identity) is None:
        raise LinkRequired
    return user


async def _add(session: AsyncSession, user: User, identity: Identity) -> OAuthAccount:
    account = OAuthAccount(
        user_id=user.id,
        oauth_name=identity.provider,
        issuer=identity.issuer,
        account_id=identity.subject,
        account_email=identity.email,
        access_token=token_encryption.NO_TOKEN,
    )
    session.add(account)
    await session.flush()
    return account


def _update_account(service: ProfileService, account: OAuthAccount, provider_account: ProviderAccount) -> None:
    # A provider that says too little about a linked account is not asked for its address again.
    account.account_email = provider_account.identity.email or account.account_email
    token_encryption.store(service.settings, account, provider_account.tokens)
