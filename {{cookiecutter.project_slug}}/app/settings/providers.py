"""The settings of sign-in with other providers: a part of `Settings`."""

import re
from typing import Annotated
from typing import Any
from typing import NamedTuple
from typing import Self

from pydantic import AfterValidator
from pydantic import BaseModel
from pydantic import SecretStr
from pydantic import model_validator

from app.settings.apple_key import AppleKey
from app.settings.apple_key import ApplePrivateKey
from app.settings.openid_providers import LOOPBACK
from app.settings.openid_providers import MAX_NAME_LENGTH
from app.settings.openid_providers import SCOPES
from app.settings.openid_providers import AuthMethod
from app.settings.openid_providers import Issuer
from app.settings.openid_providers import OpenIDSettings
from app.settings.openid_providers import Scopes
from app.settings.types import Switch
from app.settings.urls import is_readable

# A page, or the private scheme of an app: with an authority, or a reverse domain name and a path (RFC 8252, 7.1).
PAGE = r"(?!http:|javascript:)[a-z][a-z0-9+.-]*://\S+|[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+:/(?!/)\S*"
# The directories of Microsoft that are not one company's; that of a company has an id.
SHARED_TENANTS = ("common", "organizations", "consumers")
TENANT_ID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# These two give every web application a secret and refuse one that has none.
NEED_A_SECRET = ("google", "github")
PROVIDERS = (*NEED_A_SECRET, "microsoft", "gitlab", "apple")
# In place of a secret.
APPLE = ("client_id", "team_id", "key_id", "private_key")


class Client(NamedTuple):
    """The registration of this service at a provider; without a secret it is a public client (RFC 6749, 2.1)."""

    id: str
    secret: str = ""
    # Unset: what the provider lists.
    auth_method: AuthMethod | None = None
    # Whether an address counts as verified if the provider does not say.
    trusts_email: bool = False


def _page(value: str) -> str:
    # The URL may hold a code, so it is sent over TLS, to this machine or to an app.
    if not re.fullmatch(rf"{PAGE}|{LOOPBACK}", value) or "#" in value or not is_readable(value):
        raise ValueError(
            "must be the URL of a page, for example https://app.example.com/signed-in,"
            f" or of an app, for example com.example.app:/signed-in; got {value!r}"
        )
    return value


def _github(value: str) -> str:
    is_host = re.fullmatch(rf"https://[^/?#\s]+/?|{LOOPBACK}", value) and not re.search("[?#]", value)
    if not is_host or not is_readable(value):
        raise ValueError(f"must be a scheme and a host, for example https://github.example.com; got {value!r}")
    return value.rstrip("/")


def _tenant(value: str) -> str:
    # With a domain, the provider would call itself by the id, and every sign-in would fail.
    tenant = value.lower()
    if tenant not in SHARED_TENANTS and not re.fullmatch(TENANT_ID, tenant):
        raise ValueError(f"must be your directory (tenant) ID, or one of {', '.join(SHARED_TENANTS)}; got {value!r}")
    return tenant


class ProviderSettings(BaseModel):
    """Which providers are offered, and what they may do; a provider without credentials is not offered."""

    oauth_google_client_id: str | None = None
    oauth_google_client_secret: SecretStr | None = None
    oauth_google_auth_method: AuthMethod | None = None
    oauth_github_client_id: str | None = None
    oauth_github_client_secret: SecretStr | None = None
    # A GitHub Enterprise server, or a company's own address at GitHub.
    oauth_github_url: Annotated[str, AfterValidator(_github)] = "https://github.com"
    oauth_microsoft_client_id: str | None = None
    oauth_microsoft_client_secret: SecretStr | None = None
    oauth_microsoft_auth_method: AuthMethod | None = None
    oauth_microsoft_tenant: Annotated[str, AfterValidator(_tenant)] = "common"
    oauth_microsoft_trusts_email: Switch = Switch.OFF
    oauth_gitlab_client_id: str | None = None
    oauth_gitlab_client_secret: SecretStr | None = None
    oauth_gitlab_auth_method: AuthMethod | None = None
    # A Services ID, and the key that client secrets are made with.
    oauth_apple_client_id: str | None = None
    oauth_apple_team_id: str | None = None
    oauth_apple_key_id: str | None = None
    oauth_apple_private_key: ApplePrivateKey | None = None
    # Any provider that speaks OpenID Connect, by its issuer URL; `with_named_providers` adds the same for other names.
    oauth_oidc_issuer: Issuer | None = None
    oauth_oidc_client_id: str | None = None
    oauth_oidc_client_secret: SecretStr | None = None
    oauth_oidc_auth_method: AuthMethod | None = None
    oauth_oidc_trusts_email: Switch = Switch.OFF
    # Its name for users; unset means the host of the issuer.
    oauth_oidc_label: str | None = None
    oauth_oidc_scopes: Scopes = SCOPES
    # The page that users return to; unset means that the callback responds as a sign-in does.
    oauth_return_url: Annotated[str, AfterValidator(_page)] | None = None
    # The page that a provider sends users to after it has ended their session; unset means a page of its own.
    oauth_signed_out_url: Annotated[str, AfterValidator(_page)] | None = None
    # Whether a first sign-in with a provider creates an account, if `REGISTRATION` allows it.
    oauth_sign_up: Switch = Switch.ON
    # Whether the tokens of providers are stored, encrypted.
    oauth_store_tokens: Switch = Switch.OFF

    @model_validator(mode="after")
    def providers_are_complete(self) -> Self:
        """Refuse a provider that would be offered and fail for every user."""
        names = (*PROVIDERS, *self._openid_names())
        if problems := [problem for name in names for problem in self._problems_of(name)]:
            raise ValueError("\n".join(problems))
        return self

    @model_validator(mode="after")
    def trusted_addresses_are_a_companys_own(self) -> Self:
        """Refuse to trust addresses that any company can write into its own directory."""
        if self.oauth_microsoft_trusts_email is Switch.ON and self.oauth_microsoft_tenant in SHARED_TENANTS:
            raise ValueError("OAUTH_MICROSOFT_TRUSTS_EMAIL needs OAUTH_MICROSOFT_TENANT: your directory (tenant) ID")
        return self

    def client_of(self, provider: str) -> Client | None:
        """The registration of this service at a provider; None if the provider is not offered."""
        client_id: str | None = self._setting(provider, "client_id")
        secret: SecretStr | None = self._setting(provider, "client_secret")
        if not client_id:
            return None
        trusts_email = self._setting(provider, "trusts_email") is Switch.ON
        return Client(
            client_id, secret.get_secret_value() if secret else "", self._setting(provider, "auth_method"), trusts_email
        )

    def apple_key(self) -> AppleKey | None:
        """What client secrets for Apple are made with; None if Apple is not offered."""
        team_id, key_id, private_key = (self._setting("apple", name) for name in APPLE[1:])
        return AppleKey(team_id, key_id, private_key.get_secret_value()) if private_key else None

    def openid_providers(self) -> dict[str, OpenIDSettings]:
        """The OpenID providers that the settings name, by name."""
        return {
            name: OpenIDSettings(issuer, self._setting(name, "label") or "", self._setting(name, "scopes"))
            for name in self._openid_names()
            if (issuer := self._setting(name, "issuer"))
        }

    def _openid_names(self) -> list[str]:
        found = (re.fullmatch("oauth_(.+)_issuer", field) for field in type(self).model_fields)
        return [match[1] for match in found if match]

    def _setting(self, provider: str, name: str) -> Any:
        return getattr(self, f"oauth_{provider}_{name}", None)

    def _problems_of(self, provider: str) -> list[str]:
        is_openid = provider in self._openid_names()
        needed = ["issuer", "client_id"] if is_openid else ["client_id"]
        needed = [*APPLE] if provider == "apple" else needed
        given = next((name for name in (*needed, "client_secret") if self._setting(provider, name)), None)
        needed += ["client_secret"] if provider in NEED_A_SECRET or self._setting(provider, "auth_method") else []
        prefix = f"OAUTH_{provider.upper()}"
        if len(provider) > MAX_NAME_LENGTH:
            return [f"{prefix}_CLIENT_ID must have at most {MAX_NAME_LENGTH} characters between OAUTH_ and _CLIENT_ID"]
        return [
            f"{prefix}_{name.upper()} must be set too, since {prefix}_{given.upper()} is"
            for name in needed
            if given and not self._setting(provider, name)
        ]
