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
        """Returns once the message is in somebody else's hands."""


def mailer_for(settings: Settings) -> Mailer:
    """The mailer that `MAIL_URL` asks for."""
    url = settings.mail_url.get_secret_value()
    return ConsoleMailer() if url.startswith("console://") else SmtpMailer(url)


class ConsoleMailer:
    """Prints the text of mails, so that a developer can follow the links in them."""

    async def send(self, message: EmailMessage) -> None:
        """Print it."""
        text = message.get_body(("plain",))
        assert text is not None
        head = f"To: {message['To']}\nSubject: {message['Subject']}"
        print(RULE, head, "", text.get_content() + RULE, sep="\n", flush=True)  # noqa: T201  # its purpose


class SmtpMailer:
    """Hands mails to a server: `smtp://` upgrades to TLS when the server can, `smtps://` starts with it."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)

    async def send(self, message: EmailMessage) -> None:
        """Send it.

        Raises:
            SMTPException: if the server does not accept it, or there is none.
        """
        async with self._connection() as connection:
            await connection.send_message(message)

    async def knock(self) -> None:
        """See whether the server lets us in.

        Raises:
            SMTPException: if it does not, or there is none.
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
