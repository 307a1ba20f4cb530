"""The user for an identity at a provider that signs in for the first time."""

from enum import StrEnum
from typing import Any

from litestar import Request

from app.accounts import audit
from app.accounts import ownership
from app.accounts.audit import Event
from app.accounts.profile import ProfileService
from app.accounts.registration import NEVER_GIVEN
from app.models import User
from app.oauth.audit_events import ProviderEvent
from app.oauth.authorization_request import Identity
from app.oauth.errors import AddressNotSupported
from app.oauth.errors import AddressNotVerified
from app.oauth.errors import CannotSignIn
from app.oauth.errors import LinkRequired
from app.oauth.errors import SignUpClosed
from app.repositories import copy_named
from app.settings.types import Switch


async def user_for_new_identity(
    service: ProfileService, identity: Identity, display_name: str, request: Request[Any, Any, Any]
) -> User:
    """The user with the verified address of this identity, who is created or takes over an unverified account.

    Raises:
        AddressNotVerified, AddressNotSupported, CannotSignIn, LinkRequired, SignUpClosed: if there can be none.
    """
    email = identity.verified_email
    if email is None:
        raise AddressNotSupported if identity.has_unsupported_email else AddressNotVerified
    user = await ownership.lock_email(service.session, email)
    if user and user.is_verified:
        # The provider, or an attacker who has taken over the address there, must not take over the account here.
        await audit.record_refusal(service.session, ProviderEvent.LINK_REQUIRED, user.id)
        raise LinkRequired
    await require_admission(service, email, user, request)
    if user is None:
        return await _sign_up(service, identity, {"email": email, "display_name": display_name}, request)
    if user.is_active:
        await ownership.hand_over(service.session, user, display_name=display_name)
        _record(service, ProviderEvent.CLAIMED, user, identity)
        await service.post_verification_hook(user, request)
    return user


async def require_admission(
    service: ProfileService, email: str, user: User | None, request: Request[Any, Any, Any]
) -> None:
    """Require that the hooks of the service admit this sign-in; call it before anything is changed.

    Raises:
        CannotSignIn: if they do not.
    """
    if not await service.is_admitted(email, user, request):
        await audit.record_refusal(service.session, Event.SIGN_IN_FAILED, user.id if user else None)
        raise CannotSignIn


async def _sign_up(
    service: ProfileService, identity: Identity, given: dict[str, Any], request: Request[Any, Any, Any]
) -> User:
    email = given["email"]
    await _require_sign_up(service, email)
    await service.pre_registration_hook(given, request)
    user = await ownership.make(service.session, email)
    await ownership.hand_over(service.session, user)
    copy_named(User(**given), user, never=NEVER_GIVEN)
    _record(service, Event.REGISTERED, user, identity)
    await service.post_registration_hook(user, request)
    await service.post_verification_hook(user, request)
    return user


def _record(service: ProfileService, event: StrEnum, user: User, identity: Identity) -> None:
    audit.record(service.session, event, user.id, actor=user.id, after={"provider": identity.provider})


async def _require_sign_up(service: ProfileService, email: str) -> None:
    settings = service.settings
    if settings.oauth_sign_up is Switch.OFF or not settings.admits(email):
        await audit.record_refusal(service.session, ProviderEvent.SIGN_UP_REFUSED)
        raise SignUpClosed
