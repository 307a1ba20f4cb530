"""The findings of `litestar doctor` about the mail server."""

import re
import ssl
from collections.abc import AsyncIterator

from aiosmtplib import SMTPAuthenticationError
from aiosmtplib import SMTPException
from aiosmtplib import SMTPResponseException
from aiosmtplib import SMTPSenderRefused

from app.accounts.mail import refusals
from app.accounts.mail.mailer import LARGEST_MAIL_BYTES
from app.accounts.mail.mailer import Mailer
from app.accounts.mail.mailer import SmtpMailer
from app.settings import Settings
from app.settings.findings import Finding
from app.settings.findings import Level
from app.settings.types import INVITE
from app.settings.types import OPEN

# RFC 2606 reserves the domain. No mail is sent: the question ends before its text.
ELSEWHERE = "example.com"
TOO_LARGE = 552


async def mail(mailer: Mailer, settings: Settings) -> AsyncIterator[Finding]:
    """Whether the mail server takes mails from `MAIL_FROM` to users."""
    if not isinstance(mailer, SmtpMailer):
        yield Finding(Level.OK, "MAIL_URL", "Mails are printed to the console.")
        return
    for domain in sorted(settings.registration - {OPEN, INVITE}) or [ELSEWHERE]:
        # Each mail server accepts mails for this mailbox of its domains (RFC 5321, 4.5.1).
        recipient = f"postmaster@{domain}"
        try:
            await mailer.ask(settings.mail_from, recipient)
        except (SMTPException, OSError) as error:
            if not refusals.is_about_recipient(error):
                yield _finding(error, recipient)
                return
    yield Finding(Level.OK, "MAIL_URL", "The mail server accepts mails of the service.")


def _finding(error: Exception, recipient: str) -> Finding:
    about, says, fix = _diagnosis(error, recipient)
    said = error.message if isinstance(error, SMTPException) else str(error)
    said = " ".join(re.sub(r"[^ -~]", " ", said).split())
    return Finding(Level.ERROR, about, f"{says}: {said.rstrip('.')}. Mails wait meanwhile.", fix)


def _diagnosis(error: Exception, recipient: str) -> tuple[str, str, str]:
    # aiosmtplib raises another error after a refused certificate, if the connection begins with TLS.
    if isinstance(error, ssl.SSLCertVerificationError) or isinstance(error.__cause__, ssl.SSLCertVerificationError):
        fix = "Name its authority in MAIL_CA_FILE, and write the host as in the certificate."
        return "MAIL_CA_FILE", "The certificate of the mail server is not trusted", fix
    if isinstance(error, SMTPAuthenticationError):
        return "MAIL_URL", "The mail server refuses the user name and the password", "Are they right?"
    if isinstance(error, SMTPResponseException) and error.code == TOO_LARGE:
        fix = "Raise its limit (in Postfix, message_size_limit)."
        return "MAIL_URL", f"The mail server refuses mails of {LARGEST_MAIL_BYTES} bytes", fix
    if isinstance(error, SMTPSenderRefused):
        return "MAIL_FROM", "The mail server refuses the sender", "Write an address that the server may send for."
    if isinstance(error, SMTPResponseException):
        fix = "Does it require a user name and a password, or another MAIL_FROM?"
        return "MAIL_URL", f"The mail server refuses mails to {recipient}", fix
    return "MAIL_URL", "The mail server cannot be used", "Are host and port right?"
