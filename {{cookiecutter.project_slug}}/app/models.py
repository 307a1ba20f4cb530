"""Every table of the service in one place."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from advanced_alchemy.base import UUIDBase
from litestar_users import mixins
from sqlalchemy import orm
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped
from sqlalchemy.orm import mapped_column

from app import clock
from app import email_address as addresses
# {% if cookiecutter.include_rbac %}
from app.permissions import Grants
from app.permissions import HoldsRoles
# {% endif %}

SECRET = {"is_secret": True}  # Exports do not show it. They show no columns of bytes either.
EXPIRES = {"is_expiry": True}  # Once this time has passed, the row is removed in the background.
# On a foreign key to users: each row is a way to sign in. The value is the column that holds its name.
WAY_IN = "way_in"
FACTOR = "factor"  # The same for second factors, which proven users keep after a reset. Mails show the value.
EMPTY_LIST: dict[str, Any] = {"default": list, "server_default": sa.text("'{}'")}


# {% if cookiecutter.include_rbac %}
class Role(UUIDBase, mixins.SQLAlchemyRoleMixin, Grants):
    """A named set of permissions."""

    __tablename__ = "role"
    __mapper_args__ = {"eager_defaults": True}  # noqa: RUF012  # as for users
    # Names that only differ in case are easily confused.
    __table_args__ = (sa.Index("uq_role_name_lower", sa.text("lower(name)"), unique=True),)

    description: Mapped[str | None] = mapped_column(sa.String(255))  # type: ignore[assignment]  # the mixin requires one
    permissions: Mapped[list[str]] = mapped_column(sa.ARRAY(sa.String(64)), **EMPTY_LIST)
    created_at: Mapped[datetime] = mapped_column(default=clock.now, server_default=sa.func.now())


user_role = sa.Table(
    "user_role",
    UUIDBase.metadata,
    sa.Column("user_id", sa.ForeignKey("user.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("role_id", sa.ForeignKey("role.id", ondelete="CASCADE"), primary_key=True, index=True),
)


# {% endif %}
# {% if cookiecutter.include_oauth %}
class OAuthAccount(UUIDBase, mixins.SQLAlchemyOAuthAccountMixin):
    """An account with another provider that belongs to one of our users."""

    __tablename__ = "oauth_account"
    __table_args__ = (sa.UniqueConstraint("oauth_name", "issuer", "account_id"),)

    # Who vouches for the account: two issuers may give the same id to two people.
    issuer: Mapped[str] = mapped_column(sa.String(255), default="", server_default="")
    user_id: Mapped[UUID] = mapped_column(  # type: ignore[assignment]  # the mixin says int
        sa.ForeignKey("user.id", ondelete="CASCADE"), index=True, info={WAY_IN: "oauth_name"}
    )
    # Encrypted by app/oauth/token_encryption.py, or empty. Tokens can have several kilobytes; the mixin allows 255.
    access_token: Mapped[str] = mapped_column(sa.Text(), info=SECRET)
    refresh_token: Mapped[str | None] = mapped_column(sa.Text(), info=SECRET)  # type: ignore[assignment]  # may be absent
    account_email: Mapped[str] = mapped_column(sa.String(addresses.MAX_LENGTH))
    created_at: Mapped[datetime] = mapped_column(default=clock.now, server_default=sa.func.now())


class OAuthState(UUIDBase):
    """A visit to a provider that has not returned yet; the digests are of secrets in its URL and its cookie."""

    __tablename__ = "oauth_state"

    digest: Mapped[bytes] = mapped_column(sa.LargeBinary(32), unique=True)
    binding_digest: Mapped[bytes] = mapped_column(sa.LargeBinary(32))
    provider: Mapped[str] = mapped_column(sa.String(32))
    purpose: Mapped[str] = mapped_column(sa.String(32))
    session_id: Mapped[UUID | None] = mapped_column(
        sa.ForeignKey("user_session.id", ondelete="CASCADE", onupdate="CASCADE"), index=True
    )
    # The generation of that sign-in at the start: a copy of a replaced secret must not finish what it started.
    generation: Mapped[int] = mapped_column(default=0, server_default=sa.text("0"))
    next_path: Mapped[str] = mapped_column(sa.String(1024), default="", server_default="")
    key_id: Mapped[str] = mapped_column(sa.String(8), default="", server_default="")  # What derives its verifier.
    challenge: Mapped[str] = mapped_column(sa.String(43), default="", server_default="")
    display_name: Mapped[str] = mapped_column(sa.String(100), server_default="", default="")
    created_at: Mapped[datetime] = mapped_column(default=clock.now, server_default=sa.func.now())
    expires_at: Mapped[datetime] = mapped_column(index=True, info=EXPIRES)


# {% endif %}
class User(
    UUIDBase,
    mixins.SQLAlchemyUserMixin,
    # {% if cookiecutter.include_rbac %}
    HoldsRoles,
    # {% endif %}
):
    """A person with an account. Add columns here; docs/columns.md shows how."""

    __tablename__ = "user"
    # A statement that changes a row also returns its generated columns, so that responses can show them.
    __mapper_args__ = {"eager_defaults": True}  # noqa: RUF012  # SQLAlchemy declares it so
    # Look-ups use lower(email), so this index serves them, and keeps case variants from coexisting.
    __table_args__ = (sa.Index("uq_user_email_lower", sa.text("lower(email)"), unique=True),)

    email: Mapped[str] = mapped_column(sa.String(addresses.MAX_LENGTH))
    password_hash: Mapped[str] = mapped_column(sa.String(1024), info=SECRET)
    display_name: Mapped[str] = mapped_column(sa.String(100), default="", server_default="")
    created_at: Mapped[datetime] = mapped_column(default=clock.now, server_default=sa.func.now())
    # {% if cookiecutter.include_rbac %}
    roles: Mapped[list[Role]] = orm.relationship(secondary=user_role, lazy="selectin", passive_deletes=True)
    # {% endif %}
    # {% if cookiecutter.include_oauth %}
    oauth_accounts: Mapped[list[OAuthAccount]] = orm.relationship(lazy="raise", passive_deletes=True)
    # {% endif %}
    # Empty once verified. app/accounts/unproven_accounts.py removes accounts that are not verified by then.
    unproven_until: Mapped[datetime | None] = mapped_column(index=True)
    user_handle: Mapped[bytes | None] = mapped_column(sa.LargeBinary(64))  # Random; passkeys name the user by it.

    @orm.validates("email")
    def store_normalised(self, _key: str, address: str) -> str:
        """Store the normalised spelling, however the address gets into the table.

        Raises:
            ValueError: if the e-mail address is invalid.
        """
        return addresses.normalise_email(address)


class AccessToken(UUIDBase):
    """A token for programs, which act for its owner on the routes that are open to tokens."""

    __tablename__ = "access_token"
    user_id: Mapped[UUID] = mapped_column(sa.ForeignKey("user.id", ondelete="CASCADE"), index=True)
    digest: Mapped[bytes] = mapped_column(sa.LargeBinary(32), unique=True)
    name: Mapped[str] = mapped_column(sa.String(100))
    prefix: Mapped[str] = mapped_column(sa.String(8))
    access: Mapped[str] = mapped_column(sa.String(8))
    networks: Mapped[list[str]] = mapped_column(sa.ARRAY(sa.String(64)), **EMPTY_LIST)
    created_at: Mapped[datetime] = mapped_column(default=clock.now, server_default=sa.func.now())
    last_used_at: Mapped[datetime | None] = mapped_column()
    is_expiry_told: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    expires_at: Mapped[datetime] = mapped_column(index=True, info=EXPIRES)
    is_strong: Mapped[bool] = mapped_column(default=False, server_default=sa.false())  # As the sign-in that made it.
    # {% if cookiecutter.include_rbac %}
    permissions: Mapped[list[str]] = mapped_column(sa.ARRAY(sa.String(64)), **EMPTY_LIST)
    # {% endif %}
# {% if cookiecutter.include_rbac %}


# Lists of users are read newest first, and searched by the beginning of an address or a name.
sa.Index("ix_user_created_at_id", User.created_at, User.id)
sa.Index("ix_user_inactive", User.created_at, User.id, postgresql_where=~User.is_active)
sa.Index("ix_user_unverified", User.created_at, User.id, postgresql_where=~User.is_verified)
for begins in (User.email, User.display_name):
    lowered = sa.func.lower(begins).label("lowered")
    sa.Index(f"ix_user_{begins.key}_prefix", lowered, postgresql_ops={"lowered": "text_pattern_ops"})
# {% endif %}


class UserSession(UUIDBase):
    """A sign-in that has not ended: one row for each device, for every kind of credentials."""

    __tablename__ = "user_session"

    user_id: Mapped[UUID] = mapped_column(sa.ForeignKey("user.id", ondelete="CASCADE"), index=True)
    # The digest of the secret that the caller holds: a reader of this table cannot sign in with it.
    secret_digest: Mapped[bytes] = mapped_column(sa.LargeBinary(32), unique=True)
    # The secret that this one replaced: a late request with it must not expire the cookie that holds the new one.
    former_digest: Mapped[bytes | None] = mapped_column(sa.LargeBinary(32), index=True)
    # How often and when the secret was replaced because its holder confirmed who they are.
    generation: Mapped[int] = mapped_column(default=0, server_default=sa.text("0"))
    rotated_at: Mapped[datetime] = mapped_column(default=clock.now, server_default=sa.func.now())
    # {% if cookiecutter.include_oauth %}
    # The account at a provider that the sign-in was made through: unlinking it ends the sign-in.
    oauth_account_id: Mapped[UUID | None] = mapped_column(
        sa.ForeignKey("oauth_account.id", ondelete="CASCADE"), index=True
    )
    oauth_sid_digest: Mapped[bytes | None] = mapped_column(sa.LargeBinary(32), index=True)  # The session there.
    # {% endif %}
    created_at: Mapped[datetime] = mapped_column(default=clock.now, server_default=sa.func.now())
    secret_changed_at: Mapped[datetime] = mapped_column(default=clock.now, server_default=sa.func.now())
    last_seen_at: Mapped[datetime] = mapped_column(default=clock.now, server_default=sa.func.now())
    ip: Mapped[str] = mapped_column(sa.String(45), default="", server_default="")
    user_agent: Mapped[str] = mapped_column(sa.String(255), default="", server_default="")
    # When and how its holder last confirmed who they are (RFC 8176).
    authenticated_at: Mapped[datetime] = mapped_column(default=clock.now, server_default=sa.func.now())
    amr: Mapped[list[str]] = mapped_column(sa.ARRAY(sa.String(8)), default=list, server_default=sa.text("'{}'"))
    expires_at: Mapped[datetime] = mapped_column(index=True, info=EXPIRES)


class Attempts(UUIDBase):
    """A count of recent attempts, for all processes together."""

    __tablename__ = "attempts"

    bucket: Mapped[bytes] = mapped_column(sa.LargeBinary(32), unique=True)  # Keyed: a reader learns no address.
    count: Mapped[int] = mapped_column()
    expires_at: Mapped[datetime] = mapped_column(index=True, info=EXPIRES)


class OneTimeToken(UUIDBase):
    """A link in a mail that works once; a newer one for the same purpose takes its place."""

    __tablename__ = "one_time_token"
    __table_args__ = (sa.UniqueConstraint("user_id", "purpose", "email"),)

    user_id: Mapped[UUID] = mapped_column(sa.ForeignKey("user.id", ondelete="CASCADE"))
    purpose: Mapped[str] = mapped_column(sa.String(32))
    digest: Mapped[bytes] = mapped_column(sa.LargeBinary(32), unique=True)
    email: Mapped[str] = mapped_column(sa.String(addresses.MAX_LENGTH))  # It was sent there, and proves no other.
    created_at: Mapped[datetime] = mapped_column(default=clock.now, server_default=sa.func.now())
    expires_at: Mapped[datetime] = mapped_column(index=True, info=EXPIRES)


class OutgoingMail(UUIDBase):
    """A mail that waits to be sent; the row is deleted when a server has accepted the mail."""

    __tablename__ = "outgoing_mail"
    letter: Mapped[str] = mapped_column(sa.String(32))
    details: Mapped[str] = mapped_column(sa.String(255), default="", server_default="")  # What its text lists.
    recipient: Mapped[str] = mapped_column(sa.String(addresses.MAX_LENGTH), index=True)
    # Empty for a letter to an address. No foreign key: sending a mail must not block changes to the user.
    user_id: Mapped[UUID | None] = mapped_column(index=True)
    created_at: Mapped[datetime] = mapped_column(default=clock.now, server_default=sa.func.now())
    # Whether its link is stored: another attempt must not make a used link work again.
    is_prepared: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    attempts: Mapped[int] = mapped_column(default=0, server_default=sa.text("0"))
    next_attempt_at: Mapped[datetime | None] = mapped_column(default=clock.now, index=True)  # Empty once given up.
    last_error: Mapped[str] = mapped_column(sa.String(500), default="", server_default="")


class AuditEvent(UUIDBase):
    """An entry of the audit trail; the database refuses to change or remove one before its time."""

    __tablename__ = "audit_event"
    __table_args__ = tuple(  # Each filter reads the newest entries first.
        sa.Index(f"ix_audit_event_{name}_created_at", name, "created_at") for name in ("kind", "actor_id", "target_id")
    )

    created_at: Mapped[datetime] = mapped_column(default=clock.now, server_default=sa.func.now(), index=True)
    kind: Mapped[str] = mapped_column(sa.String(64))
    # No foreign keys: entries outlive the users that they name.
    actor_id: Mapped[UUID | None] = mapped_column()
    target_id: Mapped[UUID | None] = mapped_column()
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    ip: Mapped[str] = mapped_column(sa.String(45), default="", server_default="")
    request_id: Mapped[str] = mapped_column(sa.String(64), default="", server_default="")
