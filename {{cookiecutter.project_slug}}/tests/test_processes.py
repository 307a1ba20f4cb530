"""What only several processes can show: what they share, what outlives them, and that mails leave by themselves."""

import asyncio
from collections.abc import AsyncIterator
from collections.abc import Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from app.settings import Settings
from tests.cast import ANOTHER_PASSWORD
from tests.cast import PASSWORD
from tests.cast import Person
from tests.command_line import Operator
from tests.processes import MailServer
from tests.processes import Port
from tests.processes import Workers
from tests.processes import until
from tests.tables import Tables

WORKERS = 4


@pytest.fixture(scope="module")
def mail_port() -> Iterator[Port]:
    """Where the workers look for the mail server."""
    port = Port()
    yield port
    port.close()


@pytest.fixture(scope="module")
async def started(settings: Settings, mail_port: Port) -> AsyncIterator[Workers]:
    """The workers of all tests in this module; they take seconds to start."""
    mail_url = f"smtp://127.0.0.1:{mail_port.number}"
    workers = Workers(WORKERS, settings, MAIL_URL=mail_url, TRUSTED_PROXIES="127.0.0.1")
    try:
        await workers.start()
        yield workers
    finally:
        await workers.stop()
        workers.show_consoles()


@pytest.fixture
async def workers(started: Workers, tables: Tables) -> AsyncIterator[Workers]:  # noqa: ARG001  # empties them
    """Those workers, knowing nobody."""
    yield started
    await started.say_goodbye()
    started.show_consoles()


@pytest.fixture
def mails(mail_port: Port) -> MailServer:
    """The mail server, turned off."""
    return MailServer(mail_port)


@pytest.fixture
async def post_is_open(mails: MailServer) -> AsyncIterator[None]:
    """The mail server is on."""
    async with mails.listening():
        yield


@pytest.fixture
async def grace(workers: Workers, mails: MailServer, settings: Settings) -> Person:
    """An ordinary user, made on the command line."""
    made = await Operator(settings).types("create-user", "--email", "grace@example.com", stdin=f"{PASSWORD}\n")
    assert made.exit_code == 0, made.output
    return workers.person("grace", mails)


async def sign_in(person: Person) -> int:
    """How the right password is answered; what the credentials look like is of no interest here."""
    return (await person.post("/login", email=person.email, password=person.password)).status_code


async def put(tables: Tables, *recipients: str) -> None:
    """Have a mail sent to each of them."""
    await tables.execute(
        "INSERT INTO outgoing_mail (id, letter, recipient, next_attempt_at) "  # noqa: S608  # made here
        "SELECT gen_random_uuid(), 'account-deleted', recipient, now() "
        f"FROM unnest(ARRAY{[*recipients]}) AS recipient"
    )


async def failed(tables: Tables) -> list[dict[str, Any]]:
    """The mails that could not be sent so far."""
    return [row for row in await tables.rows("outgoing_mail") if row["attempts"]]


async def all_mails_leave(tables: Tables) -> None:
    """Returns once no mail waits."""

    async def none_waits() -> bool:
        return not await tables.rows("outgoing_mail")

    await until(none_waits)


@asynccontextmanager
async def race_to_sign_up(settings: Settings) -> AsyncIterator[None]:
    """Let nobody write a user until as many want to as there are workers; those have looked for one by then."""
    assert settings.database_url is not None
    engine = create_async_engine(settings.database_url.get_secret_value())
    waiting = text(
        "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database "
        "WHERE datname = current_database() AND mode = 'RowExclusiveLock' AND NOT granted"
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
    # The later ones may have ended the link of the first, so that nobody confirms somebody else's password.
    await all_mails_leave(tables)
    await grace.post("/verify/resend", email=grace.email)
    await all_mails_leave(tables)
    assert (await grace.verify()).status_code == 200
    assert await sign_in(grace) == 201


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


@pytest.mark.checklist("D05")
async def test_a_mail_server_that_is_down_delays_no_answer_and_loses_no_mail(
    grace: Person, workers: Workers, mails: MailServer, tables: Tables
) -> None:
    nobody = workers.person("nobody", mails)
    known, unknown = [await person.post("/forgot-password", email=person.email) for person in (grace, nobody)]
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)
    assert known.status_code == 202
    assert max(known.elapsed, unknown.elapsed) < timedelta(seconds=2)
    [row] = await until(lambda: failed(tables))
    assert (row["recipient"], row["last_error"].split(":")[0]) == (grace.email, "SMTPConnectError")
    async with mails.listening():
        await all_mails_leave(tables)
    [mail] = mails.messages
    assert mail["To"] == grace.email
    token = mails.token_for(grace)
    assert (await grace.post("/reset-password", token=token, password=ANOTHER_PASSWORD)).status_code == 204


@pytest.mark.usefixtures("workers", "post_is_open")
async def test_several_workers_send_at_once_and_each_mail_once(mails: MailServer, tables: Tables) -> None:
    recipients = [f"reader{number:02}@example.com" for number in range(30)]
    mails.seconds_for_each = 0.1
    await put(tables, *recipients)
    await all_mails_leave(tables)
    assert mails.most_at_once > 1
    assert sorted(mail["To"] for mail in mails.messages) == recipients
    assert len({mail["Message-ID"] for mail in mails.messages}) == len(recipients)


@pytest.mark.usefixtures("workers", "post_is_open")
async def test_who_is_refused_for_good_is_given_up_and_holds_up_nobody(mails: MailServer, tables: Tables) -> None:
    # Enough for each worker to meet a refusal.
    gone = [f"gone{number}@example.com" for number in range(2 * WORKERS)]
    mails.refusals = dict.fromkeys(gone, "550 5.1.1 no such mailbox")
    await put(tables, *gone)

    async def all_refused() -> list[dict[str, Any]]:
        rows = await failed(tables)
        return rows if len(rows) == len(gone) else []

    for row in await until(all_refused):
        assert (row["attempts"], row["next_attempt_at"]) == (1, None)
        assert "no such mailbox" in row["last_error"]
    await put(tables, "reader@example.com")

    async def arrived() -> bool:
        return bool(mails.messages)

    await until(arrived)
    assert [mail["To"] for mail in mails.messages] == ["reader@example.com"]


@pytest.mark.usefixtures("workers", "post_is_open")
async def test_who_is_refused_for_now_is_tried_again(mails: MailServer, tables: Tables) -> None:
    mails.refusals["busy@example.com"] = "451 4.3.0 try again later"
    await put(tables, "busy@example.com")
    [busy] = await until(lambda: failed(tables))
    assert "try again later" in busy["last_error"]
    mails.refusals.clear()
    await all_mails_leave(tables)
    assert [mail["To"] for mail in mails.messages] == ["busy@example.com"]
