"""Mailers: the console in development, or the mail server that `MAIL_URL` names."""

from email.message import EmailMessage
from typing import Protocol

import aiosmtplib

from app.settings import Settings
from app.settings import mail_url
from app.settings.mail_url import MailServer

TIMEOUT_SECONDS = 10
RULE = "-" * 80
# No letter is larger.
LARGEST_MAIL_BYTES = 20_000


class Mailer(Protocol):
    """Sends mails."""

    async def send(self, message: EmailMessage) -> None:
        """Return when the message is delivered or accepted by a server."""


def mailer_for(settings: Settings) -> Mailer:
    """The mailer for the scheme of `MAIL_URL`."""
    server = mail_url.parse(settings.mail_url.get_secret_value())
    return ConsoleMailer() if server is None else SmtpMailer(server, settings.mail_ca_file)


class ConsoleMailer:
    """Prints mails, so that a developer can open their links."""

    async def send(self, message: EmailMessage) -> None:
        """Print the message."""
        text = message.get_body(("plain",))
        assert text is not None
        head = f"To: {message['To']}\nSubject: {message['Subject']}"
        print(RULE, head, "", text.get_content() + RULE, sep="\n", flush=True)  # noqa: T201  # its purpose


class SmtpMailer:
    """Sends mails through a server. `smtps://` starts with TLS; `smtp://` upgrades to it if the server offers that.

    It must offer that if there is a password to send, or an authority to check its certificate with.
    """

    def __init__(self, server: MailServer, ca_file: str | None) -> None:
        self._server = server
        self._ca_file = ca_file

    async def send(self, message: EmailMessage) -> None:
        """Send the message.

        Raises:
            SMTPException: if the server refuses it or cannot be reached.
            OSError: if TLS fails, for example since the certificate is not trusted.
        """
        async with self._connection() as connection:
            await connection.send_message(message)

    async def ask(self, sender: str, recipient: str) -> None:
        """Ask whether the server takes a mail, and send none.

        Raises:
            SMTPException: if the server refuses it or cannot be reached.
            OSError: if TLS fails.
        """
        async with self._connection() as connection:
            await connection.ehlo()
            size = [f"SIZE={LARGEST_MAIL_BYTES}"] if connection.supports_extension("size") else []
            await connection.mail(sender, options=size)
            await connection.rcpt(recipient)
            await connection.rset()

    def _connection(self) -> aiosmtplib.SMTP:
        requires_starttls = self._server.requires_starttls or (self._ca_file is not None and not self._server.is_tls)
        return aiosmtplib.SMTP(
            hostname=self._server.host,
            port=self._server.port,
            username=self._server.user,
            password=self._server.password,
            use_tls=self._server.is_tls,
            # Unset, aiosmtplib goes on in plain text if the server, or an attacker in between, does not offer it.
            start_tls=True if requires_starttls else None,
            # Traffic on this machine cannot be intercepted, and no authority signs certificates for localhost.
            validate_certs=self._ca_file is not None or not self._server.is_local,
            cert_bundle=self._ca_file,
            timeout=TIMEOUT_SECONDS,
        )
