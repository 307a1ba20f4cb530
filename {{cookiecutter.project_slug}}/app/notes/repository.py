"""Access to notes, and who may read and change which."""

from typing import Any

from advanced_alchemy.repository import SQLAlchemyAsyncRepository
from litestar import Request
from sqlalchemy import ColumnElement

from app.auth.current_user import CurrentUser
from app.database.sessions import request_session
from app.notes.models import Note
# {% if cookiecutter.include_rbac %}
from app.permissions import Permission
# {% endif %}


class NoteRepository(SQLAlchemyAsyncRepository[Note]):
    """The repository of notes."""

    model_type = Note


def provide_notes(request: Request[Any, Any, Any]) -> NoteRepository:
    """The dependency `notes` of handlers."""
    return NoteRepository(session=request_session(request))


def owned_by(user: CurrentUser) -> ColumnElement[bool]:
    """The condition for notes that this user may change; notes of others are then not found (404)."""
    return Note.user_id == user.id


def readable_by(user: CurrentUser) -> ColumnElement[bool]:
    """The condition for notes that this user may read."""
    # {% if cookiecutter.include_rbac %}
    if Permission.NOTES_READ in user.permissions:
        return Note.id.is_not(None)
    # {% endif %}
    return owned_by(user)
