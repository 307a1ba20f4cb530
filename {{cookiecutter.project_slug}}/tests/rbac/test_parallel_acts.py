"""Acts of administration at the same moment: an administrator stays, and each act is done and entered once."""

import asyncio
from datetime import timedelta
from hashlib import sha256
from itertools import combinations_with_replacement
from itertools import product
from typing import Any

import pytest
from httpx import Response

from app.permissions import ADMINISTRATOR
from tests.cast import Clock
from tests.cast import Outbox
from tests.cast import Person
from tests.cast import Stage
from tests.racing import at_once
from tests.racing import statuses
from tests.rbac.conftest import give
from tests.tables import Tables

MANY = 8
MADE_AND_LOST = [*product(["delete", "is_active", "revoke"], ["revoke", "leave", "is_active", "is_verified"])]
WAYS_TO_LOSE = ["revoke", "delete", "is_active", "leave"]


async def ids_of(tables: Tables) -> dict[str, str]:
    """The ids of users and roles by name."""
    users = {row["email"].partition("@")[0]: str(row["id"]) for row in await tables.rows("user")}
    return users | {row["name"]: str(row["id"]) for row in await tables.rows("role")}


async def act(person: Person, what: str, ids: dict[str, str], whom: str, role: str = ADMINISTRATOR) -> Response:
    """Do this to a user; `leave` is about the caller."""
    if what in {"assign", "revoke"}:
        pair = {"user_id": ids[whom], "role_id": ids[role]}
        return await person.client.put(f"/users/roles/{what}", json=pair)
    if what == "delete":
        return await person.client.delete(f"/users/{ids[whom]}")
    if what == "leave":
        return await person.client.delete("/users/me")
    return await person.client.patch(f"/users/{ids[whom]}", json={what: False})


async def administrators_left(tables: Tables) -> set[str]:
    """Who can sign in and administer."""
    ids = await ids_of(tables)
    holders = {row["user_id"] for row in await tables.rows("user_role") if str(row["role_id"]) == ids[ADMINISTRATOR]}
    users = await tables.rows("user")
    return {row["email"] for row in users if row["id"] in holders and row["is_active"] and row["is_verified"]}


@pytest.mark.checklist("H07")
@pytest.mark.parametrize(("lost", "given_up"), MADE_AND_LOST)
async def test_an_administrator_stays_when_another_one_is_made_and_lost_at_the_same_moment(
    ada: Person, grace: Person, tables: Tables, lost: str, given_up: str
) -> None:
    ids = await ids_of(tables)
    acts = [("assign", "grace"), (lost, "grace"), (given_up, "ada")]
    answers = await at_once(tables, *(act(ada, what, ids, whom) for what, whom in acts))
    assert await administrators_left(tables), (grace.email, statuses(answers))
    assert max(statuses(answers)) < 500


@pytest.mark.checklist("H07")
@pytest.mark.parametrize("ways", [*combinations_with_replacement(WAYS_TO_LOSE, 3)], ids=", ".join)
async def test_of_three_administrators_who_remove_each_other_at_the_same_moment_one_stays(
    ada: Person, stage: Stage, tables: Tables, ways: tuple[str, ...]
) -> None:
    people = [ada, await stage.verified("barbara"), await stage.verified("carol")]
    for person in people[1:]:
        await give(tables, person, ADMINISTRATOR)
        await person.sign_in()
    ids = await ids_of(tables)
    victims = ["barbara", "carol", "ada"]
    answers = await at_once(
        tables, *(act(person, way, ids, victim) for person, way, victim in zip(people, ways, victims, strict=True))
    )
    assert await administrators_left(tables), statuses(answers)
    assert max(statuses(answers)) < 500


ONCE = [
    ("delete", 204, 404, "user.deleted"),
    ("assign", 200, 409, "role.assigned"),
    ("revoke", 200, 409, "role.revoked"),
    ("is_active", 200, 200, "user.changed"),
]


@pytest.mark.checklist("H08")
@pytest.mark.parametrize(("what", "done", "refused", "entry"), ONCE)
async def test_an_act_on_a_user_is_done_and_recorded_once(  # noqa: PLR0913, PLR0917  # the cast and the table
    ada: Person, grace: Person, outbox: Outbox, tables: Tables, what: str, done: int, refused: int, entry: str
) -> None:
    if what == "revoke":
        await give(tables, grace, "member")
    ids, mails = await ids_of(tables), len(outbox.to(grace))
    answers = await at_once(tables, *(act(ada, what, ids, "grace", "member") for _ in range(MANY)))
    assert statuses(answers) == sorted([done] + [refused] * (MANY - 1))
    assert len(await tables.trail(entry)) == 1
    assert len(outbox.to(grace)) - mails == (what == "delete")


@pytest.mark.checklist("H08")
@pytest.mark.parametrize("is_known", [False, True])
async def test_an_invitation_is_stored_and_mailed_once(
    ada: Person, visitor: Person, outbox: Outbox, tables: Tables, *, is_known: bool
) -> None:
    if is_known:
        await visitor.register()
    mails = len(outbox.to(visitor))
    invitations = (ada.post("/users", email=visitor.email, roles=["member"]) for _ in range(MANY))
    assert statuses(await at_once(tables, *invitations)) == [201] + [409] * (MANY - 1)
    assert len(await tables.trail("user.invited")) == len(await tables.trail("role.assigned")) == 1
    assert len(outbox.to(visitor)) - mails == 1


@pytest.mark.checklist("H08")
async def test_an_invitation_locks_the_address_before_the_users(ada: Person, visitor: Person, tables: Tables) -> None:
    await visitor.register()
    # As `ownership.lock_email` does for a sign-up with the address, which locks the user next.
    key = int.from_bytes(sha256(f"email\0{visitor.email}".encode()).digest()[:8], "big", signed=True)
    async with tables.changing(f"SELECT pg_advisory_xact_lock({key})"):
        answer = asyncio.ensure_future(ada.post("/users", email=visitor.email))
        await tables.somebody_waits()
        await tables.execute('SELECT id FROM "user" FOR UPDATE NOWAIT')
    assert (await answer).status_code == 201


@pytest.mark.checklist("H08")
async def test_a_reset_is_mailed_once(ada: Person, grace: Person, outbox: Outbox, tables: Tables, clock: Clock) -> None:
    path = f"/users/{(await ids_of(tables))['grace']}/reset-password"
    assert statuses(await at_once(tables, *(ada.client.post(path) for _ in range(MANY)))) == [202] + [409] * (MANY - 1)
    assert (len(await tables.trail("password.reset-started")), len(outbox.to(grace))) == (1, 1)
    clock.advance(timedelta(seconds=11))
    assert (await ada.client.post(path)).status_code == 202


@pytest.mark.checklist("H08")
async def test_a_role_is_made_changed_and_deleted_once(ada: Person, tables: Tables) -> None:
    made = await at_once(tables, *(ada.post("/users/roles", name="editors", permissions=[]) for _ in range(MANY)))
    assert statuses(made) == [201] + [409] * (MANY - 1)
    path, change = f"/users/roles/{(await ids_of(tables))['editors']}", {"description": "They edit."}
    changed = await at_once(tables, *(ada.client.patch(path, json=change) for _ in range(MANY)))
    assert statuses(changed) == [200] * MANY
    deleted = await at_once(tables, *(ada.client.delete(path) for _ in range(MANY)))
    assert statuses(deleted) == [200] + [404] * (MANY - 1)
    assert [len(await tables.trail(f"role.{what}")) for what in ("created", "changed", "deleted")] == [1, 1, 1]


@pytest.mark.checklist("H08")
@pytest.mark.usefixtures("grace")
async def test_a_role_that_is_deleted_meanwhile_is_neither_changed_nor_given(
    ada: Person, tables: Tables, editors: dict[str, Any]
) -> None:
    ids, path = await ids_of(tables), f"/users/roles/{editors['id']}"
    changes = [ada.client.patch(path, json=change) for change in ({"description": ""}, {"name": "writers"})]
    answers = await at_once(
        tables, *changes, act(ada, "assign", ids, "grace", "editors"), ada.client.delete(path), ada.client.delete(path)
    )
    assert [answer.status_code for answer in answers[3:]].count(200) == 1
    assert set(statuses(answers)) <= {200, 404}
    assert editors["name"] not in await ids_of(tables)
