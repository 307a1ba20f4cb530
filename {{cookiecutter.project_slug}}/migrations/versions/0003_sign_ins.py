"""What version 0.2 knows of accounts and sign-ins.

Revision ID: 0003
Revises: 0002
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0003"
# Where the example and its revision were removed, this one follows the first.
down_revision = "0002" if Path(__file__).with_name("0002_notes.py").exists() else "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    # Empty for accounts that exist, so none of those is ever removed as unproven.
    op.add_column("user", sa.Column("unproven_until", sa.DateTime(timezone=True), nullable=True))
    op.create_index(op.f("ix_user_unproven_until"), "user", ["unproven_until"])
    op.add_column("user_session", sa.Column("generation", sa.Integer(), server_default=sa.text("0"), nullable=False))
    # {% if cookiecutter.include_oauth %}
    op.add_column("oauth_state", sa.Column("key_id", sa.String(8), server_default="", nullable=False))
    op.add_column("user_session", sa.Column("oauth_account_id", sa.Uuid(), nullable=True))
    op.create_index(op.f("ix_user_session_oauth_account_id"), "user_session", ["oauth_account_id"])
    op.create_foreign_key(
        op.f("fk_user_session_oauth_account_id_oauth_account"),
        "user_session",
        "oauth_account",
        ["oauth_account_id"],
        ["id"],
        ondelete="CASCADE",
    )
    # {% endif %}


def downgrade() -> None:
    """Take this revision back."""
    # {% if cookiecutter.include_oauth %}
    op.drop_column("user_session", "oauth_account_id")
    op.drop_column("oauth_state", "key_id")
    # {% endif %}
    op.drop_column("user_session", "generation")
    op.drop_column("user", "unproven_until")
