"""The outbox: a mail is sent once, after its event is stored, and despite failures of the mail server."""

import asyncio
from datetime import timedelta
from email.message import EmailMessage
from unittest.mock import AsyncMock
from uuid import uuid4

import pytest
from aiosmtplib import SMTPRecipientRefused
from aiosmtplib import SMTPRecipientsRefused
from litestar import Litestar
from pydantic import SecretStr
from sqlalchemy import select

from app.accounts.mail import delivery
from app.accounts.mail.delivery import KEEP_GIVEN_UP
from app.accounts.mail.delivery import deliver_next
from app.accounts.one_time_tokens import MAX_WAIT
from app.database.transactions import new_transaction
from app.models import OutgoingMail
from app.settings import Environment
from app.settings import Settings
from tests.cast import ANOTHER_PASSWORD
from tests.cast import Clock
from tests.cast import Outbox
from tests.cast import Person
from tests.cast import Stage
from tests.cast import token_in
from tests.other_services import another_stage
from tests.tables import Tables

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


class Moody(Outbox):
    """A mail server that refuses as long as it has a reason to."""

    def __init__(self) -> None:
        super().__init__()
        self.reason: Exception | None = ConnectionRefusedError("nobody listens")

    async def send(self, message: EmailMessage) -> None:
        """Refuse it, or keep it."""
        if self.reason:
            raise self.reason
        await super().send(message)


class Slow(Outbox):
    """A mail server that takes its time."""

    def __init__(self) -> None:
        super().__init__()
        self.has_begun = asyncio.Event()

    async def send(self, message: EmailMessage) -> None:
        """Keep it, later."""
        self.has_begun.set()
        await asyncio.sleep(0.1)
        await super().send(message)


@pytest.fixture
def moody(app: Litestar, stage: Stage) -> Moody:
    """The service sends through this server now."""
    moody = app.state.mailer = stage.outbox = Moody()
    return moody


def refusal(code: int) -> SMTPRecipientsRefused:
    """What a server says about a mailbox."""
    return SMTPRecipientsRefused([SMTPRecipientRefused(code, "5.1.1 no such mailbox", "grace@example.com")])


@pytest.mark.checklist("D05")
async def test_a_mail_server_that_is_down_changes_no_answer_and_loses_no_mail(
    grace: Person, moody: Moody, clock: Clock, stage: Stage, tables: Tables
) -> None:
    answers = [await grace.post("/forgot-password", email=email) for email in (grace.email, "nobody@example.com")]
    assert {(answer.status_code, answer.content) for answer in answers} == {(202, answers[0].content)}
    # Later pauses are minutes, so a slow machine changes nothing.
    await tables.execute("UPDATE outgoing_mail SET attempts = 6")
    clock.advance(MINUTE)
    await stage.deliver()
    for pause in (128, 256, 512):
        [row] = await tables.rows("outgoing_mail")
        assert row["last_error"] == "ConnectionRefusedError: nobody listens"
        clock.advance(pause * SECOND - MINUTE)
        await stage.deliver()
        assert (await tables.rows("outgoing_mail"))[0]["attempts"] == row["attempts"], "before its time"
        clock.advance(MINUTE)
        await stage.deliver()
    moody.reason = None
    clock.advance(timedelta(hours=1))
    await stage.deliver()
    [mail] = moody.messages
    assert await tables.rows("outgoing_mail") == []
    assert (await grace.post("/reset-password", token=token_in(mail), password=ANOTHER_PASSWORD)).status_code == 204


async def test_a_link_works_before_anybody_can_read_it(grace: Person, app: Litestar, tables: Tables) -> None:
    stored: list[int] = []

    class Watching(Outbox):
        async def send(self, message: EmailMessage) -> None:
            stored.append(len(await tables.rows("one_time_token")))
            await super().send(message)

    app.state.mailer = Watching()
    await grace.post("/forgot-password", email=grace.email)
    assert stored == [1]


async def test_a_mailbox_that_does_not_exist_is_given_up_at_once(
    grace: Person, moody: Moody, tables: Tables, caplog: pytest.LogCaptureFixture
) -> None:
    moody.reason = refusal(550)
    await grace.post("/forgot-password", email=grace.email)
    [row] = await tables.rows("outgoing_mail")
    assert (row["attempts"], row["next_attempt_at"]) == (1, None)
    assert "no such mailbox" in row["last_error"]
    assert f"({row['letter']}) was dropped: refused" in caplog.text
    assert grace.email not in caplog.text


async def test_a_full_mailbox_is_tried_again(grace: Person, moody: Moody, tables: Tables) -> None:
    moody.reason = refusal(452)
    await grace.post("/forgot-password", email=grace.email)
    [row] = await tables.rows("outgoing_mail")
    assert row["next_attempt_at"] is not None


async def test_after_three_days_a_mail_is_given_up_and_after_a_month_it_goes(
    grace: Person, moody: Moody, tables: Tables, stage: Stage, clock: Clock
) -> None:
    await grace.post("/forgot-password", email=grace.email)
    clock.advance(MAX_WAIT + SECOND)
    await stage.deliver()
    assert [row["next_attempt_at"] for row in await tables.rows("outgoing_mail")] == [None]
    assert moody.messages == []
    clock.advance(KEEP_GIVEN_UP)
    await grace.post("/verify/resend", email=grace.email)
    await grace.post("/forgot-password", email=grace.email)
    [row] = await tables.rows("outgoing_mail")
    assert row["attempts"] == 1, "the newer one"


async def test_what_cannot_be_written_does_not_hold_up_what_comes_after(
    grace: Person, tables: Tables, outbox: Outbox
) -> None:
    await tables.execute(
        "INSERT INTO outgoing_mail (id, letter, recipient, next_attempt_at) "  # noqa: S608  # made here
        f"VALUES ('{uuid4()}', 'unheard-of', 'grace@example.com', now() - interval '1 day')"
    )
    await grace.post("/forgot-password", email=grace.email)
    assert "new password" in outbox.to(grace)[-1]["Subject"]
    [row] = await tables.rows("outgoing_mail")
    assert "unheard-of" in row["last_error"]


async def test_a_mail_whose_link_cannot_be_stored_is_tried_again(
    grace: Person, stage: Stage, clock: Clock, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(delivery, "_addressee", AsyncMock(side_effect=RuntimeError("a mistake")))
        await grace.post("/forgot-password", email=grace.email)
    [row] = await tables.rows("outgoing_mail")
    assert (row["attempts"], row["last_error"]) == (1, "RuntimeError: a mistake")
    clock.advance(2 * SECOND)
    await stage.deliver()
    assert "new password" in stage.outbox.to(grace)[-1]["Subject"]


async def test_several_workers_send_a_mail_once(grace: Person, app: Litestar, stage: Stage) -> None:
    app.state.mailer = slow = Slow()
    stage.delivers = False
    for path in ("/forgot-password", "/forgot-password", "/forgot-password"):
        await grace.post(path, email=grace.email)
    await asyncio.gather(*(deliver_next(app) for _ in range(10)))
    while await deliver_next(app):
        pass
    ids = [mail["Message-ID"] for mail in slow.messages]
    assert ids
    assert len(ids) == len(set(ids))


async def test_a_mail_that_waits_keeps_its_link_when_the_key_changes(
    grace: Person, moody: Moody, settings: Settings, clock: Clock
) -> None:
    await grace.post("/forgot-password", email=grace.email)
    changed = {"secret_key": SecretStr("the key that the service has been given today")}
    clock.advance(2 * SECOND)
    async with another_stage(settings, **changed, secret_key_previous=settings.secret_key) as stage:
        await stage.deliver()
        [mail] = stage.outbox.to(grace)
    assert moody.messages == []
    assert (await grace.post("/reset-password", token=token_in(mail), password=ANOTHER_PASSWORD)).status_code == 204


@pytest.mark.checklist("A07")
async def test_the_links_of_one_person_are_made_in_order(grace: Person, app: Litestar, stage: Stage) -> None:
    stage.delivers = False
    for _ in range(2):
        await grace.post("/forgot-password", email=grace.email)
    async with new_transaction(app) as session:
        first = select(OutgoingMail).order_by(OutgoingMail.created_at).limit(1)
        await session.execute(first.with_for_update())
        # Another worker is at the first mail, so the second, which ends its link, has to wait.
        assert not await deliver_next(app)
    stage.delivers = True
    await stage.deliver()
    older, newer = (token_in(mail) for mail in stage.outbox.to(grace))
    assert (await grace.post("/reset-password", token=older, password=ANOTHER_PASSWORD)).status_code == 400
    assert (await grace.post("/reset-password", token=newer, password=ANOTHER_PASSWORD)).status_code == 204


@pytest.mark.usefixtures("tables")
async def test_mails_leave_by_themselves_and_none_is_cut_off_at_the_end(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "POLL_SECONDS", 0.01)
    async with another_stage(settings, environment=Environment.DEVELOPMENT) as stage:
        stage.delivers = False
        slow = stage.app.state.mailer = Slow()
        await stage.person("visitor").register()
        async with asyncio.timeout(5):
            await slow.has_begun.wait()
        assert slow.messages == []
    assert len(slow.messages) == 1
