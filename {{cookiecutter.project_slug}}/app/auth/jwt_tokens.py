"""Access tokens: JWTs that live for minutes and name the sign-in that they belong to (RFC 9068, RFC 8725)."""

from datetime import datetime
from datetime import timedelta
from functools import cache
from hashlib import sha256
from typing import Any
from typing import NamedTuple
from uuid import UUID
from uuid import uuid4

import jwt
from sqlalchemy import BindParameter
from sqlalchemy import bindparam

from app import clock
from app.auth.user_sessions import GRACE
from app.models import UserSession
from app.settings import Settings

LIFETIME = timedelta(minutes=15)
ALGORITHM = "HS256"
TYPE = "at+jwt"
AUDIENCE = "api"
REQUIRED = ["iss", "aud", "sub", "sid", "gen", "iat", "exp", "jti"]


class Claims(NamedTuple):
    """The user, the sign-in, and the generation of its secret when the token was issued."""

    user_id: UUID
    session_id: UUID
    generation: int


_replaced_since: BindParameter[datetime] = bindparam("replaced_since")
# The sign-in that the claims name. After a rotation, the former generation works for GRACE.
CONDITION = (
    (UserSession.id == bindparam("session_id"))
    & (UserSession.user_id == bindparam("user_id"))
    & (
        (UserSession.generation == bindparam("generation"))
        | ((UserSession.generation == bindparam("next_generation")) & (UserSession.rotated_at > _replaced_since))
    )
)


def named(settings: Settings, token: str) -> dict[str, Any] | None:
    """The parameters of `CONDITION` from a token; None if the token is invalid or has expired."""
    claims = read(settings, token)
    if claims is None:
        return None
    return claims._asdict() | {"next_generation": claims.generation + 1, "replaced_since": clock.now() - GRACE}


def issue(settings: Settings, row: UserSession) -> str:
    """A token for this sign-in."""
    now = clock.now()
    claims = {
        "iss": settings.base_url,
        "aud": AUDIENCE,
        "sub": str(row.user_id),
        "sid": str(row.id),
        "gen": row.generation,
        # How and when the sign-in was confirmed. Requests are judged by its row.
        "amr": row.amr,
        "auth_time": int(row.authenticated_at.timestamp()),
        "iat": now,
        "exp": now + LIFETIME,
        "jti": str(uuid4()),
    }
    key = settings.key_for("access-token")
    return jwt.encode(claims, key, algorithm=ALGORITHM, headers=_headers(key))


def read(settings: Settings, token: str) -> Claims | None:
    """The claims of a valid access token; None for any other text."""
    try:
        # The whole header is compared, so no other type, algorithm or key is accepted (RFC 8725, 3.1).
        keys = {_beginning(key): key for key in settings.keys_for("access-token")}
        claims = jwt.decode(
            token,
            keys[token.partition(".")[0]],
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=settings.base_url,
            # Expiry is checked below, by app.clock.
            options={"require": REQUIRED, "verify_exp": False, "verify_iat": False},
        )
        is_alive = claims["exp"] > clock.now().timestamp()
        return Claims(UUID(claims["sub"]), UUID(claims["sid"]), int(claims["gen"])) if is_alive else None
    except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError, KeyError):
        return None


@cache
def _beginning(key: bytes) -> str:
    # The header of every token signed with this key.
    return jwt.encode({}, key, algorithm=ALGORITHM, headers=_headers(key)).partition(".")[0]


def _headers(key: bytes) -> dict[str, str]:
    # The id names the key without revealing it.
    return {"typ": TYPE, "kid": sha256(key).hexdigest()[:8]}
