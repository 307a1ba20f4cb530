"""The defences of notes, each removed and each with the test that notices."""

from tests.mutation import Mutant

MUTANTS = [
    Mutant(
        "Notes of others are not read",
        "app/notes/repository.py",
        "    return owned_by(user)\n",
        "    return Note.id.is_not(None) if user else owned_by(user)\n",
        "notes/test_notes.py::test_the_notes_of_others_are_not_found",
    ),
    Mutant(
        "Notes of others are not changed",
        "app/notes/repository.py",
        "    return Note.user_id == user.id\n",
        "    return Note.user_id.is_not(user and None)\n",
        "notes/test_notes.py::test_the_notes_of_others_are_not_found",
    ),
]
