"""The table of notes."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from advanced_alchemy.base import UUIDBase
from sqlalchemy.orm import Mapped
from sqlalchemy.orm import mapped_column

from app import clock

TITLE_MAX_LENGTH = 200
TEXT_MAX_LENGTH = 10_000


class Note(UUIDBase):
    """A note of a user."""

    __tablename__ = "note"
    # Lists show the newest first.
    __table_args__ = (sa.Index("ix_note_user_id_created_at_id", "user_id", "created_at", "id"),)

    # Deleted with the user, and part of `GET /users/me/export`.
    user_id: Mapped[UUID] = mapped_column(sa.ForeignKey("user.id", ondelete="CASCADE"))
    title: Mapped[str] = mapped_column(sa.String(TITLE_MAX_LENGTH))
    text: Mapped[str] = mapped_column(sa.Text(), default="", server_default="")
    created_at: Mapped[datetime] = mapped_column(default=clock.now, server_default=sa.func.now())
