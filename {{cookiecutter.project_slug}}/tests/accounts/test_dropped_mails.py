"""A mail that is not sent has one line in the log, which says why, and no address is kept."""

import logging
import re
from datetime import timedelta
from email.message import EmailMessage

import pytest
from aiosmtplib import SMTPDataError
from aiosmtplib import SMTPRecipientRefused
from aiosmtplib import SMTPRecipientsRefused
from litestar import Litestar

from app.accounts.mail.dropped_mails import Reason
from app.accounts.one_time_tokens import MAX_WAIT
from app.settings import PROJECT_ROOT
from tests.cast import ANOTHER_PASSWORD
from tests.cast import Clock
from tests.cast import Outbox
from tests.cast import Person
from tests.cast import Stage
from tests.tables import Tables

EMAIL = "grace@example.com"
AN_HOUR = timedelta(hours=1)


class Refusing(Outbox):
    """A mail server that refuses every mail as long as it has a reason."""

    def __init__(self) -> None:
        super().__init__()
        self.reason: Exception | None = ConnectionRefusedError("nobody listens")

    async def send(self, message: EmailMessage) -> None:
        """Refuse it, or keep it."""
        if self.reason is not None:
            raise self.reason
        await super().send(message)


@pytest.fixture
def server(app: Litestar, stage: Stage) -> Refusing:
    """The service sends through this server now."""
    server = app.state.mailer = stage.outbox = Refusing()
    return server


def refusal(code: int, message: str) -> SMTPRecipientsRefused:
    """What a server says about a recipient."""
    return SMTPRecipientsRefused([SMTPRecipientRefused(code, message, EMAIL)])


def dropped(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """The letters and reasons of the mails that were dropped."""
    return re.findall(r"Mail [0-9a-f-]{36} \((\S+)\) was dropped: (\S+)", caplog.text)


def test_every_reason_is_in_the_guide() -> None:
    guide = (PROJECT_ROOT / "docs/mails.md").read_text("utf-8")
    assert re.findall(r"^\| `(\S+)` \|", guide, re.MULTILINE) == [*Reason]


@pytest.mark.checklist("D13")
@pytest.mark.parametrize(
    ("path", "meanwhile", "expected"),
    [
        ("/forgot-password", 'DELETE FROM "user"', ("reset-password", Reason.NO_ACCOUNT)),
        ("/forgot-password", 'UPDATE "user" SET is_active = false', ("reset-password", Reason.DEACTIVATED)),
        ("/forgot-password", "DELETE FROM one_time_token", ("reset-password", Reason.LINK_ENDED)),
        ("/verify/resend", 'UPDATE "user" SET is_verified = true', ("verify", Reason.ALREADY_VERIFIED)),
    ],
)
async def test_a_mail_without_a_reader_is_dropped_and_logged(  # noqa: PLR0913, PLR0917  # fixtures
    stage: Stage,
    server: Refusing,
    tables: Tables,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    path: str,
    meanwhile: str,
    expected: tuple[str, str],
) -> None:
    caplog.set_level(logging.INFO, "app")
    grace = await stage.verified("grace")
    await tables.execute('UPDATE "user" SET is_verified = false')
    await grace.post(path, email=grace.email)
    await tables.execute(meanwhile)
    server.reason = None
    clock.advance(AN_HOUR)
    await stage.deliver()
    assert dropped(caplog) == [expected]
    assert server.messages == []
    assert await tables.rows("outgoing_mail") == []
    assert EMAIL not in caplog.text


@pytest.mark.checklist("D13")
async def test_a_mail_to_an_address_without_an_account_is_dropped_and_logged(
    visitor: Person, server: Refusing, tables: Tables, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "app")
    await visitor.post("/forgot-password", email=visitor.email)
    assert dropped(caplog) == [("reset-password", Reason.NO_ACCOUNT)]
    assert (server.messages, await tables.rows("outgoing_mail")) == ([], [])


@pytest.mark.checklist("D13", "I08")
@pytest.mark.parametrize(
    "said",
    [
        f"5.1.1 <{EMAIL}>: Recipient address rejected",
        "5.1.1 User Grace unknown",
        "5.1.2 Domain EXAMPLE.COM not found",
        f"5.1.1 {EMAIL.upper()} does not live here",
        "5.1.1 grace+tag@example.com is not local",
        f"5.1.1 see https://example.org/?to={EMAIL}",
    ],
)
async def test_a_mail_that_is_refused_for_good_keeps_no_address(
    grace: Person, server: Refusing, tables: Tables, caplog: pytest.LogCaptureFixture, said: str
) -> None:
    server.reason = refusal(550, said)
    await grace.post("/forgot-password", email=grace.email)
    [row] = await tables.rows("outgoing_mail")
    assert (row["recipient"], row["next_attempt_at"]) == ("", None)
    assert row["last_error"].startswith("recipient: SMTPRecipientsRefused")
    assert said.partition(" ")[0] in row["last_error"]
    assert not any(part in row["last_error"].lower() for part in ("grace", "example.com"))
    assert dropped(caplog) == [("reset-password", Reason.REFUSED)]
    assert EMAIL not in caplog.text


@pytest.mark.checklist("D13", "I08")
async def test_a_mail_that_is_given_up_keeps_no_address(  # noqa: PLR0913, PLR0917  # fixtures
    grace: Person, stage: Stage, server: Refusing, tables: Tables, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    server.reason = SMTPDataError(452, f"mailbox of {EMAIL} is full")
    await grace.post("/forgot-password", email=grace.email)
    [row] = await tables.rows("outgoing_mail")
    assert row["recipient"] == EMAIL, "it waits"
    clock.advance(MAX_WAIT + AN_HOUR)
    await stage.deliver()
    [row] = await tables.rows("outgoing_mail")
    assert (row["recipient"], row["next_attempt_at"]) == ("", None)
    assert row["last_error"] == "SMTPDataError: (452, 'mailbox of ... is full')"
    assert dropped(caplog) == [("reset-password", Reason.GIVEN_UP)]


@pytest.mark.checklist("D13")
async def test_the_mails_of_a_sign_up_whose_link_another_sign_up_ends_are_dropped_and_logged(
    visitor: Person, server: Refusing, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "app")
    await visitor.register()
    await visitor.post("/register", email=visitor.email, password=ANOTHER_PASSWORD)
    assert server.messages == []
    assert dropped(caplog) == [("verify", Reason.LINK_ENDED)]


@pytest.mark.checklist("D13")
async def test_the_mails_of_an_account_that_is_deleted_are_dropped_and_logged(
    signed_in: Person, server: Refusing, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "app")
    await signed_in.post("/forgot-password", email=signed_in.email)
    server.reason = None
    await signed_in.client.delete("/users/me")
    assert ("reset-password", Reason.NO_ACCOUNT) in dropped(caplog)
    assert ["is deleted" in mail["Subject"] for mail in server.messages] == [True]
