"""Everything that differs between two installations, typed; the only reader of the environment."""

import os
import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Self

import click
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from dotenv import dotenv_values
from pydantic import BaseModel
from pydantic import ConfigDict
from pydantic import Field
from pydantic import IPvAnyNetwork
from pydantic import SecretStr
from pydantic import ValidationError
from pydantic import field_validator
from pydantic import model_validator

from app import addresses

PROJECT_NAME = "{{ cookiecutter.project_name | quoted_text }}"
PROJECT_ROOT = Path(__file__).resolve().parent.parent

SECRET_KEY_MIN_LENGTH = 32


class Environment(StrEnum):
    """Where the service runs; whoever says nothing runs in production."""

    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


class OpenApi(StrEnum):
    """Whether /schema is served."""

    ON = "on"
    OFF = "off"


class Throttle(StrEnum):
    """Whether attempts are counted."""

    ON = "on"
    OFF = "off"


class SettingsError(click.ClickException):
    """The service refuses to start; the message names each setting and what to write instead, a line each."""


class Settings(BaseModel):
    """The settings of one installation; each field is an environment variable of the same name in capitals."""

    model_config = ConfigDict(frozen=True, extra="ignore", str_strip_whitespace=True, hide_input_in_errors=True)

    secret_key: SecretStr
    environment: Environment = Environment.PRODUCTION
    database_url: SecretStr | None = None
    base_url: str = "http://localhost:8000"
    mail_url: SecretStr = SecretStr("console://")
    mail_from: str = "noreply@example.com"
    openapi: OpenApi | None = None
    throttle: Throttle = Throttle.ON
    # Addresses or networks, separated by commas, whose word on who the client is counts.
    trusted_proxies: tuple[IPvAnyNetwork, ...] = ()
    password_min_length: int = Field(default=15, ge=8, le=128)
    # What one argon2id hash costs; OWASP's minimum is the floor.
    hash_memory_kib: int = Field(default=65_536, ge=19_456)
    hash_iterations: int = Field(default=2, ge=2)
    hash_parallelism: int = Field(default=1, ge=1)

    @field_validator("secret_key")
    @classmethod
    def secret_key_is_long(cls, value: SecretStr) -> SecretStr:
        """A short key can be guessed, and every credential of the service hangs on it (RFC 8725, 3.5)."""
        length = len(value.get_secret_value())
        if length < SECRET_KEY_MIN_LENGTH:
            message = (
                f"must be at least {SECRET_KEY_MIN_LENGTH} characters; got {length}. "
                'Generate one with: python -c "import secrets; print(secrets.token_urlsafe(48))"'
            )
            raise ValueError(message)
        return value

    @field_validator("database_url")
    @classmethod
    def database_url_is_postgresql(cls, value: SecretStr | None) -> SecretStr | None:
        """The value is not repeated in the message: it may hold a password."""
        if value is not None and not re.fullmatch(r"postgres(ql)?(\+asyncpg)?://\S+", value.get_secret_value()):
            raise ValueError("must start with postgresql://, for example postgresql://user:password@host/name")
        return value

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def trusted_proxies_is_a_list(cls, value: object) -> object:
        """The environment knows text alone."""
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("base_url")
    @classmethod
    def base_url_is_an_origin(cls, value: str) -> str:
        """Links in mails are built on it, whatever the `Host` header of a request says."""
        if not re.fullmatch(r"https?://[^/?#\s]+/?", value):
            raise ValueError(f"must be a scheme and a host, for example https://app.example.com; got {value!r}")
        return value.rstrip("/")

    @field_validator("mail_url")
    @classmethod
    def mail_url_is_known(cls, value: SecretStr) -> SecretStr:
        """The value is not repeated in the message: it may hold a password."""
        if not re.fullmatch(r"console://|smtps?://\S+", value.get_secret_value()):
            raise ValueError("must be console:// or a server, for example smtp://user:password@host:587")
        return value

    @field_validator("mail_from")
    @classmethod
    def mail_from_is_an_address(cls, value: str) -> str:
        """A mail server refuses any other sender, and by then nobody is there to read it."""
        try:
            return addresses.normalise(value)
        except ValueError as error:
            raise ValueError(f"must be an e-mail address: {error}") from error

    @model_validator(mode="after")
    def production_is_complete(self) -> Self:
        """What is convenient on a desk must not reach the internet."""
        problems = [
            message
            for is_wrong, message in (
                (
                    self.database_url is None,
                    "DATABASE_URL must be set in production: postgresql://user:password@host/name",
                ),
                (self.throttle is Throttle.OFF, "THROTTLE must be on in production: leave it unset"),
                (not self.serves_https, "BASE_URL must start with https:// in production"),
                (self.mail_url.get_secret_value() == "console://", "MAIL_URL must be set in production: smtp://..."),
            )
            if is_wrong
        ]
        if self.environment is Environment.PRODUCTION and problems:
            raise ValueError("\n".join(problems))
        return self

    @property
    def serves_https(self) -> bool:
        """Whether browsers reach the service over TLS, so that cookies can insist on it."""
        return self.base_url.startswith("https://")

    @property
    def serves_openapi(self) -> bool:
        """Closed in production unless `OPENAPI=on`."""
        is_public = self.environment is Environment.PRODUCTION
        return (self.openapi or (OpenApi.OFF if is_public else OpenApi.ON)) is OpenApi.ON

    def key_for(self, purpose: str) -> bytes:
        """A key of 32 bytes for one purpose, so that what is signed for one is worthless for another (RFC 5869)."""
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(
            self.secret_key.get_secret_value().encode()
        )


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings from the environment and, in development, from the file `.env` beside `pyproject.toml`.

    Raises:
        SettingsError: if one is missing or wrong.
    """
    environment = os.environ if environment is None else environment
    values: dict[str, str | None] = dict(environment)
    if environment.get("ENVIRONMENT", Environment.DEVELOPMENT) == Environment.DEVELOPMENT:
        values = dotenv_values(PROJECT_ROOT / ".env") | values
    try:
        # `DATABASE_URL=` in an env file means that nobody has set it.
        known = {name: value for name in Settings.model_fields if (value := values.get(name.upper()))}
        return Settings.model_validate(known)
    except ValidationError as error:
        raise SettingsError("\n".join(_in_words(error))) from error


def _in_words(error: ValidationError) -> list[str]:
    lines = []
    for problem in error.errors(include_url=False, include_input=False):
        name = "".join(f"{part} ".upper() for part in problem["loc"])
        reason = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "missing":
            reason = "is not set. `make setup` writes it into .env; in production, set it in the environment."
        if problem["type"] == "enum":
            reason = f"must be {problem['ctx']['expected']}"
        lines.append(f"{name}{reason}")
    return lines
