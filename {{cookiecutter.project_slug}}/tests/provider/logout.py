"""What a provider says about the end of a session (OpenID Connect Back-Channel Logout 1.0)."""

from secrets import token_urlsafe
from typing import Any

from joserfc import jwt

from tests.provider.people import Provider
from tests.provider.people import key

EVENT = "http://schemas.openid.net/event/backchannel-logout"


def logout_token(provider: Provider, *, header: dict[str, Any] | None = None, **changes: Any) -> str:
    """A logout token of this provider with changes to its claims; a claim of dots is left out."""
    now = int(provider.now().timestamp())
    claims = {
        "iss": provider.calls_itself or provider.issuer,
        "aud": provider.client_id,
        "iat": now,
        "exp": now + 120,
        "jti": token_urlsafe(),
        "events": {EVENT: {}},
    } | changes
    signed_with = {"alg": "RS256", "kid": provider.key_name, "typ": "logout+jwt"} | (header or {})
    kept = {name: value for name, value in claims.items() if value is not ...}
    return jwt.encode(
        {name: value for name, value in signed_with.items() if value is not ...}, kept, key(provider.key_name)
    )
