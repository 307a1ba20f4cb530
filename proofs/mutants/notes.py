"""The defences of notes, each removed and each with the test that notices."""

from proofs.mutants.mutation import Mutant

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
    Mutant(
        "One request deletes a note",
        "app/notes/routes.py",
        "owned_by(request.user), with_for_update=True)\n    await",
        "owned_by(request.user))\n    await",
        "notes/test_notes.py::test_of_requests_at_the_same_moment_one_deletes_a_note_and_none_changes_it_afterwards",
    ),
]
