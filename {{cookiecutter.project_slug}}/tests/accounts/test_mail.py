"""Mails: what is printed, what a server receives, and what nobody can slip into a header."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP
from aiosmtpd.smtp import AuthResult
from aiosmtpd.smtp import Envelope
from aiosmtpd.smtp import LoginPassword
from aiosmtplib import SMTPAuthenticationError
from pydantic import SecretStr

from app.accounts.mail import Mail
from app.accounts.mail import compose
from app.accounts.mail import mailer_for
from app.settings import PROJECT_NAME
from app.settings import Settings

TOKEN = "a-token-of-the-tests-that-opens-nothing"
VERIFY = Mail("verify", "grace@example.com", TOKEN)
# The server listens on this machine alone, and TLS would need a certificate.
WITHOUT_TLS = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
INJECTION = "grace@example.com\r\nBcc: mallory@example.com"


class Server:
    """A mail server that lets `service` in and keeps what it accepts."""

    def __init__(self) -> None:
        self.received: list[EmailMessage] = []
        self.recipients: list[str] = []

    def authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
        """Whether this is the password; it holds what an address has to escape."""
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
    await mailer_for(settings).send([VERIFY])
    lines = capsys.readouterr().out.splitlines()
    assert f"{settings.base_url}/verify?token={TOKEN}" in lines
    assert TOKEN in lines
    assert f"To: {VERIFY.recipient}" in lines
    assert f"Subject: Confirm your address for {PROJECT_NAME}" in lines


@WITHOUT_TLS
async def test_a_server_receives_each_mail_whole(settings: Settings) -> None:
    async with mail_server() as (server, port):
        mailer = mailer_for(through(settings, "service:p%40ss%3Aw%2Frd", port))
        await mailer.send([VERIFY, Mail("password-changed", "barbara@example.com")])
    first, second = server.received
    assert server.recipients == ["grace@example.com", "barbara@example.com"]
    assert first["From"].addresses[0].addr_spec == settings.mail_from
    assert first["From"].addresses[0].display_name == PROJECT_NAME
    assert first["To"] == VERIFY.recipient
    assert first["Subject"].strip() == f"Confirm your address for {PROJECT_NAME}"
    assert TOKEN in first.get_content().splitlines()
    assert first["Message-ID"].endswith(f"@{settings.mail_from.partition('@')[2]}>")
    assert first["Message-ID"] != second["Message-ID"]


@WITHOUT_TLS
async def test_a_wrong_password_for_the_server_is_an_error(settings: Settings) -> None:
    async with mail_server() as (server, port):
        with pytest.raises(SMTPAuthenticationError):
            await mailer_for(through(settings, "service:wrong", port)).send([VERIFY])
    assert server.received == []


def test_every_mail_leads_to_the_address_of_the_service_and_leaves_nothing_open(settings: Settings) -> None:
    for template in ("verify", "reset-password", "already-registered", "password-changed"):
        content = compose(Mail(template, "grace@example.com", TOKEN), settings).get_content()
        assert template == "verify" or f"{settings.base_url}/" in content
        assert "{" * 2 not in content.replace(PROJECT_NAME, "")
        assert all(len(line) < 120 for line in content.splitlines())


def test_nobody_slips_a_header_in_through_an_address(settings: Settings) -> None:
    with pytest.raises(ValueError, match="linefeed"):
        compose(Mail("verify", INJECTION, TOKEN), settings)
    with pytest.raises(ValueError, match="linefeed"):
        compose(VERIFY, settings.model_copy(update={"mail_from": INJECTION}))


def test_a_name_that_reads_like_a_header_stays_a_name(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    name = 'Barbara, "Mallory" <mallory@example.com>'
    monkeypatch.setattr("app.accounts.mail.PROJECT_NAME", name)
    message = compose(VERIFY, settings)
    [sender] = message["From"].addresses
    assert (sender.display_name, sender.addr_spec) == (name, settings.mail_from)
    assert len(message.keys()) == len({*message.keys()})


def test_the_token_shows_in_no_representation() -> None:
    assert TOKEN not in f"{VERIFY} {VERIFY!r}"
