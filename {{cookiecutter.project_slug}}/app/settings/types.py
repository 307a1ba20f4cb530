"""The types of settings; a refusal says what to write instead, and never repeats a value that may be a secret."""

import re
import ssl
from collections.abc import Callable
from collections.abc import Mapping
from enum import StrEnum
from ipaddress import IPv4Network
from ipaddress import IPv6Network
from ipaddress import ip_address
from ipaddress import ip_network
from typing import Annotated
from typing import Any
from typing import Final
from typing import Literal

from pydantic import AfterValidator
from pydantic import BeforeValidator
from pydantic import PlainValidator
from pydantic import SecretStr

from app import email_address
from app.settings import database_url
from app.settings import mail_url
from app.settings import origins

SECRET_KEY_MIN_LENGTH = 32
SECRET_KEY_MIN_DIFFERENT = 10
TOKEN_MAX_LENGTH = 1_000
GENERATE = 'Generate one with: python -c "import secrets; print(secrets.token_urlsafe(48))"'
# In TRUSTED_PROXIES: a proxy that connects to a Unix socket.
UNIX: Final = "unix"
MAPPED_IPV4 = IPv6Network("::ffff:0:0/96")
OPEN = "open"
INVITE = "invite"
WHO = "must be open, invite, or e-mail domains separated by commas, for example example.com"


class Switch(StrEnum):
    """A setting that is on or off."""

    ON = "on"
    OFF = "off"


class Pooler(StrEnum):
    """The kind of pooler that the service connects to."""

    # PostgreSQL itself, or a pooler that gives each client its own connection.
    NONE = "none"
    # PgBouncer, or a similar pooler, in transaction mode.
    TRANSACTION = "transaction"


def _unguessable(value: SecretStr) -> SecretStr:
    # A short key can be guessed, and every credential depends on it (RFC 8725, 3.5).
    length, different = len(value.get_secret_value()), len(set(value.get_secret_value()))
    if length < SECRET_KEY_MIN_LENGTH:
        raise ValueError(f"must be at least {SECRET_KEY_MIN_LENGTH} characters; got {length}. {GENERATE}")
    if different < SECRET_KEY_MIN_DIFFERENT:
        raise ValueError(f"must be random; this one has {different} different characters. {GENERATE}")
    return value


def _sendable(value: SecretStr) -> SecretStr:
    # Otherwise no request could carry it in a header (RFC 6750, 2.1).
    token = value.get_secret_value()
    if len(token) > TOKEN_MAX_LENGTH or not re.fullmatch(r"[\x21-\x7e]+", token):
        raise ValueError(f"must be at most {TOKEN_MAX_LENGTH} ASCII characters, without spaces. {GENERATE}")
    return value


def _postgresql(value: SecretStr) -> SecretStr:
    database_url.parse(value.get_secret_value())
    return value


def _collector(value: str) -> str:
    if "@" in value:
        raise ValueError("must not contain a user name or a password: set OTEL_EXPORTER_OTLP_HEADERS instead")
    match = re.fullmatch(r"(https?://[^/?#\s]+)(/[^?#\s]*)?", value, re.IGNORECASE)
    if not match:
        raise ValueError(f"must start with http:// or https://, for example http://collector:4318; got {value!r}")
    return origins.site(match[1]) + (match[2] or "").rstrip("/")


def _origins(value: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(origins.site_or_app(each) for each in value))


def _mail_server(value: SecretStr) -> SecretStr:
    mail_url.parse(value.get_secret_value())
    return value


def _authorities(value: str) -> str:
    try:
        ssl.create_default_context(cafile=value)
    except OSError as error:
        raise ValueError("must be a file with certificates in PEM form that the service can read") from error
    return value


def _proxy(value: object) -> IPv4Network | IPv6Network | Literal["unix"]:
    if value == UNIX:
        return UNIX
    try:
        network, address = ip_network(str(value), strict=False), ip_address(str(value).partition("/")[0])
    except ValueError as error:
        example = f"for example 10.0.0.0/8, or {UNIX} for a Unix socket"
        raise ValueError(f"must be IP addresses or networks, {example}; got {str(value)!r}") from error
    if network.network_address != address:
        raise ValueError(f"must be a network or an address: write {network} or {address}; got {value!r}")
    if isinstance(network, IPv6Network) and network.subnet_of(MAPPED_IPV4):
        # Addresses of clients are compared in this form, too.
        return IPv4Network((int(network.network_address) & 0xFFFF_FFFF, network.prefixlen - MAPPED_IPV4.prefixlen))
    return network


def _sender(value: str) -> str:
    # A mail server would refuse the mails, long after the start.
    try:
        return email_address.normalise_email(value)
    except ValueError as error:
        raise ValueError(f"must be an e-mail address: {error}") from error


def listed(value: object) -> object:
    """The parts of a list that is separated by commas; environment variables are text."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _who(value: list[str]) -> frozenset[str]:
    given = frozenset(part.casefold().removeprefix("@") for part in value)
    if given in ({OPEN}, {INVITE}):
        return given
    if not given:
        raise ValueError(WHO)
    if given & {OPEN, INVITE}:
        raise ValueError(f"{WHO}; write open or invite without anything else")
    return frozenset(_domain(each) for each in given)


def _domain(value: str) -> str:
    # Otherwise the service would start, and refuse every registration.
    try:
        return email_address.normalise_email(f"a@{value}").rpartition("@")[2]
    except ValueError as error:
        raise ValueError(f"{WHO}; no address can have the domain {value!r}: {error}") from error


# Functions that return these settings with fields for names which the environment has.
EXTENSIONS: list[Callable[[type[Any], Mapping[str, str | None]], type[Any]]] = []
SecretKey = Annotated[SecretStr, AfterValidator(_unguessable)]
HeaderToken = Annotated[SecretKey, AfterValidator(_sendable)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_postgresql)]
Collector = Annotated[str, AfterValidator(_collector)]
Origin = Annotated[str, AfterValidator(origins.site)]
Origins = Annotated[tuple[str, ...], BeforeValidator(listed), AfterValidator(_origins)]
MailUrl = Annotated[SecretStr, AfterValidator(_mail_server)]
Authorities = Annotated[str, AfterValidator(_authorities)]
Sender = Annotated[str, AfterValidator(_sender)]
Proxy = Annotated[IPv4Network | IPv6Network | Literal["unix"], PlainValidator(_proxy)]
Proxies = Annotated[tuple[Proxy, ...], BeforeValidator(listed)]

WhoMayRegister = Annotated[frozenset[str], BeforeValidator(listed), AfterValidator(_who)]
