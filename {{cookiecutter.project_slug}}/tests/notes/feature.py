"""What the tests of the whole service take from notes."""

ROWS: dict[str, str] = {}
ROUTES = {
    "GET /notes": "signed in",
    "POST /notes": "signed in",
    "GET /notes/{note_id}": "signed in",
    "PATCH /notes/{note_id}": "signed in",
    "DELETE /notes/{note_id}": "signed in",
}
USERS: dict[str, str] = {}
