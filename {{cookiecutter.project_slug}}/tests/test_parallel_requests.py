"""Of several requests for one act one does it, enters it in the trail and mails it; none is an error of ours."""

import asyncio
from collections.abc import Awaitable
from collections.abc import Callable

import pytest
from httpx import Response

from app.accounts.attempt_counters import bucket
from app.accounts.known_networks import Tie
from app.settings import Settings
from tests.cast import ANOTHER_PASSWORD
from tests.cast import Outbox
from tests.cast import Person
from tests.cast import Stage
from tests.cast import token_in
from tests.credentials import kind
from tests.racing import at_once
from tests.racing import statuses
from tests.tables import Tables

MANY = 8
# Each has done something to the other, many times.
EACH_OTHER = """
    INSERT INTO audit_event (id, kind, actor_id, target_id, ip)
    SELECT gen_random_uuid(), 'tested', one.id, another.id, '192.0.2.1'
    FROM "user" AS one JOIN "user" AS another ON one.id <> another.id, generate_series(1, 1000)
"""


@pytest.mark.checklist("H08")
async def test_an_account_is_deleted_once(signed_in: Person, outbox: Outbox, tables: Tables) -> None:
    mails = len(outbox.messages)
    answers = await at_once(tables, *(signed_in.client.delete("/users/me") for _ in range(MANY)))
    assert statuses(answers) == [204] + [401] * (MANY - 1)
    assert (len(await tables.trail("user.deleted")), len(outbox.messages) - mails) == (1, 1)
    assert await tables.rows("user") == []


@pytest.mark.checklist("H08")
async def test_a_sign_in_ends_once(signed_in: Person, tables: Tables) -> None:
    answers = await at_once(tables, *(signed_in.client.post("/logout") for _ in range(MANY)))
    assert statuses(answers) == [204] + [401] * (MANY - 1)
    assert len(await tables.trail("sign-in.ended")) == 1


@pytest.mark.checklist("H08")
async def test_a_device_is_signed_out_once(signed_in: Person, stage: Stage, tables: Tables) -> None:
    await stage.person("grace").sign_in()
    [there] = [each for each in (await signed_in.get("/users/me/sessions")).json() if not each["current"]]
    path = f"/users/me/sessions/{there['id']}"
    answers = await at_once(tables, *(signed_in.client.delete(path) for _ in range(MANY)))
    assert statuses(answers) == [204] + [404] * (MANY - 1)
    assert len(await tables.trail("sign-in.ended")) == 1


@pytest.mark.checklist("H08")
async def test_signing_out_all_other_devices_is_recorded_once(signed_in: Person, stage: Stage, tables: Tables) -> None:
    await stage.person("grace").sign_in()
    answers = await at_once(tables, *(signed_in.client.delete("/users/me/sessions") for _ in range(MANY)))
    assert statuses(answers) == [204] * MANY
    assert len(await tables.trail("sign-in.others-ended")) == 1


@pytest.mark.checklist("H08")
async def test_a_password_is_changed_once(signed_in: Person, outbox: Outbox, tables: Tables) -> None:
    mails = len(outbox.messages)
    body = {"current_password": signed_in.password, "new_password": ANOTHER_PASSWORD}
    answers = await at_once(tables, *(signed_in.post("/users/me/password", **body) for _ in range(MANY)))
    assert [status for status in statuses(answers) if status < 300] == [204]
    assert max(statuses(answers)) < 500
    assert (len(await tables.trail("password.changed")), len(outbox.messages) - mails) == (1, 1)


async def test_a_change_of_password_and_a_sign_in_that_end_one_device_do_not_wait_for_each_other(
    signed_in: Person, mallory: Person, stage: Stage, settings: Settings, tables: Tables
) -> None:
    phone = stage.person("grace")
    await phone.sign_in()
    kind.copy(phone.client, mallory.client)
    known = bucket(settings, Tie.KNOWN, signed_in.email, "192.0.2.1").digest.hex()
    # The change waits for this row, after it has begun and before it is stored.
    async with tables.changing(f"UPDATE attempts SET count = count WHERE bucket = '\\x{known}'"):  # noqa: S608  # a digest
        change = asyncio.ensure_future(change_password(signed_in))
        await tables.somebody_waits()
        sign_in = asyncio.ensure_future(mallory.sign_in())
        while not sign_in.done() and await tables.waiting() < 2:  # noqa: ASYNC110  # PostgreSQL sets no event
            await asyncio.sleep(0.01)
    assert [answer.status_code for answer in await asyncio.gather(change, sign_in)] == [204, 201]


@pytest.mark.checklist("H08")
async def test_a_new_address_is_confirmed_once(signed_in: Person, outbox: Outbox, tables: Tables) -> None:
    body = {"email": "new@example.com", "password": signed_in.password}
    asked = await at_once(tables, *(signed_in.post("/users/me/email", **body) for _ in range(MANY)))
    assert set(statuses(asked)) == {202, 429}
    token = token_in(outbox.to_address("new@example.com")[-1])
    confirmations = (signed_in.post("/users/me/email/confirm", token=token) for _ in range(MANY))
    assert statuses(await at_once(tables, *confirmations)) == [200] + [400] * (MANY - 1)
    assert len(await tables.trail("email.changed")) == 1


async def rename(person: Person) -> Response:
    """Be called something else."""
    return await person.client.patch("/users/me", json={"display_name": "Grace"})


async def show_password(person: Person) -> Response:
    """Confirm the password."""
    return await person.post("/reauthenticate", password=person.password)


async def change_password(person: Person) -> Response:
    """Choose another password."""
    return await person.post("/users/me/password", current_password=person.password, new_password=ANOTHER_PASSWORD)


async def change_email(person: Person) -> Response:
    """Ask for another address."""
    return await person.post("/users/me/email", email="new@example.com", password=person.password)


@pytest.mark.checklist("H08")
@pytest.mark.parametrize(
    ("act", "status"),
    [(rename, 401), (show_password, 400), (change_password, 400), (change_email, 400)],
)
async def test_requests_of_an_account_that_is_deleted_meanwhile_are_no_errors_of_ours(
    signed_in: Person, tables: Tables, act: Callable[[Person], Awaitable[Response]], status: int
) -> None:
    async with tables.holding('DELETE FROM "user"'):
        answer = asyncio.ensure_future(act(signed_in))
    assert (await answer).status_code == status


@pytest.mark.checklist("H08")
async def test_an_account_that_is_deleted_meanwhile_has_no_export(signed_in: Person, tables: Tables) -> None:
    async with tables.holding("LOCK TABLE audit_event IN EXCLUSIVE MODE"):
        answer = asyncio.ensure_future(signed_in.get("/users/me/export"))
        await tables.somebody_waits()
        await tables.execute('DELETE FROM "user"')
    assert (await answer).status_code == 401


@pytest.mark.checklist("H08")
async def test_two_users_who_are_in_one_entry_of_the_trail_leave_at_once(
    signed_in: Person, mallory: Person, tables: Tables
) -> None:
    await mallory.sign_in()
    await tables.execute(EACH_OTHER)
    answers = await at_once(tables, *(person.client.delete("/users/me") for person in (signed_in, mallory)))
    assert statuses(answers) == [204, 204]


async def test_a_user_is_read_again_after_the_lock(signed_in: Person, tables: Tables) -> None:
    async with tables.holding("UPDATE \"user\" SET is_active = false, display_name = 'Admiral'"):
        answer = asyncio.ensure_future(rename(signed_in))
    assert (await answer).status_code == 401
