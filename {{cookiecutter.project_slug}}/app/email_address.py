"""E-mail addresses: one spelling for each, from HTTP, the command line and code."""

from functools import lru_cache

from email_validator import EmailNotValidError
from email_validator import validate_email

MAX_LENGTH = 254
# Stands for a text that is not an address, where addresses are only compared.
NOT_AN_ADDRESS = "none"


def normalise_email(address: str) -> str:
    """The one spelling under which an address is stored and looked up.

    Only ASCII is accepted, since letters of other scripts look like Latin ones and could imitate the address of another
    user; an international domain is written in its `xn--` form.

    Raises:
        ValueError: if this is not an e-mail address; the message says why and can be shown.
    """
    address = address.strip()
    # Checked first, since parsing and the cache cost more for longer texts.
    if len(address) > MAX_LENGTH:
        raise ValueError(f"An e-mail address has at most {MAX_LENGTH} characters.")
    return _normalised(address)


# One request normalises the same address several times.
@lru_cache(maxsize=100)
def _normalised(address: str) -> str:
    try:
        parts = validate_email(
            address,
            allow_smtputf8=False,
            strict=True,
            # A mail proves the address, so no name server is asked about its domain.
            check_deliverability=False,
            test_environment=True,
        )
    except EmailNotValidError as error:
        raise ValueError(str(error)) from error
    if not address.isascii():
        raise ValueError(f"Write an international domain in its xn-- form: {parts.ascii_domain}.")
    # `normalized` has an international domain in Unicode.
    return str(parts.ascii_email).lower()


def compared(address: str) -> str:
    """The spelling to compare or count by, also for a text that is not an e-mail address."""
    try:
        return normalise_email(address)
    except ValueError:
        return NOT_AN_ADDRESS
