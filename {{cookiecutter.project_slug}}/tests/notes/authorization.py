"""Who may call the routes of notes."""

TABLE = {
    "GET /notes": "signed in",
    "POST /notes": "signed in",
    "GET /notes/{note_id}": "signed in",
    "PATCH /notes/{note_id}": "signed in",
    "DELETE /notes/{note_id}": "signed in",
}
