"""A mail waits while the mail server refuses the service, and is given up if the server will never take its recipient.

The replies are those of Postfix, Exim, Sendmail, Exchange and hosted mail servers.
"""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP
from aiosmtpd.smtp import Envelope
from aiosmtpd.smtp import Session
from litestar import Litestar
from pydantic import SecretStr

from app.accounts.mail.dropped_mails import ABOUT_RECIPIENT
from app.accounts.mail.dropped_mails import Reason
from app.accounts.mail.mailer import mailer_for
from app.accounts.one_time_tokens import MAX_WAIT
from app.settings import Settings
from tests.accounts.test_dropped_mails import dropped
from tests.cast import ANOTHER_PASSWORD
from tests.cast import Clock
from tests.cast import Person
from tests.cast import Stage
from tests.processes.mail_server import MailServer
from tests.processes.mail_server import Port
from tests.tables import Tables

GRACE = "grace@example.com"
SERVICE_IS_REFUSED = [
    ("MAIL", "530 5.7.0 Authentication Required"),
    ("MAIL", "530 5.7.1 Client was not authenticated"),
    ("MAIL", "550 5.7.1 Sender not allowed"),
    ("MAIL", "553 5.1.8 <noreply@example.com>... Domain of sender address does not exist"),
    ("MAIL", "501 5.1.7 Bad sender address syntax"),
    ("MAIL", "550 5.1.1 User unknown"),
    ("MAIL", "552 5.3.4 Message size exceeds fixed limit"),
    ("RCPT", f"554 5.7.1 <{GRACE}>: Relay access denied"),
    ("RCPT", "553 5.7.1 <noreply@example.com>: Sender address rejected: not owned by user service"),
    ("RCPT", "550 5.1.8 <noreply@example.com>: Sender address rejected: Domain not found"),
    ("RCPT", "550 5.1.0 <noreply@example.com>: Sender address rejected: User unknown"),
    ("RCPT", "550 5.4.5 Daily sending quota exceeded"),
    ("RCPT", "550 Administrative prohibition"),
    ("RCPT", "550 5.1.11 a code of tomorrow"),
    ("RCPT", "421 4.7.0 Try again later, closing connection"),
    ("DATA", "554 Message rejected: Email address is not verified"),
    ("DATA", "550 5.7.60 SMTP; Client cannot send as this sender"),
    ("DATA", "554 5.7.1 Spam message rejected"),
]
NO_SUCH_RECIPIENT = [
    ("RCPT", f"550 5.1.1 <{GRACE}>: Recipient address rejected: User unknown in virtual mailbox table"),
    ("RCPT", "550 5.1.2 Host unknown"),
    ("RCPT", "553 5.1.3 The recipient address is not a valid RFC 5321 address"),
    ("RCPT", f"556 5.1.10 <{GRACE}>: Recipient address rejected: Domain example.com does not accept mail (nullMX)"),
    ("RCPT", "550 5.2.1 The email account that you tried to reach is disabled"),
    ("RCPT", "550-5.1.1 The email account that you tried to reach does not exist.\r\n550 5.1.1 Try double-checking"),
    ("DATA", "550 5.1.1 User unknown"),
]
RECIPIENT_CANNOT_NOW = [
    ("RCPT", f"450 4.2.0 <{GRACE}>: Recipient address rejected: Greylisted"),
    ("RCPT", "452 4.2.2 The email account that you tried to reach is over quota"),
    ("RCPT", "552 5.2.2 Mailbox full"),
    ("RCPT", f"450 4.1.1 <{GRACE}>: Recipient address rejected: unverified address"),
    ("RCPT", "450 5.1.1 a class that contradicts the code"),
    ("RCPT", "550 4.1.1 likewise"),
]


class Refusing(MailServer):
    """A mail server that answers one command with its words."""

    def __init__(self, port: Port) -> None:
        super().__init__(port)
        self.replies: dict[str, str] = {}

    async def handle_MAIL(  # noqa: N802  # aiosmtpd's name and arguments
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a sender, or not."""
        envelope.mail_from, envelope.mail_options = address, options
        return self.replies.get("MAIL", "250 OK")

    async def handle_RCPT(self, server: Any, client: Any, envelope: Envelope, to: str, options: Any) -> str:  # noqa: N802  # aiosmtpd's name and arguments
        """Take a recipient, or not."""
        return self.replies.get("RCPT") or await super().handle_RCPT(server, client, envelope, to, options)

    async def handle_DATA(self, server: Any, client: Any, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's name
        """Take a mail, or not."""
        return self.replies.get("DATA") or await super().handle_DATA(server, client, envelope)


@pytest.fixture
async def server(app: Litestar, stage: Stage, settings: Settings) -> AsyncIterator[Refusing]:
    """The service sends through this server now."""
    port = Port()
    stage.outbox = server = Refusing(port)
    url = SecretStr(f"smtp://127.0.0.1:{port.number}")
    async with server.listening():
        app.state.mailer = mailer_for(settings.model_copy(update={"mail_url": url}))
        yield server
    port.close()


async def refuse(server: Refusing, grace: Person, tables: Tables, command: str, reply: str) -> dict[str, Any]:
    """Ask for a mail that the server refuses; the row of that mail."""
    grace.outbox = server
    server.replies = {command: reply}
    await grace.post("/forgot-password", email=grace.email)
    [row] = await tables.rows("outgoing_mail")
    assert row["attempts"] == 1
    return row


@pytest.mark.checklist("D05", "D13")
@pytest.mark.parametrize(("command", "reply"), [*SERVICE_IS_REFUSED, *RECIPIENT_CANNOT_NOW])
async def test_a_mail_waits_until_the_server_takes_it(  # noqa: PLR0913, PLR0917  # fixtures
    grace: Person, server: Refusing, stage: Stage, tables: Tables, clock: Clock, command: str, reply: str
) -> None:
    row = await refuse(server, grace, tables, command, reply)
    assert row["next_attempt_at"] is not None
    server.replies = {}
    clock.advance(timedelta(hours=1))
    await stage.deliver()
    assert await tables.rows("outgoing_mail") == []
    token = server.token_for(grace)
    assert (await grace.post("/reset-password", token=token, password=ANOTHER_PASSWORD)).status_code == 204


@pytest.mark.checklist("D13")
@pytest.mark.parametrize(("command", "reply"), NO_SUCH_RECIPIENT)
async def test_a_mail_to_a_recipient_that_does_not_exist_is_given_up_at_once(  # noqa: PLR0913, PLR0917  # fixtures
    grace: Person, server: Refusing, tables: Tables, caplog: pytest.LogCaptureFixture, command: str, reply: str
) -> None:
    row = await refuse(server, grace, tables, command, reply)
    assert (row["next_attempt_at"], row["recipient"]) == (None, "")
    assert row["last_error"].startswith(ABOUT_RECIPIENT)
    assert dropped(caplog) == [("reset-password", Reason.REFUSED)]


@pytest.mark.checklist("D13")
@pytest.mark.parametrize(
    ("replies", "reason"),
    [(SERVICE_IS_REFUSED, Reason.GIVEN_UP), (RECIPIENT_CANNOT_NOW, Reason.REFUSED)],
    ids=["service", "recipient"],
)
async def test_after_three_days_the_reason_says_whose_fault_it_was(  # noqa: PLR0913, PLR0917  # fixtures
    grace: Person,
    server: Refusing,
    stage: Stage,
    tables: Tables,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    replies: list[tuple[str, str]],
    reason: Reason,
) -> None:
    for command, reply in replies:
        caplog.clear()
        row = await refuse(server, grace, tables, command, reply)
        assert row["last_error"].startswith(ABOUT_RECIPIENT) is (reason is Reason.REFUSED), reply
        clock.advance(MAX_WAIT + timedelta(hours=1))
        await stage.deliver()
        assert dropped(caplog) == [("reset-password", reason)], reply
        await tables.execute("DELETE FROM outgoing_mail")
