"""The settings of sign-in with other providers: a part of `Settings`."""

import re
from typing import Annotated
from typing import NamedTuple
from typing import Self

from pydantic import AfterValidator
from pydantic import BaseModel
from pydantic import SecretStr
from pydantic import model_validator

from app.settings.types import Switch

# On this machine nobody is in between.
LOOPBACK = r"http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?([/?]\S*)?"


class Client(NamedTuple):
    """Who this service is to a provider."""

    id: str
    secret: str


def _issuer(value: str) -> str:
    # Whoever can change what an issuer answers can be anybody here.
    if not re.fullmatch(rf"https://\S+|{LOOPBACK}", value) or re.search("[?#]", value):
        raise ValueError(f"must start with https://, for example https://accounts.example.com; got {value!r}")
    return value


def _page(value: str) -> str:
    # Its address may hold a code, so nobody must read it on the way; an app has a scheme of its own.
    if not re.fullmatch(rf"(?!http:|javascript:)[a-z][a-z0-9+.-]*://\S+|{LOOPBACK}", value) or "#" in value:
        raise ValueError(f"must be the address of a page, for example https://app.example.com/signed-in; got {value!r}")
    return value


class ProviderSettings(BaseModel):
    """Which providers are offered, and what they may do; a provider without credentials is not offered."""

    oauth_google_client_id: str | None = None
    oauth_google_client_secret: SecretStr | None = None
    oauth_github_client_id: str | None = None
    oauth_github_client_secret: SecretStr | None = None
    oauth_microsoft_client_id: str | None = None
    oauth_microsoft_client_secret: SecretStr | None = None
    oauth_gitlab_client_id: str | None = None
    oauth_gitlab_client_secret: SecretStr | None = None
    # Any provider that speaks OpenID Connect, by the address that it calls itself.
    oauth_oidc_issuer: Annotated[str, AfterValidator(_issuer)] | None = None
    oauth_oidc_client_id: str | None = None
    oauth_oidc_client_secret: SecretStr | None = None
    # The page that people come back to; unset means that the callback answers as a sign-in does.
    oauth_return_url: Annotated[str, AfterValidator(_page)] | None = None
    # Whether somebody without an account gets one by coming from a provider, as far as `REGISTRATION` admits them.
    oauth_sign_up: Switch = Switch.ON
    # Whether the tokens that providers hand out are kept, encrypted.
    oauth_store_tokens: Switch = Switch.OFF

    @model_validator(mode="after")
    def providers_are_whole(self) -> Self:
        """Half a provider would be offered and work for nobody."""
        problems = []
        for provider in ("google", "github", "microsoft", "gitlab", "oidc"):
            names = [name for name in ProviderSettings.model_fields if name.startswith(f"oauth_{provider}_")]
            unset = [name.upper() for name in names if getattr(self, name) is None]
            if 0 < len(unset) < len(names):
                a_set_one = next(name.upper() for name in names if name.upper() not in unset)
                problems += [f"{name} must be set too, since {a_set_one} is" for name in unset]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def client_of(self, provider: str) -> Client | None:
        """The credentials of this service at a provider; None if it is not to be offered."""
        client_id: str | None = getattr(self, f"oauth_{provider}_client_id")
        secret: SecretStr | None = getattr(self, f"oauth_{provider}_client_secret")
        return Client(client_id, secret.get_secret_value()) if client_id and secret else None
