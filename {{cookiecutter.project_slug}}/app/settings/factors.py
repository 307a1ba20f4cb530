"""The settings of second factors and passkeys."""

import re
from enum import StrEnum
from ipaddress import ip_address
from typing import TYPE_CHECKING
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator
from pydantic import BaseModel
from pydantic import BeforeValidator

from app.settings import origins
from app.settings.types import listed

if TYPE_CHECKING:
    from app.settings import Settings

# The origin of an app on Android is a digest of its certificate.
NATIVE = re.compile(r"android:apk-key-hash:[A-Za-z0-9_-]{43}")


class SecondFactor(StrEnum):
    """Which sign-ins must be strong."""

    OPTIONAL = "optional"
    # Those that open what is marked so.
    PRIVILEGED = "privileged"
    EVERYBODY = "everybody"


def _rp_id(value: str) -> str:
    host = value.lower()
    if not _is_domain(host):
        raise ValueError(f"must be a domain, for example example.com, or localhost; got {value!r}")
    return host


def _passkey_origins(value: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each if NATIVE.fullmatch(each) else _secure(each) for each in value))


def _secure(value: str) -> str:
    origin = origins.site(value)
    # Browsers have passkeys on pages over TLS and on this machine.
    if not origin.startswith("https://") and urlsplit(origin).hostname != "localhost":
        raise ValueError(f"must start with https://, or be android:apk-key-hash:...; got {value!r}")
    return origin


def _is_domain(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return bool(re.fullmatch(rf"{origins.LABEL}(\.{origins.LABEL})*", host))
    return False


RpId = Annotated[str, AfterValidator(_rp_id)]
PasskeyOrigins = Annotated[tuple[str, ...], BeforeValidator(listed), AfterValidator(_passkey_origins)]


class FactorSettings(BaseModel):
    """The settings of second factors; docs/factors.md explains them."""

    # Unset means the default that docs/settings.md names.
    second_factor: SecondFactor | None = None
    # The domain that passkeys belong to. Unset means the host of BASE_URL.
    passkey_rp_id: RpId | None = None
    # Pages and apps that may use passkeys. Unset means BASE_URL.
    passkey_origins: PasskeyOrigins = ()


def second_factor_of(settings: "Settings") -> SecondFactor:
    """Which sign-ins must be strong."""
    if settings.second_factor is not None:
        return settings.second_factor
    return SecondFactor.PRIVILEGED if settings.environment == "production" else SecondFactor.OPTIONAL


def rp_id_of(settings: "Settings") -> str | None:
    """The domain that passkeys belong to; None if BASE_URL has an IP address, for which there are no passkeys."""
    host = urlsplit(settings.base_url).hostname or ""
    return settings.passkey_rp_id or (host if _is_domain(host) else None)


def origins_of(settings: "Settings") -> list[str]:
    """The origins that may use passkeys."""
    return [*settings.passkey_origins] or [settings.base_url]
