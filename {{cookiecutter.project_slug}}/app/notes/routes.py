"""The routes of notes: users have their own, and notes of others are not found (404)."""

from typing import Annotated
from uuid import UUID

from litestar import Router
from litestar import delete
from litestar import get
from litestar import patch
from litestar import post
from litestar.di import NamedDependency
from litestar.di import Provide
from litestar.pagination import OffsetPagination
from litestar.params import JSONBody
from litestar.params import Parameter
from msgspec import UNSET
from msgspec.structs import asdict
from sqlalchemy import select

from app.auth.user_sessions import UserRequest
from app.database.sessions import request_session
from app.http.pagination import PAGINATION
from app.http.pagination import Page
from app.http.pagination import paginate
from app.notes.models import Note
from app.notes.repository import NoteRepository
from app.notes.repository import owned_by
from app.notes.repository import provide_notes
from app.notes.repository import readable_by
from app.notes.schemas import NewNote
from app.notes.schemas import NoteChanges
from app.notes.schemas import NoteRead

NoteId = Annotated[UUID, Parameter(description="From the list.")]
Notes = NamedDependency[NoteRepository]


@get("/", dependencies=PAGINATION, access_tokens="read")
async def list_notes(request: UserRequest, part: NamedDependency[Page]) -> OffsetPagination[Note]:
    """List the notes that the caller may read, newest first."""
    newest_first = select(Note).where(readable_by(request.user)).order_by(Note.created_at.desc(), Note.id.desc())
    return await paginate(request_session(request), newest_first, part)


@post("/", access_tokens="write")
async def add_note(data: JSONBody[NewNote], request: UserRequest, notes: Notes) -> Note:
    """Add a note."""
    return await notes.add(Note(user_id=request.user.id, **asdict(data)))


@get("/{note_id:uuid}", access_tokens="read")
async def read_note(note_id: NoteId, request: UserRequest, notes: Notes) -> Note:
    """Read a note."""
    return await notes.get_one(Note.id == note_id, readable_by(request.user))


@patch("/{note_id:uuid}", access_tokens="write")
async def change_note(note_id: NoteId, data: JSONBody[NoteChanges], request: UserRequest, notes: Notes) -> Note:
    """Change a note."""
    note = await notes.get_one(Note.id == note_id, owned_by(request.user), with_for_update=True)
    for name, value in asdict(data).items():
        if value is not UNSET:
            setattr(note, name, value)
    return note


@delete("/{note_id:uuid}", return_dto=None, access_tokens="write")
async def delete_note(note_id: NoteId, request: UserRequest, notes: Notes) -> None:
    """Delete a note."""
    # Locked, so that of two requests at the same moment one deletes it and the other does not find it.
    note = await notes.get_one(Note.id == note_id, owned_by(request.user), with_for_update=True)
    await notes.delete(note.id)


ROUTES = [
    Router(
        "/notes",
        route_handlers=[list_notes, add_note, read_note, change_note, delete_note],
        return_dto=NoteRead,
        dependencies={"notes": Provide(provide_notes, sync_to_thread=False)},
        tags=["Notes"],
    )
]
