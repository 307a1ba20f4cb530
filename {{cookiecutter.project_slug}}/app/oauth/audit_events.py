"""What the audit trail and mails say about providers."""

from enum import StrEnum


class ProviderEvent(StrEnum):
    """What happens between an account and a provider, as `subject.what`."""

    LINKED = "provider.linked"
    UNLINKED = "provider.unlinked"
    # An address that nobody had proven came to be its owner's.
    CLAIMED = "provider.claimed"
    ASKED_AGAIN = "provider.asked-again"
    LINK_REQUIRED = "provider.link-required"
    SIGN_UP_REFUSED = "provider.sign-up-refused"


class ProviderLetter(StrEnum):
    """What a mail is about; each is a template in app/accounts/mail/templates."""

    LINKED = "provider-linked"
    UNLINKED = "provider-unlinked"
