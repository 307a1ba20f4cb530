"""Mails: what they say is in templates/mail, where they go is `MAIL_URL`."""

from dataclasses import dataclass
from dataclasses import field
from email.message import EmailMessage
from email.utils import formataddr
from email.utils import make_msgid
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote
from urllib.parse import urlsplit

import aiosmtplib
from jinja2 import Environment
from jinja2 import FileSystemLoader
from jinja2 import StrictUndefined

from app.settings import PROJECT_NAME
from app.settings import Settings

TIMEOUT_SECONDS = 10
RULE = "-" * 80
TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates" / "mail"),
    undefined=StrictUndefined,
    autoescape=False,  # noqa: S701  # plain text: an escaped apostrophe would be shown as it is
    keep_trailing_newline=True,
)


@dataclass(frozen=True)
class Mail:
    """A mail that is to be sent: `template` is a file in templates/mail whose first line is the subject."""

    template: str
    recipient: str
    token: str | None = field(default=None, repr=False)


class Mailer(Protocol):
    """Sends mails."""

    async def send(self, mails: list[Mail]) -> None:
        """Send each of them, in order."""


def mailer_for(settings: Settings) -> Mailer:
    """The mailer that `MAIL_URL` asks for."""
    is_console = settings.mail_url.get_secret_value().startswith("console://")
    return ConsoleMailer(settings) if is_console else SmtpMailer(settings)


class ConsoleMailer:
    """Prints whole mails, so that a developer can follow the links in them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def send(self, mails: list[Mail]) -> None:
        """Print each of them."""
        for mail in mails:
            message = compose(mail, self._settings)
            head = f"To: {message['To']}\nSubject: {message['Subject']}"
            print(RULE, head, "", message.get_content() + RULE, sep="\n", flush=True)  # noqa: T201  # its purpose


class SmtpMailer:
    """Hands mails to a server: `smtp://` upgrades to TLS when the server can, `smtps://` starts with it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._url = urlsplit(settings.mail_url.get_secret_value())

    async def send(self, mails: list[Mail]) -> None:
        """Send each of them."""
        for mail in mails:
            await aiosmtplib.send(
                compose(mail, self._settings),
                hostname=self._url.hostname,
                port=self._url.port,
                username=unquote(self._url.username) if self._url.username else None,
                password=unquote(self._url.password) if self._url.password else None,
                use_tls=self._url.scheme == "smtps",
                timeout=TIMEOUT_SECONDS,
            )


def compose(mail: Mail, settings: Settings) -> EmailMessage:
    """The message itself; its links lead to `BASE_URL`, whatever host a request was sent to."""
    text = TEMPLATES.get_template(f"{mail.template}.txt").render(
        project_name=PROJECT_NAME, base_url=settings.base_url, token=mail.token
    )
    subject, _, body = text.partition("\n\n")
    message = EmailMessage()
    message["From"] = formataddr((PROJECT_NAME, settings.mail_from))
    message["To"] = mail.recipient
    message["Subject"] = subject
    message["Message-ID"] = make_msgid(domain=settings.mail_from.rpartition("@")[2])
    message.set_content(body)
    return message
