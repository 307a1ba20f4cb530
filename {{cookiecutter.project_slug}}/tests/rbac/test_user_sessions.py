"""Administrators see where a user is signed in, and end it."""

from uuid import uuid4

import pytest

from tests.cast import Person
from tests.cast import Stage
from tests.racing import at_once
from tests.racing import statuses
from tests.rbac.conftest import give
from tests.tables import Tables

MANY = 8


async def path_of(person: Person) -> str:
    """The path of the sign-ins of a user who is signed in."""
    return f"/users/{(await person.get('/users/me')).json()['id']}/sessions"


@pytest.fixture
async def host(ada: Person, stage: Stage, tables: Tables) -> Person:
    """A user who may end sign-ins and nothing else, signed in."""
    await ada.post("/users/roles", name="hosts", permissions=["sessions:manage"])
    host = await stage.verified("host")
    await give(tables, host, "hosts")
    await host.sign_in()
    return host


@pytest.mark.checklist("E10")
async def test_they_see_where_a_user_is_signed_in(host: Person, signed_in: Person, stage: Stage) -> None:
    phone = stage.person("grace", "198.51.100.7")
    phone.client.headers["User-Agent"] = "Phone/2.0"
    await phone.sign_in()
    answer = await host.get(await path_of(signed_in))
    assert answer.status_code == 200
    places = {("198.51.100.7", "Phone/2.0"), ("192.0.2.1", signed_in.client.headers["User-Agent"])}
    assert {(device["ip"], device["user_agent"]) for device in answer.json()} == places
    assert {frozenset(device) for device in answer.json()} == {
        frozenset({"id", "created_at", "last_seen_at", "authenticated_at", "ip", "user_agent", "amr"})
    }


@pytest.mark.checklist("E10")
async def test_they_sign_a_user_out_of_one_device(
    host: Person, signed_in: Person, stage: Stage, tables: Tables
) -> None:
    path, phone = await path_of(signed_in), stage.person("grace", "198.51.100.7")
    await phone.sign_in()
    [there] = [device for device in (await host.get(path)).json() if device["ip"] == "198.51.100.7"]
    answers = await at_once(tables, *(host.client.delete(f"{path}/{there['id']}") for _ in range(MANY)))
    assert statuses(answers) == [204] + [404] * (MANY - 1)
    assert ((await phone.get("/users/me")).status_code, (await signed_in.get("/users/me")).status_code) == (401, 200)
    assert len(await tables.trail("sign-in.ended")) == 1


@pytest.mark.checklist("E10", "H06", "H08")
async def test_they_sign_a_user_out_everywhere(host: Person, signed_in: Person, tables: Tables) -> None:
    path = await path_of(signed_in)
    answers = await at_once(tables, *(host.client.delete(path) for _ in range(MANY)))
    assert statuses(answers) == [204] * MANY
    assert (await signed_in.get("/users/me")).status_code == 401
    assert (await host.get(path)).json() == []
    [entry] = await tables.trail("sign-in.all-ended")
    ids = {row["email"]: row["id"] for row in await tables.rows("user")}
    assert (entry["actor_id"], entry["target_id"]) == (ids[host.email], ids[signed_in.email])


@pytest.mark.checklist("H04")
async def test_they_end_no_sign_in_of_a_user_who_may_do_more(host: Person, ada: Person, tables: Tables) -> None:
    path = await path_of(ada)
    devices = (await host.get(path)).json()
    for each in (path, f"{path}/{devices[0]['id']}"):
        answer = await host.client.delete(each)
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/permission-denied")
    assert (await ada.get("/users/me")).status_code == 200
    assert len(await tables.trail("sign-in.ended")) == 0


async def test_unknown_users_and_sign_ins_of_others_are_not_found(
    host: Person, signed_in: Person, mallory: Person
) -> None:
    await mallory.sign_in()
    path = await path_of(signed_in)
    [of_mallory] = (await host.get(await path_of(mallory))).json()
    unknown = f"/users/{uuid4()}/sessions"
    answers = [
        await host.get(unknown),
        await host.client.delete(unknown),
        await host.client.delete(f"{path}/{uuid4()}"),
        await host.client.delete(f"{path}/{of_mallory['id']}"),
    ]
    assert {(answer.status_code, answer.json()["type"]) for answer in answers} == {(404, "/problems/not-found")}
    assert (await mallory.get("/users/me")).status_code == 200
