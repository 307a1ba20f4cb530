"""What version 0.2 knows of accounts and sign-ins.

Revision ID: 0003
Revises: 0002
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
# Where the example and its revision were removed, this one follows the first.
down_revision = "0002" if Path(__file__).with_name("0002_notes.py").exists() else "0001"
branch_labels = None
depends_on = None

INDEXED = {"is_indexed": True}


def columns() -> Iterator[tuple[str, sa.Column[Any]]]:
    """What each table gets."""
    # Empty for accounts that exist, so none of those is ever removed as unproven.
    yield "user", sa.Column("unproven_until", sa.DateTime(timezone=True), nullable=True, info=INDEXED)
    # {% if cookiecutter.include_oauth %}
    yield "oauth_state", sa.Column("key_id", sa.String(8), server_default="", nullable=False)
    yield "oauth_state", sa.Column("generation", sa.Integer(), server_default=sa.text("0"), nullable=False)
    yield "oauth_state", sa.Column("display_name", sa.String(100), server_default="", nullable=False)
    name = op.f("fk_user_session_oauth_account_id_oauth_account")
    provider = sa.ForeignKey("oauth_account.id", name=name, ondelete="CASCADE")
    yield "user_session", sa.Column("oauth_account_id", sa.Uuid(), provider, nullable=True, info=INDEXED)
    yield "user_session", sa.Column("oauth_sid_digest", sa.LargeBinary(32), nullable=True, info=INDEXED)
    # {% endif %}
    yield "user_session", sa.Column("former_digest", sa.LargeBinary(32), nullable=True, info=INDEXED)
    yield "user_session", sa.Column("generation", sa.Integer(), server_default=sa.text("0"), nullable=False)
    yield "outgoing_mail", sa.Column("details", sa.String(255), server_default="", nullable=False)


def upgrade() -> None:
    """Apply this revision."""
    for table, column in columns():
        op.add_column(table, column)
        if column.info == INDEXED:
            op.create_index(op.f(f"ix_{table}_{column.name}"), table, [column.name])
    # A mail that was given up keeps no address, and what the server said may quote one.
    op.execute("UPDATE outgoing_mail SET recipient = '', last_error = '' WHERE next_attempt_at IS NULL")


def downgrade() -> None:
    """Take this revision back."""
    for table, column in reversed([*columns()]):
        op.drop_column(table, column.name)
