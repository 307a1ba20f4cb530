"""The bodies of notes."""

from typing import Annotated

from advanced_alchemy.extensions.litestar import SQLAlchemyDTOConfig
from msgspec import UNSET
from msgspec import Meta
from msgspec import UnsetType

from app.accounts.schemas import Body
from app.http.dto import ListedDTO
from app.notes.models import TEXT_MAX_LENGTH
from app.notes.models import TITLE_MAX_LENGTH
from app.notes.models import Note

Title = Annotated[str, Meta(min_length=1, max_length=TITLE_MAX_LENGTH)]
Text = Annotated[str, Meta(max_length=TEXT_MAX_LENGTH)]


class NoteRead(ListedDTO[Note]):
    """A note as it is shown."""

    config = SQLAlchemyDTOConfig(include={"id", "user_id", "title", "text", "created_at"})


class NewNote(Body):
    """A new note."""

    title: Title
    text: Text = ""


class NoteChanges(Body):
    """Changes of a note; fields that are left out stay as they are."""

    title: Title | UnsetType = UNSET
    text: Text | UnsetType = UNSET
