"""Instances on machines whose clocks are a minute behind and a minute ahead agree on what has expired."""

from collections.abc import AsyncIterator
from datetime import datetime
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

import pytest
from advanced_alchemy.base import orm_registry

from app import clock
from app.accounts.throttle import LIMITS
from app.accounts.throttle import Action
from app.settings import Settings
from tests.cast import ANOTHER_PASSWORD
from tests.cast import Person
from tests.credentials import kind
from tests.processes.conftest import create_grace
from tests.processes.mail_server import MailServer
from tests.processes.mail_server import Port
from tests.processes.mail_server import all_mails_leave
from tests.processes.workers import WRONG_BY
from tests.processes.workers import Worker
from tests.processes.workers import Workers
from tests.processes.workers import environment
from tests.tables import Tables

pytestmark = pytest.mark.checklist("F09")
# What a clock that is right never mistakes, and one that is a minute off always does.
SECONDS = timedelta(seconds=30)
# For a column, after how long something ends, and how it is answered then.
ENDS = {
    "user_session.expires_at": ("0", "/users/me", 401),
    "user_session.last_seen_at": ("7 days", "/users/me", 401),
    "user_session.authenticated_at": ("10 minutes", "/users/me/export", 403),
}


class Apart(NamedTuple):
    """Grace at each of the two, where she has not signed in so far."""

    behind: Person
    ahead: Person


@pytest.fixture(scope="module")
async def two(settings: Settings, mail_port: Port) -> AsyncIterator[tuple[Worker, Worker]]:
    """A process whose clock is behind, and one whose clock is ahead."""
    changes = {"MAIL_URL": f"smtp://127.0.0.1:{mail_port.number}", "TRUSTED_PROXIES": "127.0.0.1"}
    behind, ahead = (Worker(environment(settings) | changes | {WRONG_BY: str(seconds)}) for seconds in (-60, 60))
    workers = Workers(behind, ahead)
    try:
        await workers.start()
        yield behind, ahead
    finally:
        await workers.stop()
        workers.show_consoles()


@pytest.fixture
async def grace(
    two: tuple[Worker, Worker],
    settings: Settings,
    mails: MailServer,
    tables: Tables,  # noqa: ARG001  # empties them
) -> AsyncIterator[Apart]:
    """An ordinary user, whom a proxy leads to the one or to the other."""
    await create_grace(settings)
    workers = Workers(*two)
    yield Apart(*(workers.person("grace", mails, worker=worker) for worker in two))
    await workers.say_goodbye()


async def move(tables: Tables, place: str, by: timedelta, ago: str = "0") -> None:
    """Set a column to a moment near that of the database, or near that of some time ago."""
    table, _, column = place.partition(".")
    moment = f"clock_timestamp() - interval '{ago}' + interval '{by.total_seconds()} seconds'"
    await tables.execute(f"UPDATE {table} SET {column} = {moment}")  # noqa: S608  # from the tests below


async def test_a_sign_in_at_one_is_good_at_the_other_and_kept_up_at_both(grace: Apart, tables: Tables) -> None:
    assert (await grace.ahead.sign_in()).status_code == 201
    kind.copy(grace.ahead.client, grace.behind.client)
    for _ in range(3):
        for there, other in (grace, reversed(grace)):
            await kind.keep_up(there.client)
            await kind.keep_up(there.client)
            # The other has missed the last two times, as a request does that is overtaken.
            await kind.keep_up(other.client)
            assert [(await person.get("/users/me")).status_code for person in grace] == [200, 200]
    assert len(await tables.rows("user_session")) == 1


@pytest.mark.parametrize("column", ENDS)
async def test_a_sign_in_ends_at_one_moment(grace: Apart, tables: Tables, column: str) -> None:
    ago, path, late = ENDS[column]
    await grace.ahead.sign_in()
    kind.copy(grace.ahead.client, grace.behind.client)
    await move(tables, column, SECONDS, ago)
    assert (await grace.ahead.get(path)).status_code == 200
    await move(tables, column, -SECONDS, ago)
    assert (await grace.behind.get(path)).status_code == late


@pytest.mark.usefixtures("post_is_open")
async def test_a_link_dies_at_one_moment(grace: Apart, tables: Tables, mails: MailServer) -> None:
    await grace.ahead.post("/forgot-password", email=grace.ahead.email)
    await all_mails_leave(tables)
    body = {"token": mails.token_for(grace.ahead), "password": ANOTHER_PASSWORD}
    await move(tables, "one_time_token.expires_at", -SECONDS)
    assert (await grace.behind.post("/reset-password", **body)).status_code == 400
    await move(tables, "one_time_token.expires_at", SECONDS)
    assert (await grace.ahead.post("/reset-password", **body)).status_code == 204


async def test_attempts_count_for_one_time(grace: Apart, tables: Tables) -> None:
    guess = {"email": grace.ahead.email, "password": "a guess"}
    attempts = LIMITS[Action.SIGN_IN][0].attempts
    answers = [(await grace[turn % 2].post("/login", **guess)).status_code for turn in range(attempts + 1)]
    assert answers == [401] * attempts + [429]
    await move(tables, "attempts.expires_at", SECONDS)
    assert (await grace.ahead.sign_in()).status_code == 429
    await move(tables, "attempts.expires_at", -SECONDS)
    assert (await grace.behind.sign_in()).status_code == 201


async def moments(tables: Tables) -> dict[tuple[str, str, UUID], datetime]:
    """When rows were written, as they say: columns with a later moment have no default."""
    return {
        (table.name, column.name, row["id"]): row[column.name]
        for table in orm_registry.metadata.sorted_tables
        for row in await tables.rows(table.name)
        for column in table.columns
        if column.default is not None and isinstance(row.get(column.name), datetime)
    }


async def test_both_write_the_time_of_the_database(grace: Apart, tables: Tables) -> None:
    before = await moments(tables)
    for number, person in enumerate(grace):
        assert (await person.sign_in()).status_code == 201
        await person.post("/forgot-password", email=person.email)
        await person.post("/register", email=f"new{number}@example.com", password=person.password)
    written = {where: moment for where, moment in (await moments(tables)).items() if where not in before}
    wrong = {where: moment for where, moment in written.items() if abs(moment - clock.now()) > SECONDS}
    assert len(written) > 10
    assert wrong == {}
