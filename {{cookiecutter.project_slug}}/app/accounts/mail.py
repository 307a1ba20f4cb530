"""Mails: what they say is in templates/mail, where they go is `MAIL_URL`."""

from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from datetime import timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from email.utils import formataddr
from enum import StrEnum
from pathlib import Path
from typing import Any
from typing import Protocol
from urllib.parse import unquote
from urllib.parse import urlsplit
from uuid import UUID

import aiosmtplib
from jinja2 import Environment
from jinja2 import FileSystemLoader
from jinja2 import StrictUndefined
from jinja2 import select_autoescape

from app.settings import PROJECT_NAME
from app.settings import Settings

TIMEOUT_SECONDS = 10
RULE = "-" * 80
TEMPLATES = Environment(
    # Those of this folder, of which the layouts are, and those that features bring along.
    loader=FileSystemLoader(sorted(Path(__file__).parent.parent.glob("*/templates/mail"))),
    undefined=StrictUndefined,
    # Whatever is not HTML is plain text, in which an escaped apostrophe would be shown as it is.
    autoescape=select_autoescape(["html"], default=False),
    trim_blocks=True,
    keep_trailing_newline=True,
)


class Letter(StrEnum):
    """What a mail is about; each is a file in templates/mail that says it, and so is each that a feature adds."""

    VERIFY = "verify"
    ALREADY_REGISTERED = "already-registered"
    REGISTRATION_CLOSED = "registration-closed"
    INVITATION = "invitation"
    RESET_PASSWORD = "reset-password"  # noqa: S105  # the name of a letter
    PASSWORD_CHANGED = "password-changed"  # noqa: S105  # likewise
    SIGNED_IN = "signed-in"
    CONFIRM_EMAIL = "confirm-email"
    EMAIL_CHANGING = "email-changing"
    EMAIL_RESTORED = "email-restored"
    ACCOUNT_DELETED = "account-deleted"


@dataclass(frozen=True)
class Mail:
    """A mail that is to be sent."""

    id: UUID
    letter: str
    recipient: str
    written_at: datetime
    name: str = ""
    token: str | None = field(default=None, repr=False)
    lifetime: timedelta = timedelta()
    details: str = ""


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


def compose(mail: Mail, settings: Settings) -> EmailMessage:
    """The message itself, as text and as HTML; its links lead to `BASE_URL`, whatever host a request was sent to."""
    values: dict[str, Any] = {
        "project_name": PROJECT_NAME,
        "base_url": settings.base_url,
        "lifetime": in_words(mail.lifetime),
        "details": mail.details,
        "written_at": f"{mail.written_at:%d %B %Y, %H:%M} UTC",
    }
    words = TEMPLATES.get_template(f"{mail.letter}.jinja").make_module(values)
    values |= {"words": words, "name": mail.name, "token": mail.token}
    message = EmailMessage()
    message["From"] = formataddr((PROJECT_NAME, settings.mail_from))
    message["To"] = mail.recipient
    message["Subject"] = str(vars(words)["subject"])
    message["Date"] = format_datetime(mail.written_at)
    # The same at each attempt, so a mail that a server has accepted twice can be told to be one.
    message["Message-ID"] = f"<{mail.id}@{settings.mail_from.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office notices, please.
    message.set_content(TEMPLATES.get_template("layout.txt").render(values))
    message.add_alternative(TEMPLATES.get_template("layout.html").render(values), subtype="html")
    return message


def in_words(lifetime: timedelta) -> str:
    """As people say it, in the largest unit that leaves more than one: `7 days`, `24 hours`, `60 minutes`."""
    for unit, length in (("days", timedelta(days=1)), ("hours", timedelta(hours=1))):
        if lifetime > length and not lifetime % length:
            return f"{lifetime // length} {unit}"
    return f"{lifetime // timedelta(minutes=1)} minutes"
