"""Cookies as a request sends them."""

from typing import Any

from litestar.connection import ASGIConnection


def single_cookie(connection: ASGIConnection[Any, Any, Any, Any], name: str) -> str | None:
    """The value of the cookie with this name; None if there is none, or several.

    Another host of the same domain can set a second one, and a request does not say which host set which (RFC 6265,
    8.6). Names are compared as browsers compare them: Litestar strips more than spaces, so a name that begins with
    another character would pass for a `__Host-` name, which browsers accept from this host alone.
    """
    sent = (pair for header in connection.headers.getall("Cookie", []) for pair in header.split(";") if name in pair)
    pairs = (pair.partition("=") for pair in sent)
    values = [value.strip(" \t") for given, _, value in pairs if given.strip(" \t") == name]
    return values[0] if len(values) == 1 else None
