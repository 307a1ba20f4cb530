"""Refreshes at the same moment meet in the database, whichever process each of them reaches."""

import asyncio

import pytest

from tests.cast import Person
from tests.credentials import kind
from tests.processes.mail_server import MailServer
from tests.processes.workers import Workers
from tests.tables import Tables


@pytest.mark.checklist("F07")
async def test_twenty_refreshes_over_several_workers_get_one_successor_and_sign_nobody_out(
    grace: Person, workers: Workers, mails: MailServer, tables: Tables
) -> None:
    assert (await grace.sign_in()).status_code == 201
    tabs = [workers.person("grace", mails) for _ in range(20)]
    for tab in tabs:
        kind.copy(grace.client, tab.client)
    await asyncio.gather(*(kind.keep_up(tab.client) for tab in tabs))
    [successor] = {kind.held(tab.client) for tab in tabs}
    assert successor != kind.held(grace.client)
    assert {(await tab.get("/users/me")).status_code for tab in tabs} == {200}
    assert len(await tables.rows("user_session")) == 1
    # The one lineage goes on.
    await kind.keep_up(tabs[7].client)
    assert (await tabs[7].get("/users/me")).status_code == 200
