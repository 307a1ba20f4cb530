"""Mails: what is printed, what a server receives, and no injection into headers."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from aiosmtpd.smtp import SMTP
from aiosmtpd.smtp import AuthResult
from aiosmtpd.smtp import Envelope
from aiosmtpd.smtp import LoginPassword
from aiosmtplib import SMTPAuthenticationError
from aiosmtplib import SMTPException
from pydantic import SecretStr

from app.accounts.mail.letters import Letter
from app.accounts.mail.letters import Mail
from app.accounts.mail.letters import compose
from app.accounts.mail.letters import in_words
from app.accounts.mail.mailer import mailer_for
from app.accounts.mail.outbox import PURPOSES
from app.settings import PROJECT_NAME
from app.settings import Settings
from app.settings import mail_url
from tests.cast import text_of

TOKEN = "a-token-of-the-tests-that-opens-nothing"
VERIFY = Mail(
    uuid4(), Letter.VERIFY, "grace@example.com", datetime(2026, 11, 22, tzinfo=UTC), "", TOKEN, timedelta(hours=24)
)
# The server listens on this machine alone, and TLS would need a certificate.
WITHOUT_TLS = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
INJECTION = "grace@example.com\r\nBcc: mallory@example.com"


class Server:
    """A mail server that lets `service` in and keeps what it accepts."""

    def __init__(self) -> None:
        self.received: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.logins = 0

    def authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
        """Whether this is the password; it holds what an address has to escape."""
        self.logins += 1
        return AuthResult(success=given == LoginPassword(b"service", b"p@ss:w/rd"), handled=False)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's name
        """Accept a mail."""
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        self.received.append(message)
        self.recipients += envelope.rcpt_tos
        return "250 OK"


@asynccontextmanager
async def mail_server() -> AsyncIterator[tuple[Server, int]]:
    """A server and the port on which it listens."""
    server = Server()

    def connection() -> SMTP:
        return SMTP(server, authenticator=server.authenticate, auth_required=True, auth_require_tls=False)

    listening = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", 0)
    async with listening:
        yield server, listening.sockets[0].getsockname()[1]


def through(settings: Settings, user: str, port: int) -> Settings:
    """The settings with that server in them."""
    return settings.model_copy(update={"mail_url": SecretStr(f"smtp://{user}@127.0.0.1:{port}")})


async def test_the_console_shows_the_link_and_the_token_alone_on_a_line(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    await mailer_for(settings).send(compose(VERIFY, settings))
    lines = capsys.readouterr().out.splitlines()
    assert f"{settings.base_url}/verify?token={TOKEN}" in lines
    assert TOKEN in lines
    assert f"To: {VERIFY.recipient}" in lines
    assert f"Subject: Confirm your address for {PROJECT_NAME}" in lines


@WITHOUT_TLS
async def test_a_server_receives_the_mail_whole(settings: Settings) -> None:
    async with mail_server() as (server, port):
        await mailer_for(through(settings, "service:p%40ss%3Aw%2Frd", port)).send(compose(VERIFY, settings))
    [message] = server.received
    assert server.recipients == ["grace@example.com"]
    assert message["From"].addresses[0].addr_spec == settings.mail_from
    assert message["From"].addresses[0].display_name == PROJECT_NAME
    assert message["To"] == VERIFY.recipient
    assert message["Subject"].strip() == f"Confirm your address for {PROJECT_NAME}"
    assert message["Message-ID"] == f"<{VERIFY.id}@{settings.mail_from.partition('@')[2]}>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert TOKEN in text_of(message).splitlines()
    html = message.get_body(("html",))
    assert html is not None
    assert f'href="{settings.base_url}/verify?token={TOKEN}"' in html.get_content()


@WITHOUT_TLS
async def test_a_wrong_password_for_the_server_is_an_error(settings: Settings) -> None:
    async with mail_server() as (server, port):
        with pytest.raises(SMTPAuthenticationError):
            await mailer_for(through(settings, "service:wrong", port)).send(compose(VERIFY, settings))
    assert server.received == []


@WITHOUT_TLS
async def test_a_password_is_not_sent_in_plain_text_to_another_machine(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail_url, "is_this_machine", lambda _host: False)
    async with mail_server() as (server, port):
        with pytest.raises(SMTPException, match="STARTTLS"):
            await mailer_for(through(settings, "service:p%40ss%3Aw%2Frd", port)).send(compose(VERIFY, settings))
    assert (server.received, server.logins) == ([], 0)


@pytest.mark.parametrize("letter", Letter)
def test_both_parts_of_every_letter_say_the_same_and_leave_nothing_open(settings: Settings, letter: Letter) -> None:
    message = compose(
        replace(VERIFY, letter=letter, name="Grace", token=TOKEN if letter in PURPOSES else None), settings
    )
    text, html = text_of(message), message.get_body(("html",))
    assert html is not None
    in_html = unescape(" ".join(re.sub("<style.*?</style>|<[^>]+>", " ", html.get_content()).split()))
    assert "Hello Grace," in text
    for sentence in re.split(r"\n{2,}", text.strip()):
        assert (
            sentence.startswith(settings.base_url)
            or sentence == TOKEN
            or " ".join(sentence.split()) in in_html
            or sentence in {"If an app asks for a token, enter this one:", f"{PROJECT_NAME}, {settings.base_url}"}
        )
    assert (TOKEN in text.splitlines()) is (letter in PURPOSES)
    assert (f"?token={TOKEN}" in text) is (letter in PURPOSES)
    assert "{" * 2 not in text.replace(PROJECT_NAME, "")
    assert all(len(line) < 120 for line in text.splitlines())
    # Nothing is fetched when a mail is opened.
    assert not re.search("<img|<link|<script|url\\(", html.get_content())


def test_a_name_is_text_in_html(settings: Settings) -> None:
    message = compose(replace(VERIFY, letter=Letter.PASSWORD_CHANGED, name="<a href=//evil>Grace</a>"), settings)
    html = message.get_body(("html",))
    assert html is not None
    assert "<a href=//evil>" not in html.get_content()


@pytest.mark.parametrize(
    ("lifetime", "words"),
    [
        (timedelta(minutes=60), "60 minutes"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(hours=2), "2 hours"),
        (timedelta(hours=24), "24 hours"),
        (timedelta(hours=36), "36 hours"),
        (timedelta(days=7), "7 days"),
    ],
)
def test_lifetimes_are_said_as_people_do(lifetime: timedelta, words: str) -> None:
    assert in_words(lifetime) == words


@pytest.mark.checklist("A09")
def test_an_address_cannot_add_a_header(settings: Settings) -> None:
    with pytest.raises(ValueError, match="linefeed"):
        compose(replace(VERIFY, recipient=INJECTION), settings)
    with pytest.raises(ValueError, match="linefeed"):
        compose(VERIFY, settings.model_copy(update={"mail_from": INJECTION}))


def test_a_name_that_reads_like_a_header_stays_a_name(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    name = 'Barbara, "Mallory" <mallory@example.com>'
    monkeypatch.setattr("app.accounts.mail.letters.PROJECT_NAME", name)
    message = compose(VERIFY, settings)
    [sender] = message["From"].addresses
    assert (sender.display_name, sender.addr_spec) == (name, settings.mail_from)
    assert len(message.keys()) == len({*message.keys()})


@pytest.mark.checklist("C06")
def test_the_token_shows_in_no_representation() -> None:
    assert TOKEN not in f"{VERIFY} {VERIFY!r}"
