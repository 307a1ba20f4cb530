"""A sign-in is one thing for all processes: where it began is of no consequence."""

import asyncio

import pytest

from tests.cast import Person
from tests.credentials import kind
from tests.processes.conftest import WORKERS
from tests.processes.mail_server import MailServer
from tests.processes.workers import Workers
from tests.tables import Tables


@pytest.fixture
async def everywhere(grace: Person, workers: Workers, mails: MailServer) -> list[Person]:
    """Grace, signed in at one worker, presenting the same credentials to each of them."""
    assert (await grace.sign_in()).status_code == 201
    tabs = [workers.person("grace", mails) for _ in range(WORKERS)]
    for tab in tabs:
        kind.copy(grace.client, tab.client)
    return tabs


async def statuses(people: list[Person]) -> list[int]:
    """How each of them is answered."""
    return [(await person.get("/users/me")).status_code for person in people]


async def test_who_has_signed_in_at_one_is_signed_in_at_all_and_signs_out_at_all(everywhere: list[Person]) -> None:
    assert await statuses(everywhere) == [200] * WORKERS
    assert (await everywhere[1].sign_out()).status_code == 204
    assert await statuses([everywhere[0], *everywhere[2:]]) == [401] * (WORKERS - 1)


@pytest.mark.checklist("E04")
async def test_a_request_under_way_at_one_revives_nothing_that_ended_at_another(
    everywhere: list[Person], tables: Tables
) -> None:
    # The slow request has been let in, and waits to write.
    async with tables.changing("""UPDATE "user" SET display_name = 'Somebody'"""):
        slow = asyncio.create_task(everywhere[0].client.patch("/users/me", json={"display_name": "Grace"}))
        await tables.somebody_waits()
        assert (await everywhere[1].sign_out()).status_code == 204
    assert (await slow).status_code == 401
    assert await statuses([everywhere[0], *everywhere[2:]]) == [401] * (WORKERS - 1)


@pytest.mark.checklist("E10")
async def test_ending_the_other_devices_at_one_ends_them_at_all(
    everywhere: list[Person], workers: Workers, mails: MailServer
) -> None:
    phone = workers.person("grace", mails)
    assert (await phone.sign_in()).status_code == 201
    assert len((await everywhere[2].get("/users/me/sessions")).json()) == 2
    assert (await phone.client.delete("/users/me/sessions")).status_code == 204
    assert await statuses(everywhere) == [401] * WORKERS
    assert await statuses([phone]) == [200]


async def test_tabs_that_keep_up_at_the_same_moment_at_several_workers_all_stay_signed_in(
    grace: Person, workers: Workers, mails: MailServer, tables: Tables
) -> None:
    assert (await grace.sign_in()).status_code == 201
    tabs = [workers.person("grace", mails) for _ in range(20)]
    for tab in tabs:
        kind.copy(grace.client, tab.client)
    await asyncio.gather(*(kind.keep_up(tab.client) for tab in tabs))
    assert len({kind.held(tab.client) for tab in tabs}) == 1
    assert await statuses(tabs) == [200] * 20
    assert len(await tables.rows("user_session")) == 1
    await kind.keep_up(tabs[7].client)
    assert await statuses([tabs[7]]) == [200]


@pytest.mark.checklist("H08")
async def test_of_twenty_requests_to_several_workers_one_deletes_the_account(
    grace: Person, workers: Workers, mails: MailServer, tables: Tables
) -> None:
    assert (await grace.sign_in()).status_code == 201
    tabs = [workers.person("grace", mails) for _ in range(20)]
    for tab in tabs:
        kind.copy(grace.client, tab.client)
    answers = await asyncio.gather(*(tab.client.delete("/users/me") for tab in tabs))
    assert sorted(answer.status_code for answer in answers) == [204] + [401] * 19
    assert len(await tables.trail("user.deleted")) == 1
    assert [row["letter"] for row in await tables.rows("outgoing_mail")].count("account-deleted") == 1
