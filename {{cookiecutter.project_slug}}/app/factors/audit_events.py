"""The audit events and mails about second factors."""

from enum import StrEnum


class FactorEvent(StrEnum):
    """The events of second factors, as `subject.what`."""

    ADDED = "factor.added"
    REMOVED = "factor.removed"
    # By another user or a command.
    ALL_REMOVED = "factor.all-removed"
    REFUSED = "factor.refused"
    THROTTLED = "factor.throttled"
    CODES_REPLACED = "factor.recovery-codes-replaced"
    CODE_USED = "factor.recovery-code-used"
    # The authenticator may have been copied.
    COUNTER_BEHIND = "factor.counter-behind"


class FactorLetter(StrEnum):
    """The mails; each is a template in app/accounts/mail/templates."""

    ADDED = "factor-added"
    REMOVED = "factor-removed"
    CODES_REPLACED = "recovery-codes-replaced"
    CODE_USED = "recovery-code-used"
    COUNTER_BEHIND = "passkey-counter-behind"
