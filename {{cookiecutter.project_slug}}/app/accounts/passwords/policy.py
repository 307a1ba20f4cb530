"""The rules for new passwords."""

import secrets
import unicodedata

from app.accounts.passwords.strength import is_guessable
from app.http.errors import InvalidField
from app.settings import PROJECT_NAME
from app.settings import Settings

MAX_LENGTH = 128
# Shorter words are parts of too many sentences.
CONTEXT_WORD_MIN_LENGTH = 4
EASY_TO_GUESS = "This password is easy to guess. Use four or more unusual words, or let a password manager make one."


async def require_good(
    password: str, email: str, settings: Settings, field: str = "password", *, name: str = ""
) -> None:
    """Refuse what attackers try first; any character may be used and none has to be (NIST SP 800-63B-4, 3.1.1.2).

    Takes some milliseconds, so hold no connection to the database meanwhile. `name` is what the user is called.

    Raises:
        InvalidField: says what to do instead.
    """
    password = normalise_password(password)
    if not settings.password_min_length <= len(password) <= MAX_LENGTH:
        raise InvalidField(field, f"Use {settings.password_min_length} to {MAX_LENGTH} characters.")
    local_part, _, domain = email.strip().partition("@")
    for word in (PROJECT_NAME.casefold(), local_part.casefold()):
        if len(word) >= CONTEXT_WORD_MIN_LENGTH and word in password.casefold():
            raise InvalidField(field, "Leave out your address and the name of this service: attackers try them first.")
    if await is_guessable(password, (PROJECT_NAME, local_part, domain, name)):
        raise InvalidField(field, EASY_TO_GUESS)


def is_same(one: str, another: str) -> bool:
    """Whether two passwords are one, however a keyboard writes them."""
    return normalise_password(one) == normalise_password(another)


def generate() -> str:
    """A random password of 128 bits."""
    return secrets.token_urlsafe(16)


def normalise_password(password: str) -> str:
    """The one spelling of a password: keyboards encode the same letter in different ways."""
    return unicodedata.normalize("NFC", password)
