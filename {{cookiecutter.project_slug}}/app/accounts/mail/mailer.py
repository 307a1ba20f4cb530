"""Mailers: the console in development, or the mail server that `MAIL_URL` names."""

from email.message import EmailMessage
from typing import Protocol
from urllib.parse import unquote
from urllib.parse import urlsplit

import aiosmtplib

from app.accounts.mail.letters import RULE
from app.settings import Settings

TIMEOUT_SECONDS = 10


class Mailer(Protocol):
    """Sends mails."""

    async def send(self, message: EmailMessage) -> None:
        """Return when the message is delivered or accepted by a server."""


def mailer_for(settings: Settings) -> Mailer:
    """The mailer for the scheme of `MAIL_URL`."""
    url = settings.mail_url.get_secret_value()
    return ConsoleMailer() if url.startswith("console://") else SmtpMailer(url)


class ConsoleMailer:
    """Prints mails, so that a developer can open their links."""

    async def send(self, message: EmailMessage) -> None:
        """Print the message."""
        text = message.get_body(("plain",))
        assert text is not None
        head = f"To: {message['To']}\nSubject: {message['Subject']}"
        print(RULE, head, "", text.get_content() + RULE, sep="\n", flush=True)  # noqa: T201  # its purpose


class SmtpMailer:
    """Sends mails through a server. `smtp://` upgrades to TLS if the server offers it; `smtps://` starts with TLS."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)

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
            hostname=self._url.hostname,
            port=self._url.port,
            username=unquote(self._url.username) if self._url.username else None,
            password=unquote(self._url.password) if self._url.password else None,
            use_tls=self._url.scheme == "smtps",
            timeout=TIMEOUT_SECONDS,
        )
