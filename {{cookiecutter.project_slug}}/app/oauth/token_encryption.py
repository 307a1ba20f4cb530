"""The tokens of providers, encrypted if they are stored at all, so that a reader of the table cannot use them."""

from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet
from cryptography.fernet import InvalidToken
from cryptography.fernet import MultiFernet

from app import clock
from app.models import OAuthAccount
from app.oauth.providers.oauth2_client import Tokens
from app.settings import Settings
from app.settings.types import Switch

NO_TOKEN = ""


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
    return _fernet(settings).encrypt(token.encode()).decode()


def decrypt(settings: Settings, encrypted: str | None) -> str | None:
    """The token, for code that calls the provider; None if none is stored, or its key is gone."""
    try:
        return _fernet(settings).decrypt(encrypted.encode()).decode() if encrypted else None
    except InvalidToken:
        return None


def _fernet(settings: Settings) -> MultiFernet:
    # The first key encrypts; the key that is being replaced still decrypts.
    return MultiFernet([Fernet(urlsafe_b64encode(key)) for key in settings.keys_for("oauth-tokens")])
