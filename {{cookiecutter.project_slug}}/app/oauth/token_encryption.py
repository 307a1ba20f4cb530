"""The tokens of providers, encrypted if they are stored at all, so that a reader of the table cannot use them."""

from app import clock
from app.accounts import encryption
from app.models import OAuthAccount
from app.oauth.providers.oauth2_client import Tokens
from app.settings import Settings
from app.settings.types import Switch

NO_TOKEN = ""
KEY = "oauth-tokens"


def store(settings: Settings, account: OAuthAccount, tokens: Tokens) -> None:
    """Replace the stored tokens by new ones with `OAUTH_STORE_TOKENS=on`, or remove them without."""
    is_stored = settings.oauth_store_tokens is Switch.ON
    account.access_token = encrypt(settings, tokens.access_token) if is_stored else NO_TOKEN
    # A provider that sends no refresh token leaves the former one valid.
    if tokens.refresh_token or not is_stored:
        account.refresh_token = encrypt(settings, tokens.refresh_token) if is_stored and tokens.refresh_token else None
    lasts = tokens.expires_in if is_stored else None
    account.expires_at = None if lasts is None else int(clock.now().timestamp()) + lasts  # type: ignore[assignment]  # the mixin says int


def encrypt(settings: Settings, token: str) -> str:
    """The token as it is stored."""
    return encryption.encrypt(settings, KEY, token.encode())


def decrypt(settings: Settings, encrypted: str | None) -> str | None:
    """The token, for code that calls the provider; None if none is stored, or its key is gone."""
    token = encryption.decrypt(settings, KEY, encrypted or "")
    return None if token is None else token.decode()
