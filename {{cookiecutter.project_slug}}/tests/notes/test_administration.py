"""A user with the permission reads the notes of all users, and changes none."""

from typing import Any

from tests.cast import Person
from tests.rbac.conftest import ada
from tests.tables import Tables

__all__ = ["ada"]


async def test_administrators_read_the_notes_of_others_and_change_none(
    ada: Person, grace: Person, tables: Tables
) -> None:
    await grace.sign_in()
    note: dict[str, Any] = (await grace.post("/notes", title="Compilers")).json()
    path = f"/notes/{note['id']}"
    assert (await ada.get(path)).json() == note
    assert (await ada.get("/notes")).json()["items"] == [note]
    assert (await ada.client.patch(path, json={"title": "Mine"})).status_code == 404
    assert (await ada.client.delete(path)).status_code == 404
    assert len(await tables.rows("note")) == 1
