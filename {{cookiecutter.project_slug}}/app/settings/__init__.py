"""The settings of an installation, typed; the only reader of the environment."""

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

from app.settings.checks import EXAMPLE_SENDER
from app.settings.checks import contradictions
from app.settings.checks import unfit_for_production
from app.settings.database import DatabaseSettings
from app.settings.factors import FactorSettings
from app.settings.hashes import HashSettings
from app.settings.mail_url import CONSOLE
from app.settings.own_port import own_port
# {% if cookiecutter.include_oauth %}
from app.settings.providers import ProviderSettings
# {% endif %}
from app.settings.refusals import mistakes
from app.settings.types import EXTENSIONS
from app.settings.types import INVITE
from app.settings.types import OPEN
from app.settings.types import Authorities
from app.settings.types import Collector
from app.settings.types import HeaderToken
from app.settings.types import MailUrl
from app.settings.types import Origin
from app.settings.types import Origins
from app.settings.types import Proxies
from app.settings.types import SecretKey
from app.settings.types import Sender
from app.settings.types import Switch
from app.settings.types import WhoMayRegister

PROJECT_NAME = "{{ cookiecutter.project_name | quoted_text }}"
PROJECT_ROOT = Path(__file__).resolve().parent.parent.parent


class Environment(StrEnum):
    """Where the service runs; unset means production."""

    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


class SettingsError(click.ClickException):
    """The service refuses to start; the message has a line for each mistake, with the setting and what to write."""


class Settings(
    # {% if cookiecutter.include_oauth %}
    ProviderSettings,
    # {% endif %}
    DatabaseSettings,
    FactorSettings,
    HashSettings,
):
    """The settings of one installation; each field is an environment variable of the same name in capitals."""

    model_config = ConfigDict(frozen=True, extra="ignore", str_strip_whitespace=True, hide_input_in_errors=True)

    secret_key: SecretKey
    # Accepted while the key is replaced: it verifies and decrypts, and nothing new is made with it (docs/secrets.md).
    secret_key_previous: SecretKey | None = None
    environment: Environment = Environment.PRODUCTION
    # Links in mails begin with it, and never with the `Host` header of a request. In development, unset means the port
    # that the service listens on.
    base_url: Origin = "http://localhost:8000"
    mail_url: MailUrl = SecretStr(CONSOLE)
    # Authorities that may sign the certificate of the mail server, besides those of the system.
    mail_ca_file: Authorities | None = None
    mail_from: Sender = EXAMPLE_SENDER
    # Everyone, invited people, or addresses of these domains. Users can change only to an address of these domains;
    # with `invite`, they can change to any address. An invitation may go to any address.
    registration: WhoMayRegister = frozenset({OPEN})
    # Whether /schema is served, and whether attempts are counted.
    openapi: Switch | None = None
    throttle: Switch = Switch.ON
    # Whether each response has a line in the log.
    access_log: Switch = Switch.ON
    # /metrics requires this token; unset means that there are no metrics.
    metrics_token: HeaderToken | None = None
    # Where traces are sent, under OpenTelemetry's own name for it; unset means that there are no traces.
    otel_exporter_otlp_endpoint: Collector | None = None
    # Other sites whose pages may call the service from a browser.
    cors_origins: Origins = ()
    # Networks of proxies whose `X-Forwarded-For` is trusted; `unix` for a proxy that connects to a Unix socket.
    trusted_proxies: Proxies = ()
    # At most 64, so that long passwords are always possible (ASVS 6.2.9).
    password_min_length: int = Field(default=15, ge=8, le=64)
    # How long a sign-in lasts, and how long it lasts unused. Browsers keep cookies for at most 400 days.
    session_lifetime_days: int = Field(default=30, ge=1, le=400)
    session_idle_days: int = Field(default_factory=lambda given: min(7, given["session_lifetime_days"]), ge=1, le=400)
    # How long audit events are kept.
    audit_retention_days: int = Field(default=365, ge=30, le=3_660)
    # How long an account is kept whose address is not proven; unset means 7 days longer than its link works.
    unproven_account_days: int | None = Field(default=None, ge=1, le=365)
    # How long the links in mails work.
    verification_link_hours: int = Field(default=24, ge=1, le=30 * 24)
    reset_link_minutes: int = Field(default=60, ge=5, le=24 * 60)
    email_change_link_hours: int = Field(default=24, ge=1, le=30 * 24)
    undo_link_days: int = Field(default=7, ge=1, le=90)
    invitation_link_days: int = Field(default=7, ge=1, le=90)

    @model_validator(mode="after")
    def refuse_contradictions(self) -> Self:
        """Refuse settings that contradict each other, or that are not for production."""
        problems = [*contradictions(self)]
        if self.environment is Environment.PRODUCTION:
            problems += unfit_for_production(self)
        if problems:
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
        """A key of 32 bytes for one purpose, so that a signature for one purpose is invalid for others (RFC 5869)."""
        return self.keys_for(purpose)[0]

    def keys_for(self, purpose: str) -> list[bytes]:
        """The keys that a signature may have been made with; new ones are made with the first."""
        keys = (self.secret_key, self.secret_key_previous)
        return [_derived(key.get_secret_value(), purpose) for key in keys if key is not None]


@cache
def _derived(key: str, purpose: str) -> bytes:
    # Cached, since each request needs one, and there are as many as there are purposes.
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(key.encode())


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings from the environment and, in development, from the file `.env` beside `pyproject.toml`.

    Raises:
        SettingsError: if a setting is missing or wrong.
    """
    environment = os.environ if environment is None else environment
    values: dict[str, str | None] = dict(environment)
    if environment.get("ENVIRONMENT", Environment.DEVELOPMENT).strip() == Environment.DEVELOPMENT:
        values = dotenv_values(PROJECT_ROOT / ".env") | values
    settings = Settings
    for extend in EXTENSIONS:
        settings = extend(settings, values)
    # `DATABASE_URL=` in an env file means unset. Files that values come from often end with a line break.
    known = {name: value for name in settings.model_fields if (value := (values.get(name.upper()) or "").strip())}
    if known.get("environment") == Environment.DEVELOPMENT:
        known.setdefault("base_url", f"http://localhost:{own_port(environment=values)}")
    try:
        return settings.model_validate(known)
    except ValidationError as error:
        raise SettingsError("\n".join(mistakes(settings, known))) from error
