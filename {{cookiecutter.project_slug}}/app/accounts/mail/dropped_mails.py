"""Mails that are not sent: each gets a line in the log, and a count in the metrics."""

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
    # The server refuses this recipient, or accepted nothing for three days.
    REFUSED = "refused"
    GIVEN_UP = "given-up"


# Problems with the mail server. The other reasons concern the account.
FAILURES = {Reason.REFUSED, Reason.GIVEN_UP}
# How `last_error` of a mail begins if the server refused its recipient, and not the service.
ABOUT_RECIPIENT = "recipient: "
# app/operations/metrics.py adds to it, if metrics are on.
COUNTERS: set[Callable[[Reason], None]] = set()


def report(mail_id: UUID, letter: str, reason: Reason) -> None:
    """Log and count a mail that is not sent, without its recipient."""
    level = logging.WARNING if reason in FAILURES else logging.INFO
    logger.log(level, "Mail %s (%s) was dropped: %s", mail_id, letter, reason)
    for count in COUNTERS:
        count(reason)
