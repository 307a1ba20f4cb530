"""The texts of mails: each letter is a template in `templates/`. Change the texts there."""

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
from uuid import UUID

from jinja2 import Environment
from jinja2 import FileSystemLoader
from jinja2 import StrictUndefined
from jinja2 import select_autoescape

from app import clock
from app.settings import PROJECT_NAME
from app.settings import Settings

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    undefined=StrictUndefined,
    # Only HTML is escaped: plain text would show the escape codes.
    autoescape=select_autoescape(["html"], default=False),
    trim_blocks=True,
    keep_trailing_newline=True,
)


class Letter(StrEnum):
    """What a mail is about; the value is the name of its template. A feature has an enum of its own for its letters."""

    VERIFY = "verify"
    ALREADY_REGISTERED = "already-registered"
    REGISTRATION_CLOSED = "registration-closed"
    INVITATION = "invitation"
    RESET_PASSWORD = "reset-password"  # noqa: S105  # the name of a letter
    PASSWORD_CHANGED = "password-changed"  # noqa: S105  # the same
    SIGNED_IN = "signed-in"
    CONFIRM_EMAIL = "confirm-email"
    EMAIL_CHANGING = "email-changing"
    EMAIL_RESTORED = "email-restored"
    ACCOUNT_DELETED = "account-deleted"
    TOKEN_CREATED = "access-token-created"  # noqa: S105  # the same
    TOKEN_USED = "access-token-used"  # noqa: S105  # the same
    TOKEN_ENDED = "access-token-ended"  # noqa: S105  # the same
    TOKEN_EXPIRES = "access-token-expires"  # noqa: S105  # the same


@dataclass(frozen=True)
class Mail:
    """A mail to send."""

    id: UUID
    letter: str
    recipient: str
    written_at: datetime
    name: str = ""
    token: str | None = field(default=None, repr=False)
    lifetime: timedelta = timedelta()
    details: str = ""


def compose(mail: Mail, settings: Settings) -> EmailMessage:
    """The message as plain text and HTML. Links start with `BASE_URL`, never with the `Host` of a request."""
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
    # When it is sent: spam filters distrust a mail that is hours old when it arrives.
    message["Date"] = format_datetime(clock.now())
    # The same at each attempt, so a client can recognise a mail that was accepted twice.
    message["Message-ID"] = f"<{mail.id}@{settings.mail_from.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: asks for no out-of-office replies.
    message.set_content(TEMPLATES.get_template("layout.txt").render(values))
    message.add_alternative(TEMPLATES.get_template("layout.html").render(values), subtype="html")
    return message


def in_words(lifetime: timedelta) -> str:
    """In the largest unit of which there is more than one: `7 days`, `24 hours`, `60 minutes`."""
    for unit, length in (("days", timedelta(days=1)), ("hours", timedelta(hours=1))):
        if lifetime > length and not lifetime % length:
            return f"{lifetime // length} {unit}"
    return f"{lifetime // timedelta(minutes=1)} minutes"
