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
    """Something that a user has written down."""

    __tablename__ = "note"
    # Lists are read from their end.
    __table_args__ = (sa.Index("ix_note_user_id_created_at_id", "user_id", "created_at", "id"),)

    # It goes with its owner, and `GET /users/me/export` shows it to them.
    user_id: Mapped[UUID] = mapped_column(sa.ForeignKey("user.id", ondelete="CASCADE"))
    title: Mapped[str] = mapped_column(sa.String(TITLE_MAX_LENGTH))
    text: Mapped[str] = mapped_column(sa.Text(), default="", server_default="")
    created_at: Mapped[datetime] = mapped_column(default=clock.now, server_default=sa.func.now())
