"""What a refusal of a mail server is about: the recipient of one mail, or the service and so every mail."""

import re
from collections.abc import Sequence

from aiosmtplib import SMTPDataError
from aiosmtplib import SMTPRecipientRefused
from aiosmtplib import SMTPRecipientsRefused
from aiosmtplib import SMTPResponseException

# Enhanced status codes (RFC 3463, RFC 5248, RFC 7505) without their class: the address, the mailbox or the domain of
# the recipient is at fault. 1.0, 1.7 and 1.8 are about the sender; 7.1 is how servers say that they want a password.
NO_SUCH_RECIPIENT = {"1.1", "1.2", "1.3", "1.4", "1.6", "1.10", "2.1", "7.17", "7.18"}
ABOUT_RECIPIENT = NO_SUCH_RECIPIENT | {"2.0", "2.2", "2.3", "2.4"}
PERMANENT = "5"


def is_about_recipient(error: Exception) -> bool:
    """Whether a server refused this recipient, for good or for now; False if it says nothing more exact.

    The command that is refused does not tell: Postfix refuses a sender or a missing password after RCPT, and some
    servers refuse a recipient after DATA.
    """
    replies = [_enhanced_code(reply) for reply in _replies(error)]
    return bool(replies) and all(subject in ABOUT_RECIPIENT for _, subject in replies)


def is_final(error: Exception) -> bool:
    """Whether the server will never accept a mail for this recipient."""
    replies = _replies(error)
    codes = [_enhanced_code(reply) for reply in replies if reply.code >= 500]
    is_permanent = all(kind == PERMANENT and subject in NO_SUCH_RECIPIENT for kind, subject in codes)
    return is_permanent and 0 < len(replies) == len(codes)


def _replies(error: Exception) -> Sequence[SMTPResponseException]:
    # Each mail has one recipient, so a reply to its text may also be about that recipient.
    if isinstance(error, SMTPRecipientsRefused):
        return error.recipients
    return [error] if isinstance(error, SMTPRecipientRefused | SMTPDataError) else []


def _enhanced_code(reply: SMTPResponseException) -> tuple[str, str]:
    match = re.match(r"([245])\.(\d{1,3}\.\d{1,3})(?!\S)", reply.message)
    return (match[1], match[2]) if match else ("", "")
