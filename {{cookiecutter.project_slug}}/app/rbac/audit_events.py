"""The events and mails of administration."""

from enum import StrEnum

from app.accounts.mail.outbox import PURPOSES
from app.accounts.one_time_tokens import Purpose


class AdministrationLetter(StrEnum):
    """The mails of administration; each is a template in app/accounts/mail/templates."""

    CONFIRMED = "account-confirmed"


PURPOSES[AdministrationLetter.CONFIRMED] = Purpose.ACCEPT_INVITATION


class AdministrationEvent(StrEnum):
    """Entered with the administrator as the actor, and what changed as `before` and `after`."""

    ALL_SIGNED_OUT = "sign-in.all-ended"
    RESET_STARTED = "password.reset-started"
    ROLE_CREATED = "role.created"
    ROLE_CHANGED = "role.changed"
    ROLE_DELETED = "role.deleted"
    ROLE_ASSIGNED = "role.assigned"
    ROLE_REVOKED = "role.revoked"
