"""What several processes share about accounts, and what outlives them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text

from app.database.engine import engine_for
from app.settings import Settings
from tests.cast import PASSWORD
from tests.cast import Person
from tests.cast import token_in
from tests.processes.conftest import WORKERS
from tests.processes.mail_server import MailServer
from tests.processes.mail_server import all_mails_leave
from tests.processes.workers import Workers
from tests.processes.workers import until
from tests.tables import Tables


async def sign_in(person: Person) -> int:
    """How the right password is answered; what the credentials look like is of no interest here."""
    return (await person.post("/login", email=person.email, password=person.password)).status_code


@asynccontextmanager
async def race_to_sign_up(settings: Settings) -> AsyncIterator[None]:
    """Hold back every sign-up until one waits to write a user, and the other workers' wait for the address."""
    engine = engine_for(settings)
    waiting = text(
        "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database "
        "WHERE datname = current_database() AND NOT granted"
    )

    async def all_wait() -> bool:
        return int((await connection.execute(waiting)).scalar_one()) >= WORKERS

    try:
        async with engine.begin() as connection:
            await connection.execute(text('LOCK TABLE "user" IN SHARE MODE'))
            yield
            await until(all_wait)
    finally:
        await engine.dispose()


@pytest.mark.checklist("A02")
@pytest.mark.usefixtures("post_is_open")
async def test_spellings_of_one_address_at_several_workers_at_once_make_one_account(
    workers: Workers, mails: MailServer, tables: Tables, settings: Settings
) -> None:
    spellings = ["Grace@Example.com", "grace@example.com", " GRACE@EXAMPLE.COM "]
    people = [workers.person("grace", mails) for _ in range(WORKERS)]
    async with race_to_sign_up(settings):
        registrations = asyncio.gather(
            *(people[n % WORKERS].post("/register", email=spellings[n % 3], password=PASSWORD) for n in range(20))
        )
    assert [answer.status_code for answer in await registrations] == [202] * 20
    assert [row["email"] for row in await tables.rows("user")] == ["grace@example.com"]
    grace = people[0]
    await all_mails_leave(tables)
    # Only the newest link works, and several workers send at once, so it need not arrive last.
    links = [token_in(mail) for mail in mails.to(grace)]
    assert [(await grace.post("/verify", token=link)).status_code for link in links].count(200) == 1
    assert await sign_in(grace) == 201


@pytest.mark.checklist("A10")
async def test_sign_ups_with_other_passwords_at_several_workers_at_once_leave_none_in_force(
    workers: Workers, mails: MailServer, tables: Tables, settings: Settings
) -> None:
    people = [workers.person("grace", mails) for _ in range(WORKERS)]
    for number, person in enumerate(people):
        person.password = f"{PASSWORD} number {number}"
    # The mail server is down, and what happens to an account depends on no mail.
    async with race_to_sign_up(settings):
        registrations = asyncio.gather(*(people[n % WORKERS].register() for n in range(9)))
    assert [answer.status_code for answer in await registrations] == [202] * 9
    [row] = await tables.rows("user")
    assert (row["password_hash"], row["is_verified"]) == ("!", False)
    assert "verify" not in {mail["letter"] for mail in await tables.rows("outgoing_mail")}
    async with mails.listening():
        await all_mails_leave(tables)
    grace = people[0]
    answer = await grace.post("/reset-password", token=mails.token_for(grace), password=grace.password)
    assert answer.status_code == 204
    assert [await sign_in(person) for person in people] == [201, 401, 401]


@pytest.mark.checklist("B04")
@pytest.mark.usefixtures("post_is_open")
async def test_workers_count_wrong_passwords_together_and_a_restart_forgets_none(
    grace: Person, workers: Workers, mails: MailServer
) -> None:
    assert await sign_in(grace) == 201

    async def guess(number: int) -> int:
        mallory = workers.person("mallory", mails, f"198.51.100.{number}")
        return (await mallory.post("/login", email=grace.email, password="a guess")).status_code

    async def require_closed() -> None:
        for number in range(WORKERS):
            elsewhere = workers.person("grace", mails, f"203.0.113.{number}")
            answer = await elsewhere.post("/login", email=grace.email, password=grace.password)
            assert answer.status_code == 429
            assert 0 < int(answer.headers["Retry-After"]) <= 15 * 60

    assert [await guess(number) for number in range(11)] == [401] * 10 + [429]
    await require_closed()
    await workers.stop()
    await workers.start()
    await require_closed()
    # Where she has been before she still gets in, so the addresses were told apart.
    assert await sign_in(workers.person("grace", mails)) == 201
