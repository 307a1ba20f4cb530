"""The settings of OpenID providers: `OAUTH_<NAME>_ISSUER`, and what stands beside it, for each name."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated
from typing import Any
from typing import NamedTuple
from typing import TypeVar

from pydantic import AfterValidator
from pydantic import BaseModel
from pydantic import BeforeValidator
from pydantic import SecretStr
from pydantic import create_model

from app.settings.types import EXTENSIONS
from app.settings.types import Switch
from app.settings.urls import is_readable

# Traffic to this machine cannot be read on the way.
LOOPBACK = r"http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?([/?]\S*)?"
SCOPES = ("openid", "email")
# The column of a visit to a provider holds no more.
MAX_NAME_LENGTH = 32

AnySettings = TypeVar("AnySettings", bound=BaseModel)


class AuthMethod(StrEnum):
    """How the service sends its secret to a provider (OpenID Connect Core, 9)."""

    BASIC = "client_secret_basic"
    POST = "client_secret_post"


class OpenIDSettings(NamedTuple):
    """An OpenID provider, apart from the registration of this service there."""

    issuer: str
    # Its name for users; empty means the host of the issuer.
    label: str
    scopes: tuple[str, ...]


def _issuer(value: str) -> str:
    # An attacker who can change the answers of an issuer can sign in to every account.
    if not re.fullmatch(rf"https://\S+|{LOOPBACK}", value) or re.search("[?#]", value) or not is_readable(value):
        raise ValueError(f"must start with https://, for example https://accounts.example.com; got {value!r}")
    return value


def _scopes(value: object) -> object:
    # Without `openid` there is no ID token; a tuple, since settings are hashed.
    given = re.findall(r"[^\s,]+", value) if isinstance(value, str) else None
    return value if given is None else tuple(dict.fromkeys(("openid", *given)))


Issuer = Annotated[str, AfterValidator(_issuer)]
Scopes = Annotated[tuple[str, ...], BeforeValidator(_scopes)]
# Type and default of each setting of one provider; `ProviderSettings` lists the same for the name `oidc`.
FIELDS: dict[str, tuple[Any, Any]] = {
    "issuer": (Issuer | None, None),
    "client_id": (str | None, None),
    "client_secret": (SecretStr | None, None),
    "auth_method": (AuthMethod | None, None),
    "trusts_email": (Switch, Switch.OFF),
    "label": (str | None, None),
    "scopes": (Scopes, SCOPES),
}
NAMED = re.compile(rf"OAUTH_([A-Z][A-Z0-9_]*?)_(?:{'|'.join(FIELDS).upper()})")


def with_named_providers(settings: type[AnySettings], environment: Mapping[str, str | None]) -> type[AnySettings]:
    """These settings, with fields for each OpenID provider that the environment names beside those that they have."""
    given = [name for name, value in environment.items() if value and value.strip()]
    found = {match[1].lower() for name in given if (match := NAMED.fullmatch(name))}
    names = [name for name in sorted(found) if f"oauth_{name}_client_id" not in settings.model_fields]
    fields = {f"oauth_{name}_{field}": FIELDS[field] for name in names for field in FIELDS}
    return create_model(settings.__name__, __base__=settings, **fields) if fields else settings  # type: ignore[call-overload]  # fields by name


EXTENSIONS.append(with_named_providers)
