"""Mails leave by themselves, from whichever process is free, and each once."""

from datetime import timedelta
from typing import Any

import pytest

from tests.cast import ANOTHER_PASSWORD
from tests.cast import Person
from tests.processes.conftest import WORKERS
from tests.processes.mail_server import MailServer
from tests.processes.mail_server import all_mails_leave
from tests.processes.workers import Workers
from tests.processes.workers import until
from tests.tables import Tables


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
async def test_a_mail_that_is_refused_for_good_does_not_hold_up_others(mails: MailServer, tables: Tables) -> None:
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
