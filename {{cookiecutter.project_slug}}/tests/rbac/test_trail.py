"""The audit trail over HTTP, and what administrators leave in it."""

from datetime import timedelta
from typing import Any

import pytest

from app import clock as service_clock
from tests.cast import Clock
from tests.cast import Person
from tests.credentials import kind
from tests.rbac.conftest import give
from tests.tables import Tables


async def trail(person: Person, **query: Any) -> list[dict[str, Any]]:
    """The entries that are looked for, the latest first."""
    answer = await person.client.get("/audit-events", params=query)
    assert answer.status_code == 200, answer.text
    entries: list[dict[str, Any]] = answer.json()["items"]
    return entries


@pytest.mark.checklist("H06")
async def test_what_administrators_do_is_recorded_with_what_changed(ada: Person, grace: Person) -> None:
    await grace.sign_in()
    ids = {"ada": await ada.id(), "grace": await grace.id()}
    role = (await ada.post("/users/roles", name="editors", permissions=["roles:read"])).json()
    pair = {"user_id": ids["grace"], "role_id": role["id"]}
    await ada.client.put("/users/roles/assign", json=pair)
    await ada.client.patch(f"/users/roles/{role['id']}", json={"permissions": []})
    await ada.client.put("/users/roles/revoke", json=pair)
    await ada.client.delete(f"/users/roles/{role['id']}")
    await ada.client.patch(f"/users/{ids['grace']}", json={"is_active": False, "display_name": ""})
    await ada.client.patch(f"/users/{ids['grace']}", json={"is_active": True})
    await ada.client.post(f"/users/{ids['grace']}/reset-password")
    editors = {"name": "editors", "description": None, "permissions": ["roles:read"]}
    no_permissions = editors | {"permissions": []}
    done = await trail(ada, actor=ids["ada"], page_size=8)
    assert [(entry["kind"], entry["target_id"], entry["before"], entry["after"]) for entry in reversed(done)] == [
        ("role.created", role["id"], None, editors),
        ("role.assigned", ids["grace"], None, {"role": "editors"}),
        ("role.changed", role["id"], editors, no_permissions),
        ("role.revoked", ids["grace"], {"role": "editors"}, None),
        ("role.deleted", role["id"], no_permissions, None),
        ("user.changed", ids["grace"], {"is_active": True}, {"is_active": False}),
        ("user.changed", ids["grace"], {"is_active": False}, {"is_active": True}),
        ("password.reset-started", ids["grace"], None, None),
    ]
    assert {entry["ip"] for entry in done} == {"192.0.2.1"}
    assert len({entry["request_id"] for entry in done} - {""}) == len(done)


@pytest.mark.checklist("H06")
async def test_deleting_and_inviting_are_recorded_and_outlive_whom_they_are_about(ada: Person, grace: Person) -> None:
    await grace.sign_in()
    ids = [await ada.id(), await grace.id()]
    invited = (await ada.post("/users", email="new@example.com", roles=["member"])).json()
    await ada.client.delete(f"/users/{ids[1]}")
    deleted, assigned, made = await trail(ada, actor=ids[0], page_size=3)
    assert (deleted["kind"], deleted["target_id"], deleted["ip"]) == ("user.deleted", ids[1], "192.0.2.1")
    assert (assigned["kind"], assigned["after"]) == ("role.assigned", {"role": "member"})
    assert (made["kind"], made["target_id"]) == ("user.invited", invited["id"])


@pytest.mark.checklist("H06")
async def test_deleting_a_role_is_recorded_for_each_of_its_members(
    ada: Person, grace: Person, mallory: Person, tables: Tables, editors: dict[str, Any]
) -> None:
    for person in (grace, mallory):
        await give(tables, person, editors["name"])
    await ada.client.delete(f"/users/roles/{editors['id']}")
    *lost, deleted = reversed(await trail(ada, page_size=3))
    members = {str(row["id"]) for row in await tables.rows("user") if row["email"] in {grace.email, mallory.email}}
    assert {entry["target_id"] for entry in lost} == members
    shown = {"kind": "role.revoked", "actor_id": await ada.id(), "before": {"role": "editors"}, "ip": "192.0.2.1"}
    assert [{name: entry[name] for name in shown} for entry in lost] == [shown, shown]
    assert (deleted["kind"], deleted["target_id"]) == ("role.deleted", editors["id"])
    assert len({entry["request_id"] for entry in [*lost, deleted]}) == 1


async def test_entries_are_found_by_who_whom_what_and_when(ada: Person, visitor: Person, clock: Clock) -> None:
    await visitor.register()
    await visitor.verify()
    await visitor.sign_in()
    visitor_id = await visitor.id()
    clock.advance(timedelta(hours=1))
    noon = service_clock.now().isoformat()
    clock.advance(timedelta(hours=1))
    for person in (ada, visitor):
        await kind.keep_up(person.client)
    await visitor.sign_out()
    assert [entry["kind"] for entry in await trail(ada, actor=visitor_id, since=noon)] == ["sign-in.ended"]
    earlier = [entry["kind"] for entry in await trail(ada, target=visitor_id, until=noon)]
    assert earlier == ["sign-in.succeeded", "user.verified", "user.registered"]
    assert [entry["target_id"] for entry in await trail(ada, kind="sign-in.ended")] == [visitor_id]
    assert await trail(ada, kind="sign-in.ended", until=noon) == []
    assert len(await trail(ada, page_size=2, page=2)) == 2


@pytest.mark.parametrize(
    ("since", "is_found"),
    [
        ("0001-01-01T00:00:00", True),
        ("0001-01-01T00:00:00Z", True),
        ("2020-01-01", True),
        ("2020-01-01T00:00:00+14:00", True),
        ("9999-12-31T23:59:59.999999", False),
        ("9999-12-31T23:59:59Z", False),
    ],
)
async def test_a_time_may_lie_at_an_end_of_the_calendar_and_have_no_zone(
    ada: Person, since: str, *, is_found: bool
) -> None:
    assert bool(await trail(ada, since=since)) is is_found
    assert bool(await trail(ada, until=since)) is not is_found


async def test_a_time_without_a_zone_is_utc(ada: Person) -> None:
    [entry] = await trail(ada, page_size=1)
    moment = entry["created_at"].removesuffix("Z")
    assert await trail(ada, since=moment, until=f"{moment}Z") == []
    assert await trail(ada, since=moment, kind=entry["kind"]) == [entry]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"actor": "me"}, "actor"),
        ({"since": "yesterday"}, "since"),
        ({"since": ""}, "since"),
        ({"until": "0001-01-01T00:00:00+14:00"}, "until"),
        ({"since": "9999-12-31T23:59:59.999999-00:01"}, "since"),
        ({"until": "10000-01-01T00:00:00Z"}, "until"),
        ({"since": "0000-01-01T00:00:00Z"}, "since"),
        ({"since": "253402300800"}, "since"),
        ({"until": "2026-02-30T00:00:00Z"}, "until"),
        ({"until": "2026-01-01T00:00:00+24:00"}, "until"),
        ({"since": "2026-01-01T00:00:00Z\x00"}, "since"),
        ({"kind": "x" * 65}, "kind"),
        ({"kind": "\x00"}, "kind"),
        ({"target": "\x00"}, "target"),
        ({"page": 0}, "page"),
    ],
)
async def test_what_cannot_be_looked_for_is_refused_by_name(ada: Person, query: dict[str, Any], field: str) -> None:
    answer = await ada.client.get("/audit-events", params=query)
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (400, [field])
