"""Mails that are not sent: each has a line in the log, and is counted if there are metrics."""

import logging
from collections.abc import Callable
from enum import StrEnum
from uuid import UUID

logger = logging.getLogger(__name__)


class Reason(StrEnum):
    """Why a mail is not sent."""

    NO_ACCOUNT = "no-account"
    DEACTIVATED = "deactivated"
    ALREADY_VERIFIED = "already-verified"
    LINK_ENDED = "link-ended"
    # The server said that it will never accept it, or no server accepted it in time.
    REFUSED = "refused"
    GIVEN_UP = "given-up"


# These are about the mail server, and the others about the account.
FAILURES = {Reason.REFUSED, Reason.GIVEN_UP}
# Filled by metrics.py, which not every installation has.
COUNTERS: set[Callable[[Reason], None]] = set()


def report(mail_id: UUID, letter: str, reason: Reason) -> None:
    """Log and count a mail that is not sent; neither names its recipient."""
    level = logging.WARNING if reason in FAILURES else logging.INFO
    logger.log(level, "Mail %s (%s) was dropped: %s", mail_id, letter, reason)
    for count in COUNTERS:
        count(reason)
