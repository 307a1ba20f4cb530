"""The tables of second factors."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from advanced_alchemy.base import UUIDBase
from sqlalchemy.orm import Mapped
from sqlalchemy.orm import mapped_column

from app import clock
from app.models import FACTOR
from app.models import SECRET

# No authenticator makes a longer credential id (WebAuthn Level 3, 5.8.3).
MAX_CREDENTIAL_ID, MAX_PUBLIC_KEY = 1023, 2048


class Passkey(UUIDBase):
    """A key pair on a device of the user; only the public key is here."""

    __tablename__ = "passkey"

    user_id: Mapped[UUID] = mapped_column(
        sa.ForeignKey("user.id", ondelete="CASCADE"), index=True, info={FACTOR: "passkey"}
    )
    credential_id: Mapped[bytes] = mapped_column(sa.LargeBinary(MAX_CREDENTIAL_ID), unique=True)
    public_key: Mapped[bytes] = mapped_column(sa.LargeBinary(MAX_PUBLIC_KEY))
    # Browsers offer the passkey on sites of this domain alone.
    rp_id: Mapped[str] = mapped_column(sa.String(253))
    name: Mapped[str] = mapped_column(sa.String(100))
    sign_count: Mapped[int] = mapped_column(sa.BigInteger, default=0, server_default=sa.text("0"))
    # Whether it may be copied to other devices, and whether it has been.
    is_backup_eligible: Mapped[bool] = mapped_column()
    is_backed_up: Mapped[bool] = mapped_column()
    transports: Mapped[list[str]] = mapped_column(sa.ARRAY(sa.String(32)), default=list, server_default=sa.text("'{}'"))
    created_at: Mapped[datetime] = mapped_column(default=clock.now, server_default=sa.func.now())
    last_used_at: Mapped[datetime | None] = mapped_column()


class Totp(UUIDBase):
    """The secret of an authenticator app; it counts once a code has confirmed it."""

    __tablename__ = "totp"

    user_id: Mapped[UUID] = mapped_column(
        sa.ForeignKey("user.id", ondelete="CASCADE"), unique=True, info={FACTOR: "authenticator app"}
    )
    # Encrypted, and which key that was done with.
    secret: Mapped[str] = mapped_column(sa.String(255), info=SECRET)
    key_id: Mapped[str] = mapped_column(sa.String(8))
    is_confirmed: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    # The time step of the last code that was accepted: only later ones count (RFC 6238, 5.2).
    last_step: Mapped[int] = mapped_column(sa.BigInteger, default=0, server_default=sa.text("0"))
    created_at: Mapped[datetime] = mapped_column(default=clock.now, server_default=sa.func.now())


class RecoveryCode(UUIDBase):
    """A code that stands in for a lost factor once; it counts while its user has a factor."""

    __tablename__ = "recovery_code"

    user_id: Mapped[UUID] = mapped_column(
        sa.ForeignKey("user.id", ondelete="CASCADE"), index=True, info={FACTOR: "recovery codes"}
    )
    # A fast hash is enough: 120 random bits cannot be guessed.
    digest: Mapped[bytes] = mapped_column(sa.LargeBinary(32), unique=True)
    is_used: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    created_at: Mapped[datetime] = mapped_column(default=clock.now, server_default=sa.func.now())
