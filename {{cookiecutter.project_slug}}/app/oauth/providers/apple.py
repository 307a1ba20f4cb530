"""What Apple does differently: a client secret that is made from a key, and an answer in a form with the user's name.

Apple sends the name once, when the user signs in to this service for the first time, and unsigned.
"""

import json
from datetime import timedelta
from typing import Any

import jwt

from app import clock
from app.settings import Settings
from app.settings.apple_key import AppleKey

ISSUER = "https://appleid.apple.com"
SCOPES = ("openid", "email", "name")
# Apple accepts at most six months. Each request makes its own, so that a copy is soon worthless.
SECRET_LIFETIME = timedelta(minutes=10)
# How far the clock of Apple may be behind.
CLOCK_DIFFERENCE = timedelta(minutes=1)
MAX_NAME_LENGTH = 100


def client_secret(settings: Settings, key: AppleKey) -> str:
    """A client secret for a few minutes (RFC 7523, with claims of Apple)."""
    now = clock.now()
    claims = {
        "iss": key.team_id,
        "sub": settings.oauth_apple_client_id,
        "aud": ISSUER,
        "iat": now - CLOCK_DIFFERENCE,
        "exp": now + SECRET_LIFETIME,
    }
    return jwt.encode(claims, key.private_key, algorithm="ES256", headers={"kid": key.key_id})


def name_in(user: str) -> str:
    """The name in the field `user` of the form, or nothing; users can change it on the way, as at a sign-up."""
    try:
        given: Any = json.loads(user)["name"]
        parts = [part for part in (given.get("firstName"), given.get("lastName")) if isinstance(part, str)]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return ""
    return "".join(filter(str.isprintable, " ".join(parts))).strip()[:MAX_NAME_LENGTH]
