"""Tokens for programs: their text, where a request carries one, and which routes are open to them."""

import secrets
from enum import StrEnum
from string import ascii_letters
from string import digits
from typing import Any
from zlib import crc32

from litestar.connection import ASGIConnection
from litestar.exceptions import PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.handlers import HTTPRouteHandler

from app.http.current_request import current_request
from app.http.errors import TokenNotAccepted
from app.settings import SettingsError

# What each token begins with. Scanners of repositories look for it: docs/access-tokens.md.
PREFIX = "{{ cookiecutter.project_slug }}_"
# 30 random characters are 178 bits. The checksum lets scanners, and this service, recognise what is no token.
ALPHABET = digits + ascii_letters
RANDOM_LENGTH, CHECKSUM_LENGTH = 30, 6
# A route is open to tokens if it says so: `@get("/", access_tokens="read")`.
OPTION = "access_tokens"
EACH_ROUTE = (
    f"`opt` of the application has `{OPTION}`, which would also open the routes for credentials and tokens. Write "
    f'it at each route that is open to tokens: {OPTION}="read" or {OPTION}="write"'
)
# Guards of litestar-users judge users and know no tokens, so a route with one is not open to tokens.
JUDGES_USERS = "litestar_users.guards"
ONLY_READS = "This token may only read."


class Access(StrEnum):
    """What a token may do, and what a route asks of it."""

    READ = "read"
    WRITE = "write"


def generate_token() -> str:
    """The text of a new token: the prefix, the random characters and their checksum."""
    random = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_LENGTH))
    return f"{PREFIX}{random}{_checksum(random)}"


def is_whole(text: str) -> bool:
    """Whether the text has the length and the checksum of a token. If not, the database need not be asked."""
    random, checksum = text[len(PREFIX) : -CHECKSUM_LENGTH], text[-CHECKSUM_LENGTH:]
    return len(random) == RANDOM_LENGTH and random.isascii() and checksum == _checksum(random)


def _checksum(random: str) -> str:
    number, letters = crc32(random.encode()), ""
    for _ in range(CHECKSUM_LENGTH):
        number, rest = divmod(number, len(ALPHABET))
        letters = ALPHABET[rest] + letters
    return letters


def presented_token(connection: ASGIConnection[Any, Any, Any, Any]) -> str | None:
    """The text of the token for programs that a request presents, valid or not; None if it presents none."""
    scheme, _, text = connection.headers.get("Authorization", "").partition(" ")
    # Several spaces are allowed (RFC 9110, 11.4).
    return text.strip() if scheme.lower() == "bearer" and text.strip().startswith(PREFIX) else None


def access_needed(handler: BaseRouteHandler) -> Access | None:
    """What a route asks of a token; None if it is not open to tokens. "read" opens no route that may change something.

    Raises:
        ValueError: if the route says anything but "read" or "write".
    """
    given = handler.opt.get(OPTION)
    guards = [guard for layer in handler.ownership_layers for guard in layer.guards or ()]
    if given is None or any(getattr(guard, "__module__", "") == JUDGES_USERS for guard in guards):
        return None
    is_reading = isinstance(handler, HTTPRouteHandler) and handler.http_methods <= {"GET", "HEAD"}
    return Access(given) if is_reading or given != Access.READ else None


def require_each_route(opt: dict[str, Any]) -> None:
    """Require that the `opt` of the application opens no route to tokens.

    Raises:
        SettingsError: if it does.
    """
    if OPTION in opt:
        raise SettingsError(EACH_ROUTE)


async def require_open_route(_: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """A guard of every route, for requests with a token. Litestar would run a synchronous one in a thread.

    Raises:
        PermissionDeniedException: if the token may only read, and the route asks for a token that may write.
        TokenNotAccepted: if the route is not open to tokens.
    """
    token = current_request().token
    if token is None:
        return
    needed = access_needed(handler)
    if needed is None:
        raise TokenNotAccepted
    if needed == Access.WRITE and token.access != Access.WRITE:
        raise PermissionDeniedException(ONLY_READS)
