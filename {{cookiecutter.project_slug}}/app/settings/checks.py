"""Settings that contradict each other, or that must not reach production: one line for each mistake."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import SecretStr

from app.settings.mail_url import CONSOLE
from app.settings.types import GENERATE
from app.settings.types import Switch

if TYPE_CHECKING:
    from app.settings import Settings

KEYS = ("secret_key", "secret_key_previous")
EXAMPLE_SENDER = "noreply@example.com"
# 10.0.0.0/8 and fc00::/7 are the largest private networks.
LARGEST_NETWORKS = {4: 8, 6: 7}


def contradictions(settings: "Settings") -> Iterator[str]:
    """Every contradiction; each line starts with a setting and repeats no secret."""
    yield from _shared_secrets(settings)
    if settings.session_idle_days > settings.session_lifetime_days:
        given = f"{settings.session_lifetime_days}; got {settings.session_idle_days}"
        yield f"SESSION_IDLE_DAYS must be at most SESSION_LIFETIME_DAYS, which is {given}"


def unfit_for_production(settings: "Settings") -> Iterator[str]:
    """Settings that are convenient in development and unsafe in production."""
    if settings.database_url is None:
        yield "DATABASE_URL must be set in production: postgresql://user:password@host/name"
    if settings.throttle is Switch.OFF:
        yield "THROTTLE must be on in production: leave it unset"
    if not settings.serves_https:
        yield "BASE_URL must start with https:// in production"
    if settings.mail_url.get_secret_value() == CONSOLE:
        yield "MAIL_URL must be set in production: smtp://user:password@host:587"
    if settings.mail_from == EXAMPLE_SENDER:
        yield "MAIL_FROM must be set in production: an address of your domain, for example noreply@your-domain.com"
    for network in settings.trusted_proxies:
        if not isinstance(network, str) and network.prefixlen < LARGEST_NETWORKS[network.version]:
            yield f"TRUSTED_PROXIES must be the networks of your proxies alone, for example 10.0.0.0/8; got {network}"


def _shared_secrets(settings: "Settings") -> Iterator[str]:
    if settings.secret_key == settings.secret_key_previous:
        yield "SECRET_KEY_PREVIOUS must differ from SECRET_KEY: write the former key, or unset it"
    keys = {key: name.upper() for name in KEYS if (key := getattr(settings, name)) is not None}
    for name, value in vars(settings).items():
        if isinstance(value, SecretStr) and name not in KEYS and value in keys:
            fix = f". {GENERATE}" if name == "metrics_token" else ": other programs must not know that key"
            yield f"{name.upper()} must differ from {keys[value]}{fix}"
