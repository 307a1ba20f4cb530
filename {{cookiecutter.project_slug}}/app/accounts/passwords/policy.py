"""The rules for new passwords."""

import secrets

from app.accounts.passwords.hasher import hasher_for
from app.accounts.passwords.hashes import normalise_password
from app.accounts.passwords.strength import is_guessable
from app.http.errors import InvalidField
from app.settings import PROJECT_NAME
from app.settings import Settings

MAX_LENGTH = 128
# Shorter words occur by chance in too many passwords.
CONTEXT_WORD_MIN_LENGTH = 4
EASY_TO_GUESS = "This password is easy to guess. Use four or more unusual words, or let a password manager make one."


async def require_good(  # noqa: PLR0913  # what a password is judged by
    password: str, email: str, settings: Settings, field: str = "password", *, name: str = "", is_sign_up: bool = False
) -> None:
    """Refuse passwords that attackers try first. There are no rules about characters (NIST SP 800-63B-4, 3.1.1.2).

    This takes some milliseconds: call `release_connection` first. `name` is the display name of the user.

    Raises:
        InvalidField: says what to do instead.
        TooBusy: if too many passwords wait to be judged or hashed.
        TooManyAttempts: if too many of this account wait.
    """
    password = normalise_password(password)
    if not settings.password_min_length <= len(password) <= MAX_LENGTH:
        raise InvalidField(field, f"Use {settings.password_min_length} to {MAX_LENGTH} characters.")
    local_part, _, domain = email.strip().partition("@")
    for word in (PROJECT_NAME.casefold(), local_part.casefold()):
        if len(word) >= CONTEXT_WORD_MIN_LENGTH and word in password.casefold():
            raise InvalidField(field, "Leave out your address and the name of this service: attackers try them first.")
    # An estimate takes up to 25 ms, one at a time, and a guessable password does not use up a link.
    async with hasher_for(settings).place_of(email, is_sign_up=is_sign_up):
        is_easy = await is_guessable(password, (PROJECT_NAME, local_part, domain, name))
    if is_easy:
        raise InvalidField(field, EASY_TO_GUESS)


def is_same(one: str, another: str) -> bool:
    """Whether two passwords are the same after normalisation."""
    return normalise_password(one) == normalise_password(another)


def generate() -> str:
    """A random password of 128 bits."""
    return secrets.token_urlsafe(16)
