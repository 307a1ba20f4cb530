"""Everything that differs between two installations, typed; the only reader of the environment."""

import os
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Self

import click
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from dotenv import dotenv_values
from pydantic import ConfigDict
from pydantic import Field
from pydantic import SecretStr
from pydantic import ValidationError
from pydantic import model_validator

from app.settings.database import DatabaseSettings
# {% if cookiecutter.include_oauth %}
from app.settings.providers import ProviderSettings
# {% endif %}
from app.settings.types import INVITE
from app.settings.types import OPEN
from app.settings.types import Address
from app.settings.types import HashSettings
from app.settings.types import MailUrl
from app.settings.types import Proxies
from app.settings.types import Origin
from app.settings.types import Origins
from app.settings.types import SecretKey
from app.settings.types import Sender
from app.settings.types import Switch
from app.settings.types import WhoMayRegister

PROJECT_NAME = "{{ cookiecutter.project_name | quoted_text }}"
PROJECT_ROOT = Path(__file__).resolve().parent.parent.parent


class Environment(StrEnum):
    """Where the service runs; whoever says nothing runs in production."""

    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


class SettingsError(click.ClickException):
    """The service refuses to start; the message names each setting and what to write instead, a line each."""


class Settings(
    # {% if cookiecutter.include_oauth %}
    ProviderSettings,
    # {% endif %}
    DatabaseSettings,
    HashSettings,
):
    """The settings of one installation; each field is an environment variable of the same name in capitals."""

    model_config = ConfigDict(frozen=True, extra="ignore", str_strip_whitespace=True, hide_input_in_errors=True)

    secret_key: SecretKey
    # A second key, while the first is replaced: it verifies and opens, and makes nothing new (docs/secrets.md).
    secret_key_previous: SecretKey | None = None
    environment: Environment = Environment.PRODUCTION
    # Links in mails are built on it, whatever the `Host` header of a request says.
    base_url: Origin = "http://localhost:8000"
    mail_url: MailUrl = SecretStr("console://")
    mail_from: Sender = "noreply@example.com"
    # Everyone, people who are invited, or addresses of these domains. Domains rule changes of address, too; with
    # `invite` users may change to any address. An invitation may go to any address.
    registration: WhoMayRegister = frozenset({OPEN})
    # Whether /schema is served, and whether attempts are counted.
    openapi: Switch | None = None
    throttle: Switch = Switch.ON
    # Whether each answer has a line in the log.
    access_log: Switch = Switch.ON
    # Whoever shows it may read /metrics; unset means that there are none.
    metrics_token: SecretKey | None = None
    # Where traces are sent, under the name that OpenTelemetry has for it; unset means that there are none.
    otel_exporter_otlp_endpoint: Address | None = None
    # Sites beside BASE_URL whose pages may call the service from a browser.
    cors_origins: Origins = ()
    # Networks of proxies whose X-Forwarded-For is trusted; `unix` for a proxy that connects to a Unix socket.
    trusted_proxies: Proxies = ()
    password_min_length: int = Field(default=15, ge=8, le=128)
    # How long a sign-in lasts, and how long it does unused.
    session_lifetime_days: int = Field(default=30, ge=1)
    session_idle_days: int = Field(default=7, ge=1)
    # How long the audit trail goes back.
    audit_retention_days: int = Field(default=365, ge=30)
    # How long an account is kept whose address is not proven; unset means 7 days longer than its link works.
    unproven_account_days: int | None = Field(default=None, ge=1, le=365)
    # How long the links in mails work.
    verification_link_hours: int = Field(default=24, ge=1)
    reset_link_minutes: int = Field(default=60, ge=5, le=24 * 60)
    email_change_link_hours: int = Field(default=24, ge=1)
    undo_link_days: int = Field(default=7, ge=1)
    invitation_link_days: int = Field(default=7, ge=1)

    @model_validator(mode="after")
    def keys_differ(self) -> Self:
        """A key that takes the place of itself takes nobody's place."""
        if self.secret_key == self.secret_key_previous:
            raise ValueError("SECRET_KEY_PREVIOUS must be another key than SECRET_KEY, or unset")
        return self

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
                (self.throttle is Switch.OFF, "THROTTLE must be on in production: leave it unset"),
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
        return (self.openapi or (Switch.OFF if is_public else Switch.ON)) is Switch.ON

    def admits(self, email: str) -> bool:
        """Whether this address may register without an invitation."""
        return INVITE not in self.registration and self.allows(email)

    def allows(self, email: str) -> bool:
        """Whether an account may move to this address."""
        domains = self.registration - {OPEN, INVITE}
        return not domains or email.rpartition("@")[2] in domains

    def key_for(self, purpose: str) -> bytes:
        """A key of 32 bytes for one purpose, so that what is signed for one is worthless for another (RFC 5869)."""
        return self.keys_for(purpose)[0]

    def keys_for(self, purpose: str) -> list[bytes]:
        """The keys with which something may have been signed, that for new things first."""
        keys = (self.secret_key, self.secret_key_previous)
        return [_derived(key.get_secret_value(), purpose) for key in keys if key is not None]


@cache
def _derived(key: str, purpose: str) -> bytes:
    # Kept, since each request asks for one, and there are as many as there are purposes.
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(key.encode())


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
        reason = problem["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
        if problem["type"] == "missing":
            reason = "is not set. `make setup` writes it into .env; in production, set it in the environment."
        if problem["type"] == "enum":
            reason = f"must be {problem['ctx']['expected']}"
        lines.append(f"{name}{reason}")
    return lines
