"""What a program may do with the notes of its owner."""

import pytest

from tests.access_tokens.program import program_of
from tests.access_tokens.test_requests import DENIED
from tests.access_tokens.test_requests import kind_of
from tests.cast import Person
from tests.cast import Stage


@pytest.mark.checklist("L02")
async def test_a_token_that_may_read_reads_and_changes_nothing(grace: Person, stage: Stage) -> None:
    await grace.sign_in()
    note = (await grace.post("/notes", title="Before")).json()
    program = await program_of(stage, grace)
    assert [each["title"] for each in (await program.get("/notes")).json()["items"]] == ["Before"]
    path = f"/notes/{note['id']}"
    assert kind_of(await program.post("/notes", title="New")) == DENIED
    assert kind_of(await program.client.patch(path, json={"title": "After"})) == DENIED
    assert kind_of(await program.client.delete(path)) == DENIED
    assert (await program.get(path)).json()["title"] == "Before"


async def test_a_token_that_may_write_changes_notes(grace: Person, stage: Stage) -> None:
    program = await program_of(stage, grace, access="write")
    note = (await program.post("/notes", title="Before")).json()
    path = f"/notes/{note['id']}"
    assert (await program.client.patch(path, json={"title": "After"})).json()["title"] == "After"
    assert (await program.client.delete(path)).status_code == 204
