"""What a setting may hold; a refusal says what to write instead, and never repeats a value that may be a secret."""

import os
import re
from enum import StrEnum
from ipaddress import IPv4Network
from ipaddress import IPv6Network
from ipaddress import ip_network
from typing import Annotated
from typing import Final
from typing import Literal
from typing import Self

from pydantic import AfterValidator
from pydantic import BaseModel
from pydantic import BeforeValidator
from pydantic import Field
from pydantic import PlainValidator
from pydantic import SecretStr
from pydantic import model_validator

from app import email_address
from app.settings import database_url

SECRET_KEY_MIN_LENGTH = 32
SECRET_KEY_MIN_DIFFERENT = 10
GENERATE = 'Generate one with: python -c "import secrets; print(secrets.token_urlsafe(48))"'
# OWASP's equal choices for argon2id: KiB of memory, and how many iterations they need.
HASH_CHOICES = ((47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5))
HASH_MAX_MEMORY_KIB = 1_048_576
HASH_MAX_ITERATIONS = 100
# In TRUSTED_PROXIES: a proxy that connects to a Unix socket.
UNIX: Final = "unix"
OPEN = "open"
INVITE = "invite"
WHO = "must be open, invite, or e-mail domains separated by commas, for example example.com"


class Switch(StrEnum):
    """Whether something is done."""

    ON = "on"
    OFF = "off"


class Pooler(StrEnum):
    """What the connections of the service lead to."""

    # PostgreSQL itself, or a pooler that gives each client a connection of its own.
    NONE = "none"
    # PgBouncer, or the like, in transaction mode.
    TRANSACTION = "transaction"


class HashSettings(BaseModel):
    """What one argon2id hash costs, and how many are computed at once."""

    hash_memory_kib: int = Field(default=47_104, le=HASH_MAX_MEMORY_KIB)
    hash_iterations: int = Field(default=1, le=HASH_MAX_ITERATIONS)
    hash_parallelism: int = Field(default=1, ge=1, le=16)
    # In one process; unset means one for each core.
    hash_concurrency: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1)

    @model_validator(mode="after")
    def hashes_are_costly(self) -> Self:
        """Refuse what costs less than each of OWASP's choices."""
        memory_kib, iterations = self.hash_memory_kib, self.hash_iterations
        if not any(memory_kib >= memory and iterations >= least for memory, least in HASH_CHOICES):
            choices = ", ".join(f"{memory} and {least}" for memory, least in HASH_CHOICES)
            given = f"HASH_MEMORY_KIB {memory_kib} and HASH_ITERATIONS {iterations}"
            raise ValueError(f"{given} make hashes that are too cheap; set at least one of these pairs: {choices}")
        return self


def _unguessable(value: SecretStr) -> SecretStr:
    # A short key can be guessed, and every credential of the service hangs on it (RFC 8725, 3.5).
    length, different = len(value.get_secret_value()), len(set(value.get_secret_value()))
    if length < SECRET_KEY_MIN_LENGTH:
        raise ValueError(f"must be at least {SECRET_KEY_MIN_LENGTH} characters; got {length}. {GENERATE}")
    if different < SECRET_KEY_MIN_DIFFERENT:
        raise ValueError(f"must be random; this one has {different} different characters. {GENERATE}")
    return value


def _postgresql(value: SecretStr) -> SecretStr:
    database_url.parse(value.get_secret_value())
    return value


def _origin(value: str) -> str:
    if not re.fullmatch(r"https?://[^/?#\s]+/?", value):
        raise ValueError(f"must be a scheme and a host, for example https://app.example.com; got {value!r}")
    return value.rstrip("/")


def _address(value: str) -> str:
    if not re.fullmatch(r"https?://[^?#\s]+", value):
        raise ValueError(f"must start with http:// or https://, for example http://collector:4318; got {value!r}")
    return value.rstrip("/")


def _origins(value: list[str]) -> tuple[str, ...]:
    return tuple(_origin(each) for each in value)


def _mail_server(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"console://|smtps?://\S+", value.get_secret_value()):
        raise ValueError("must be console:// or a server, for example smtp://user:password@host:587")
    return value


def _proxy(value: object) -> IPv4Network | IPv6Network | Literal["unix"]:
    if value == UNIX:
        return UNIX
    try:
        return ip_network(str(value))
    except ValueError as error:
        raise ValueError(f"must be networks such as 10.0.0.0/8, or {UNIX} for a Unix socket: {error}") from error


def _sender(value: str) -> str:
    # A mail server refuses any other sender, and by then nobody is there to read it.
    try:
        return email_address.normalise_email(value)
    except ValueError as error:
        raise ValueError(f"must be an e-mail address: {error}") from error


def _listed(value: object) -> object:
    # The environment knows text alone.
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _who(value: list[str]) -> frozenset[str]:
    given = frozenset(part.casefold().removeprefix("@") for part in value)
    if given in ({OPEN}, {INVITE}):
        return given
    if not given:
        raise ValueError(WHO)
    if given & {OPEN, INVITE}:
        raise ValueError(f"{WHO}; open and invite stand alone")
    return frozenset(_domain(each) for each in given)


def _domain(value: str) -> str:
    # Otherwise the service would start, and refuse every registration.
    try:
        return email_address.normalise_email(f"a@{value}").rpartition("@")[2]
    except ValueError as error:
        raise ValueError(f"{WHO}; no address can be at {value!r}: {error}") from error


SecretKey = Annotated[SecretStr, AfterValidator(_unguessable)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_postgresql)]
Address = Annotated[str, AfterValidator(_address)]
Origin = Annotated[str, AfterValidator(_origin)]
Origins = Annotated[tuple[str, ...], BeforeValidator(_listed), AfterValidator(_origins)]
MailUrl = Annotated[SecretStr, AfterValidator(_mail_server)]
Sender = Annotated[str, AfterValidator(_sender)]
Proxy = Annotated[IPv4Network | IPv6Network | Literal["unix"], PlainValidator(_proxy)]
Proxies = Annotated[tuple[Proxy, ...], BeforeValidator(_listed)]
WhoMayRegister = Annotated[frozenset[str], BeforeValidator(_listed), AfterValidator(_who)]
