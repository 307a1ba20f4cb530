"""Notes: users have their own and no access to others."""

from typing import Any

import pytest

from tests.cast import Person
from tests.racing import at_once
from tests.racing import statuses
from tests.tables import Tables


@pytest.fixture
async def note(grace: Person) -> dict[str, Any]:
    """Something that grace has written down."""
    await grace.sign_in()
    answer = await grace.post("/notes", title="Compilers", text="They are possible.\nReally.")
    assert answer.status_code == 201
    written: dict[str, Any] = answer.json()
    return written


async def test_a_note_is_written_read_changed_and_thrown_away(grace: Person, note: dict[str, Any]) -> None:
    path = f"/notes/{note['id']}"
    assert note.keys() == {"id", "user_id", "title", "text", "created_at"}
    assert (await grace.get(path)).json() == note
    changed = await grace.client.patch(path, json={"title": "Bugs"})
    assert (changed.status_code, changed.json()) == (200, note | {"title": "Bugs"})
    assert (await grace.client.delete(path)).status_code == 204
    assert (await grace.get(path)).status_code == 404


async def test_notes_are_listed_by_page_the_newest_first(grace: Person, note: dict[str, Any]) -> None:
    for number in range(3):
        await grace.post("/notes", title=f"Note {number}")
    first = (await grace.get("/notes?page_size=3")).json()
    assert ([item["title"] for item in first["items"]], first["total"]) == (["Note 2", "Note 1", "Note 0"], 4)
    assert (await grace.get("/notes?page_size=3&page=2")).json()["items"] == [note]


async def test_the_notes_of_others_are_not_found(mallory: Person, grace: Person, note: dict[str, Any]) -> None:
    await mallory.sign_in()
    path = f"/notes/{note['id']}"
    answers = [
        await mallory.get(path),
        await mallory.client.patch(path, json={"title": "Mine"}),
        await mallory.client.delete(path),
    ]
    assert {(answer.status_code, answer.json()["type"]) for answer in answers} == {(404, "/problems/not-found")}
    assert (await mallory.get("/notes")).json()["items"] == []
    assert (await grace.get(path)).json() == note


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "title"),
        ({"title": ""}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"title": "x", "text": "x" * 10_001}, "text"),
        ({"title": "x", "user_id": "00000000-0000-4000-8000-000000000000"}, "user_id"),
    ],
)
async def test_what_is_no_note_is_refused_by_name(
    grace: Person, note: dict[str, Any], body: dict[str, str], field: str
) -> None:
    answers = [await grace.post("/notes", **body)]
    if body:
        answers.append(await grace.client.patch(f"/notes/{note['id']}", json=body))
    for answer in answers:
        assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (400, [field])


async def test_a_character_that_postgresql_cannot_store_is_refused(grace: Person, note: dict[str, Any]) -> None:
    answer = await grace.client.patch(f"/notes/{note['id']}", json={"text": "a\x00b"})
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/invalid-request")


async def test_notes_are_exported_and_go_with_their_owner(grace: Person, note: dict[str, Any], tables: Tables) -> None:
    export = (await grace.get("/users/me/export")).json()
    assert [row["title"] for row in export["note"]] == [note["title"]]
    await grace.client.delete("/users/me")
    assert await tables.rows("note") == []


@pytest.mark.checklist("H08")
async def test_of_requests_at_the_same_moment_one_deletes_a_note_and_none_changes_it_afterwards(
    grace: Person, note: dict[str, Any], tables: Tables
) -> None:
    path = f"/notes/{note['id']}"
    deletions = [grace.client.delete(path) for _ in range(4)]
    changes = [grace.client.patch(path, json={"title": "Bugs"}) for _ in range(4)]
    answers = await at_once(tables, *deletions, *changes)
    assert statuses(answers).count(204) == 1
    assert set(statuses(answers)) <= {200, 204, 404}
