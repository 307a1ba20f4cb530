"""`MAIL_URL`: the mail server, and how a password is sent to it."""

from typing import NamedTuple
from urllib.parse import SplitResult
from urllib.parse import unquote
from urllib.parse import urlsplit

from app.settings.urls import is_this_machine
from app.settings.urls import port_of

CONSOLE = "console://"
EXAMPLE = "for example smtp://user:password@host:587"
# TLS starts with the connection on the first, and after a command in plain text on the others (RFC 8314).
IMPLICIT_TLS_PORT = 465
PLAIN_PORTS = {25, 587}


class MailServer(NamedTuple):
    """A mail server, and the credentials of the service there."""

    host: str
    port: int | None
    user: str | None
    password: str | None
    # Whether the connection starts with TLS.
    is_tls: bool

    @property
    def requires_starttls(self) -> bool:
        """Whether to send nothing unless STARTTLS succeeds: a password is never sent in plain text over a network."""
        return self.password is not None and not self.is_tls and not self.is_local

    @property
    def is_local(self) -> bool:
        """Whether no network is between the service and the server."""
        return is_this_machine(self.host)


def parse(url: str) -> MailServer | None:
    """The server that a URL names; None for `console://`.

    Raises:
        ValueError: if no server could be reached by it; the message never repeats a value.
    """
    if url == CONSOLE:
        return None
    parts = _split(url)
    port = port_of(parts, ". In a password, write : and / as %3A and %2F")
    is_tls = parts.scheme == "smtps"
    if port == IMPLICIT_TLS_PORT and not is_tls:
        raise ValueError("names port 465, which starts with TLS: write smtps:// instead of smtp://")
    if port in PLAIN_PORTS and is_tls:
        raise ValueError(f"names port {port}, which does not start with TLS: write smtp:// instead of smtps://")
    if bool(parts.username) != bool(parts.password):
        raise ValueError(f"needs both a user name and a password, or neither, {EXAMPLE}")
    user, password = (unquote(part) if part else None for part in (parts.username, parts.password))
    return MailServer(parts.hostname or "", port, user, password, is_tls)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"smtp", "smtps"} or not url.isprintable() or " " in url:
        raise ValueError(f"must be console:// or a server, {EXAMPLE}")
    if "#" in url:
        raise ValueError("contains #, which ends a URL. In a password, write it as %23")
    if "?" in url:
        raise ValueError("contains ?, and no parameter works here. Remove it; in a password, write it as %3F")
    if parts.path not in {"", "/"}:
        raise ValueError("contains / after the host. In a password, write it as %2F")
    if not parts.hostname:
        raise ValueError(f"must be console:// or a server, {EXAMPLE}")
    return parts
