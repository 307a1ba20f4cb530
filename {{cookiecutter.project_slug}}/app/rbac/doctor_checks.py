"""What `litestar doctor` says about users whose permissions want a strong sign-in."""

from collections.abc import AsyncIterator

from sqlalchemy import exists
from sqlalchemy import func
from sqlalchemy import select
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from app.factors.models import Passkey
from app.factors.models import Totp
from app.models import Role
from app.models import User
from app.permissions import ADMINISTRATOR
from app.permissions import Permission
from app.settings.factors import SecondFactor
from app.settings.factors import rp_id_of
from app.settings.factors import second_factor_of
from app.settings.findings import Finding
from app.settings.findings import Level


async def without_factor(session: AsyncSession) -> AsyncIterator[Finding]:
    """How many users hold a permission that wants a strong sign-in, and have no second factor."""
    settings = session.info["settings"]
    strong = [permission.value for permission in Permission if permission.is_strong]
    permissions = func.cast(Role.permissions, postgresql.ARRAY(Role.permissions.type.item_type))
    is_privileged = (Role.name == ADMINISTRATOR) | permissions.overlap(strong)
    has_passkey = exists().where(Passkey.user_id == User.id, Passkey.rp_id == (rp_id_of(settings) or ""))
    has_app = exists().where(Totp.user_id == User.id, Totp.is_confirmed)
    found = select(func.count()).where(
        User.is_active, User.is_verified, User.roles.any(is_privileged), ~has_passkey, ~has_app
    )
    if count := await session.scalar(found):
        says = f"Users with permissions that want a strong sign-in, but without a second factor: {count}."
        if second_factor_of(settings) is SecondFactor.OPTIONAL:
            yield Finding(Level.WARNING, "SECOND_FACTOR", says, "SECOND_FACTOR=privileged demands one of them.")
        else:
            fix = "They add one after signing in: docs/factors.md."
            yield Finding(Level.WARNING, "SECOND_FACTOR", f"{says} They cannot use these.", fix)
