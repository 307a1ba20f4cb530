"""What the tests of the whole service take from notes."""

ROWS: dict[str, str] = {}
ROUTES = {
    "GET /notes": "signed in",
    "POST /notes": "signed in",
    "GET /notes/{note_id}": "signed in",
    "PATCH /notes/{note_id}": "signed in",
    "DELETE /notes/{note_id}": "signed in",
}
TOKENS = {
    "GET /notes": "read",
    "POST /notes": "write",
    "GET /notes/{note_id}": "read",
    "PATCH /notes/{note_id}": "write",
    "DELETE /notes/{note_id}": "write",
}
USERS: dict[str, str] = {}
