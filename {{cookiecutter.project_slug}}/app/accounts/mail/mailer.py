"""Mailers: the console in development, or the mail server that `MAIL_URL` names."""

from email.message import EmailMessage
from typing import Protocol

import aiosmtplib

from app.settings import Settings
from app.settings import mail_url
from app.settings.mail_url import MailServer

TIMEOUT_SECONDS = 10
RULE = "-" * 80


class Mailer(Protocol):
    """Sends mails."""

    async def send(self, message: EmailMessage) -> None:
        """Return when the message is delivered or accepted by a server."""


def mailer_for(settings: Settings) -> Mailer:
    """The mailer for the scheme of `MAIL_URL`."""
    server = mail_url.parse(settings.mail_url.get_secret_value())
    return ConsoleMailer() if server is None else SmtpMailer(server)


class ConsoleMailer:
    """Prints mails, so that a developer can open their links."""

    async def send(self, message: EmailMessage) -> None:
        """Print the message."""
        text = message.get_body(("plain",))
        assert text is not None
        head = f"To: {message['To']}\nSubject: {message['Subject']}"
        print(RULE, head, "", text.get_content() + RULE, sep="\n", flush=True)  # noqa: T201  # its purpose


class SmtpMailer:
    """Sends mails through a server. `smtp://` upgrades to TLS if it can, `smtps://` starts with it."""

    def __init__(self, server: MailServer) -> None:
        self._server = server

    async def send(self, message: EmailMessage) -> None:
        """Send the message.

        Raises:
            SMTPException: if the server refuses it or cannot be reached.
        """
        async with self._connection() as connection:
            await connection.send_message(message)

    async def check_connection(self) -> None:
        """Connect, and sign in if `MAIL_URL` has a password.

        Raises:
            SMTPException: if the server refuses that or cannot be reached.
        """
        async with self._connection():
            pass

    def _connection(self) -> aiosmtplib.SMTP:
        return aiosmtplib.SMTP(
            hostname=self._server.host,
            port=self._server.port,
            username=self._server.user,
            password=self._server.password,
            use_tls=self._server.is_tls,
            # Unset, aiosmtplib goes on in plain text if the server, or an attacker in between, does not offer it.
            start_tls=True if self._server.requires_starttls else None,
            timeout=TIMEOUT_SECONDS,
        )
