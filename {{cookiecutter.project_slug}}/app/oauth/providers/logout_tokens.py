"""The tokens in which a provider says that a session there has ended (OpenID Connect Back-Channel Logout 1.0, 2.6)."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from typing import NamedTuple

import jwt
from jwt.types import Options

from app import clock
from app.oauth.providers import id_tokens
from app.oauth.providers.id_tokens import LEEWAY_SECONDS
from app.oauth.providers.id_tokens import Claims
from app.oauth.providers.id_tokens import Key

EVENT = "http://schemas.openid.net/event/backchannel-logout"
# Tokens of other kinds name another type, such as those of RFC 9068.
TYPES = {"jwt", "logout+jwt", "application/logout+jwt"}
REQUIRED = ["iss", "aud", "iat", "jti", "events"]
OPTIONS: Options = {**id_tokens.OPTIONS, "require": REQUIRED}
# Providers send one at once, and few of them say when it expires.
LONGEST_AGE = timedelta(minutes=10)


class LogoutToken(NamedTuple):
    """A session at a provider that has ended, or all sessions of a subject there."""

    issuer: str
    # Empty if the token names a session alone.
    subject: str
    # Empty for all sessions of the subject.
    session_id: str
    # The name of the token, which counts once.
    name: str


def read(token: str, keys: Iterable[Key], issuer: str, audience: str) -> LogoutToken:
    """What a logout token says.

    Raises:
        WrongSignature: if none of these keys has signed it.
        PyJWTError: if it breaks another rule.
    """
    claims = id_tokens.verified(token, keys, audience=audience, options=OPTIONS)
    id_tokens.require_issuer(claims, issuer)
    _require_type(token)
    _require_times(claims)
    _require_event(claims)
    subject, session_id, name = (_text(claims, claim) for claim in ("sub", "sid", "jti"))
    if not (subject or session_id) or not name:
        raise jwt.InvalidTokenError("Names neither a subject nor a session, or has no name itself")
    return LogoutToken(claims["iss"], subject, session_id, name)


def _require_type(token: str) -> None:
    kind = jwt.get_unverified_header(token).get("typ", "JWT")
    if str(kind).lower() not in TYPES:
        raise jwt.InvalidTokenError("Another kind of token")


def _require_times(claims: Claims) -> None:
    now = clock.now().timestamp()
    issued_at = id_tokens.seconds(claims, "iat")
    if not now - LONGEST_AGE.total_seconds() < issued_at < now + LEEWAY_SECONDS:
        raise jwt.InvalidTokenError("Too old, or of the future")
    if "exp" in claims and not now - LEEWAY_SECONDS < id_tokens.seconds(claims, "exp"):
        raise jwt.ExpiredSignatureError("Expired")


def _require_event(claims: Claims) -> None:
    # An ID token is no logout token, whatever else it says.
    events = claims["events"]
    if "nonce" in claims or not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise jwt.InvalidTokenError("Not a logout token")


def _text(claims: Claims, name: str) -> str:
    value: Any = claims.get(name, "")
    if not isinstance(value, str):
        raise jwt.InvalidTokenError(f"{name} is not a text")
    return value
