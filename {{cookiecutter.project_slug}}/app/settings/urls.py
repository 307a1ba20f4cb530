"""Parts of the URLs in settings."""

from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import SplitResult
from urllib.parse import urlsplit


def port_of(parts: SplitResult, hint: str) -> int | None:
    """The port of a URL, or None if it names none.

    Raises:
        ValueError: if it is not a port; the message ends with the hint.
    """
    with suppress(ValueError):
        if parts.port != 0:
            return parts.port
    raise ValueError(f"must have a port from 1 to 65535, or none{hint}")


def is_readable(url: str) -> bool:
    """Whether a URL can be taken apart: brackets contain an IPv6 address, and the port is one."""
    with suppress(ValueError):
        return urlsplit(url).port != 0
    return False


def is_this_machine(host: str | None) -> bool:
    """Whether traffic to this host stays on this machine."""
    with suppress(ValueError):
        return ip_address(host or "").is_loopback
    return host == "localhost"
