"""Origins: scheme, host and port of a site, in the spelling that browsers send in the header `Origin`."""

import re
from ipaddress import IPv6Address
from urllib.parse import SplitResult
from urllib.parse import urlsplit

from app.settings.urls import port_of

DEFAULT_PORTS = {"http": 80, "https": 443}
EXAMPLE = "for example https://app.example.com"
LABEL = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
# No page has one of these schemes in its origin; the last one matches misspellings of http and https.
NEVER_SENT = re.compile("wss?|ftp|file|data|blob|about|javascript|[htps]+")


def site(value: str) -> str:
    """The origin of a site.

    Raises:
        ValueError: if the value is something else; the message says what to write and repeats no password.
    """
    parts = _split(value)
    scheme, host, port = parts.scheme, _host(parts, value), port_of(parts, ", for example https://app.example.com:8443")
    if scheme not in DEFAULT_PORTS:
        raise ValueError(f"must start with https:// or http://, {EXAMPLE}; got {value!r}")
    origin = f"{scheme}://{host}" + (f":{port}" if port and port != DEFAULT_PORTS[scheme] else "")
    if parts.path not in {"", "/"} or "?" in value or "#" in value:
        raise ValueError(f"must end after the host, without a path: write {origin}")
    return origin


def site_or_app(value: str) -> str:
    """The origin of a site, of an app in a web view (`capacitor://localhost`) or of a browser extension.

    Raises:
        ValueError: as `site` does.
    """
    parts = _split(value)
    if NEVER_SENT.fullmatch(parts.scheme):
        return site(value)
    if not re.fullmatch(r"[\w.-]+", parts.netloc, re.ASCII) or value.partition("://")[2].rstrip("/") != parts.netloc:
        raise ValueError(f"must be a scheme and a host, {EXAMPLE} or capacitor://localhost; got {value!r}")
    # Browsers do not change the host of such an origin.
    return f"{parts.scheme}://{parts.netloc}"


def is_another_site(origin: str, own: str) -> bool:
    """Whether browsers certainly send no SameSite cookie from one origin to the other.

    Two hosts with the same last two labels may still be different sites (`a.co.uk`, `b.co.uk`). Extensions can be
    allowed to send cookies.
    """
    return not urlsplit(origin).scheme.endswith("-extension") and _site_of(origin) != _site_of(own)


def _site_of(origin: str) -> tuple[str, str]:
    parts = urlsplit(origin)
    host = parts.hostname or ""
    is_name = ":" not in host and not host.replace(".", "").isdecimal()
    return parts.scheme, ".".join(host.split(".")[-2:]) if is_name else host


def _split(value: str) -> SplitResult:
    if "@" in value:
        raise ValueError(f"must not contain a user name, a password or @: write a scheme and a host, {EXAMPLE}")
    if "*" in value:
        raise ValueError(f"must not contain the wildcard *: write each site, {EXAMPLE}; got {value!r}")
    try:
        parts = urlsplit(value)
    except ValueError:
        parts = urlsplit("")
    if not parts.scheme or not parts.netloc or not value.isprintable() or " " in value:
        raise ValueError(f"must be a scheme and a host, {EXAMPLE}; got {value!r}")
    return parts


def _host(parts: SplitResult, value: str) -> str:
    host = parts.hostname or ""
    if not host.isascii():
        raise ValueError(f"must have an international domain in its xn-- form; got {value!r}")
    if parts.netloc.startswith("["):
        try:
            return f"[{IPv6Address(host)}]"
        except ValueError as error:
            raise ValueError(f"must have an IPv6 address in the brackets; got {value!r}") from error
    if not re.fullmatch(rf"{LABEL}(\.{LABEL})*", host):
        raise ValueError(f"must have a host of letters, digits, dots and hyphens, {EXAMPLE}; got {value!r}")
    return host
