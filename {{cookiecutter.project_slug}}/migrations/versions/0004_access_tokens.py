"""Tokens for programs.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLE = "access_token"


def upgrade() -> None:
    """Apply this revision."""
    owner = sa.ForeignKey("user.id", name=op.f("fk_access_token_user_id_user"), ondelete="CASCADE")
    op.create_table(
        TABLE,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), owner, nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("prefix", sa.String(8), nullable=False),
        sa.Column("access", sa.String(8), nullable=False),
        sa.Column("networks", sa.ARRAY(sa.String(64)), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_expiry_told", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        # {% if cookiecutter.include_rbac %}
        sa.Column("permissions", sa.ARRAY(sa.String(64)), server_default=sa.text("'{}'"), nullable=False),
        # {% endif %}
        sa.Column("sa_orm_sentinel", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_token")),
        sa.UniqueConstraint("digest", name=op.f("uq_access_token_digest")),
    )
    for column in ("user_id", "expires_at"):
        op.create_index(op.f(f"ix_access_token_{column}"), TABLE, [column])


def downgrade() -> None:
    """Take this revision back."""
    op.drop_table(TABLE)
