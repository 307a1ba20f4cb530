"""The list of sign-ins of a user, and ending them from another device."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from tests.cast import PASSWORD
from tests.cast import Clock
from tests.cast import Person
from tests.cast import Stage
from tests.credentials import kind
from tests.tables import Tables


@pytest.fixture
async def desk(grace: Person) -> Person:
    """An ordinary user at her desk, signed in."""
    grace.client.headers["User-Agent"] = "Desk/1.0"
    await grace.sign_in()
    return grace


@pytest.fixture
async def phone(stage: Stage, desk: Person) -> Person:
    """The same user on the road."""
    phone = stage.person("grace", "198.51.100.7")
    phone.client.headers["User-Agent"] = "Phone/2.0 " + "x" * 300
    assert (await phone.sign_in()).status_code == 201, desk
    return phone


@pytest.mark.checklist("E10")
async def test_the_list_says_where_and_since_when(desk: Person, phone: Person) -> None:
    answer = await desk.get("/users/me/sessions")
    assert answer.status_code == 200
    there, here = sorted(answer.json(), key=lambda device: bool(device["current"]))
    when = {"created_at", "last_seen_at", "authenticated_at"}
    assert here.keys() == when | {"id", "ip", "user_agent", "amr", "current"}
    assert (here["current"], here["ip"], here["user_agent"]) == (True, "192.0.2.1", "Desk/1.0")
    assert (there["current"], there["ip"]) == (False, "198.51.100.7")
    assert there["user_agent"].startswith("Phone/2.0 ")
    assert [device["current"] for device in (await phone.get("/users/me/sessions")).json()].count(True) == 1


@pytest.mark.checklist("E10")
async def test_the_list_says_where_a_device_was_seen_last(desk: Person, stage: Stage, clock: Clock) -> None:
    moved = stage.copy_of(desk)
    moved.client.headers["User-Agent"] = "Desk/1.1"
    await moved.get("/users/me")
    [device] = (await desk.get("/users/me/sessions")).json()
    assert (device["ip"], device["user_agent"]) == ("192.0.2.1", "Desk/1.0"), "within a minute nothing is written"
    clock.advance(timedelta(minutes=1))
    await moved.get("/users/me")
    [device] = (await desk.get("/users/me/sessions")).json()
    assert (device["ip"], device["user_agent"]) == ("198.51.100.66", "Desk/1.1")


@pytest.mark.checklist("E10")
async def test_a_device_that_renews_its_credentials_is_seen_where_it_is(
    desk: Person, stage: Stage, clock: Clock
) -> None:
    moved = stage.copy_of(desk)
    clock.advance(timedelta(minutes=1))
    await kind.keep_up(moved.client)
    await moved.get("/users/me")
    [device] = (await moved.get("/users/me/sessions")).json()
    assert device["ip"] == "198.51.100.66"


@pytest.mark.checklist("E10")
async def test_of_parallel_requests_one_notes_where_it_came_from(desk: Person, clock: Clock, tables: Tables) -> None:
    clock.advance(timedelta(minutes=2))
    async with tables.changing("UPDATE user_session SET user_agent = 'Desk/2.0', last_seen_at = last_seen_at + '1m'"):
        request = asyncio.create_task(desk.get("/users/me"))
        await tables.somebody_waits()
    assert (await request).status_code == 200
    [row] = await tables.rows("user_session")
    assert row["user_agent"] == "Desk/2.0"


@pytest.mark.checklist("E10")
async def test_one_device_is_signed_out(desk: Person, phone: Person) -> None:
    [there] = [device for device in (await desk.get("/users/me/sessions")).json() if not device["current"]]
    path = f"/users/me/sessions/{there['id']}"
    assert (await desk.client.delete(path)).status_code == 204
    assert (await phone.get("/users/me")).status_code == 401
    assert (await desk.client.delete(path)).status_code == 404
    assert (await desk.get("/users/me")).status_code == 200


@pytest.mark.checklist("E10")
async def test_all_other_devices_are_signed_out(desk: Person, phone: Person) -> None:
    assert (await desk.client.delete("/users/me/sessions")).status_code == 204
    assert (await phone.get("/users/me")).status_code == 401
    assert len((await desk.get("/users/me/sessions")).json()) == 1


@pytest.mark.checklist("E10")
async def test_devices_of_other_users_cannot_be_ended(desk: Person, mallory: Person, tables: Tables) -> None:
    [row] = await tables.rows("user_session")
    await mallory.sign_in()
    for session_id in (row["id"], uuid4()):
        answer = await mallory.client.delete(f"/users/me/sessions/{session_id}")
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")
    await mallory.client.delete("/users/me/sessions")
    assert (await desk.get("/users/me")).status_code == 200


@pytest.mark.checklist("D10")
async def test_ending_devices_needs_a_password_shown_lately(desk: Person, phone: Person, clock: Clock) -> None:
    [there] = [device for device in (await desk.get("/users/me/sessions")).json() if not device["current"]]
    clock.advance(timedelta(minutes=10))
    for path in ("/users/me/sessions", f"/users/me/sessions/{there['id']}"):
        assert (await desk.client.delete(path)).json()["type"] == "/problems/reauthentication-required"
    assert (await phone.get("/users/me")).status_code == 200
    assert (await desk.post("/reauthenticate", password=PASSWORD)).status_code == 204
    assert (await desk.client.delete("/users/me/sessions")).status_code == 204
    assert (await phone.get("/users/me")).status_code == 401


@pytest.mark.checklist("E10")
async def test_what_is_over_is_not_in_the_list(desk: Person, phone: Person, tables: Tables) -> None:
    await tables.execute("UPDATE user_session SET last_seen_at = now() - interval '8 days' WHERE ip = '198.51.100.7'")
    assert (await phone.get("/users/me")).status_code == 401
    assert [device["user_agent"] for device in (await desk.get("/users/me/sessions")).json()] == ["Desk/1.0"]


@pytest.mark.checklist("E10")
@pytest.mark.parametrize("path", ["/users/me/sessions", "/users/me/sessions/{desk}"])
async def test_a_device_that_is_signed_out_meanwhile_signs_no_other_out(
    desk: Person, phone: Person, tables: Tables, path: str
) -> None:
    [here] = [device["id"] for device in (await desk.get("/users/me/sessions")).json() if device["current"]]
    # As a change of the password at the desk does.
    signs_the_phone_out = """
        WITH locked AS (UPDATE "user" SET display_name = display_name),
        kept AS (UPDATE user_session SET authenticated_at = now() WHERE ip = '192.0.2.1')
        DELETE FROM user_session WHERE ip = '198.51.100.7'
    """
    async with tables.holding(signs_the_phone_out):
        answer = asyncio.create_task(phone.client.delete(path.format(desk=here)))
    assert (await answer).status_code == 401
    assert (await desk.get("/users/me")).status_code == 200
