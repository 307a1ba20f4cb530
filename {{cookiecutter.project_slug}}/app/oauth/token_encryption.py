"""The tokens of providers, if they are kept at all: sealed, so that whoever reads the table can use none."""

from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet
from cryptography.fernet import InvalidToken
from cryptography.fernet import MultiFernet

from app import clock
from app.models import OAuthAccount
from app.oauth.providers.oauth2_client import Tokens
from app.settings import Settings
from app.settings.types import Switch

NOTHING = ""


def keep(settings: Settings, account: OAuthAccount, tokens: Tokens) -> None:
    """Store what the provider has just handed out, if `OAUTH_STORE_TOKENS` asks for it, and drop what it did before."""
    is_kept = settings.oauth_store_tokens is Switch.ON
    account.access_token = seal(settings, tokens.access_token) if is_kept else NOTHING
    # A provider that hands out none means the one before.
    if tokens.refresh_token or not is_kept:
        account.refresh_token = seal(settings, tokens.refresh_token) if is_kept and tokens.refresh_token else None
    lasts = tokens.expires_in if is_kept else None
    account.expires_at = None if lasts is None else int(clock.now().timestamp()) + lasts  # type: ignore[assignment]  # the mixin says int


def seal(settings: Settings, token: str) -> str:
    """What is stored of a token."""
    return _sealer(settings).encrypt(token.encode()).decode()


def unseal(settings: Settings, sealed: str | None) -> str | None:
    """The token, for code that calls the provider; None if none is kept, or its key is gone."""
    try:
        return _sealer(settings).decrypt(sealed.encode()).decode() if sealed else None
    except InvalidToken:
        return None


def _sealer(settings: Settings) -> MultiFernet:
    # The first key seals; one that is being replaced opens still.
    return MultiFernet([Fernet(urlsafe_b64encode(key)) for key in settings.keys_for("oauth-tokens")])
