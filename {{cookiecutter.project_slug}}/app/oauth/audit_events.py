"""The audit events and mails about providers."""

from enum import StrEnum


class ProviderEvent(StrEnum):
    """The events of users and providers, as `subject.what`."""

    LINKED = "provider.linked"
    UNLINKED = "provider.unlinked"
    # An account with an unconfirmed address went to the owner of the address.
    CLAIMED = "provider.claimed"
    ASKED_AGAIN = "provider.asked-again"
    LINK_REQUIRED = "provider.link-required"
    SIGN_UP_REFUSED = "provider.sign-up-refused"


class ProviderLetter(StrEnum):
    """The mails; each is a template in app/accounts/mail/templates."""

    LINKED = "provider-linked"
    UNLINKED = "provider-unlinked"
