"""What an OpenID provider says about somebody, and whether it is to be believed (OpenID Connect Core, 3.1.3.7)."""

from collections.abc import Iterable
from typing import Any
from typing import NamedTuple

import jwt
from jwt.types import Options

from app import clock

# Signed with a key that the provider alone has. A shared secret, or no signature, proves nothing here.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
REQUIRED = ["iss", "aud", "sub", "iat", "exp", "nonce"]
# Times are judged by our clock, below.
OPTIONS: Options = {
    "require": REQUIRED,
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "enforce_minimum_key_length": True,
}
# How far the clocks of others may be off.
LEEWAY_SECONDS = 60
LONGEST_SUBJECT = 255
# In an issuer it stands for what the token calls `tid`: Microsoft has an issuer for each company, and one address.
TENANT = "{tenantid}"

Key = dict[str, Any]
Claims = dict[str, Any]


class Expected(NamedTuple):
    """What has to be in a token besides a signature."""

    issuer: str
    audience: str
    nonce: str
    # When somebody was to be asked again who they are, if they were.
    asked_since: float | None


def key_for(token: str, keys: Iterable[Key]) -> Key | None:
    """The key that the token says it was signed with, or the only one there is if it says none.

    Raises:
        PyJWTError: if this is no token.
    """
    key_id = jwt.get_unverified_header(token).get("kid")
    signing = [key for key in keys if key.get("use", "sig") == "sig"]
    found = [key for key in signing if key.get("kid") == key_id] if key_id is not None else signing
    return found[0] if len(found) == 1 else None


def read(token: str, key: Key, expected: Expected) -> Claims:
    """The claims of a token that holds.

    Raises:
        PyJWTError: if it does not.
    """
    algorithm = jwt.get_unverified_header(token).get("alg")
    if algorithm not in ALGORITHMS:
        raise jwt.InvalidAlgorithmError("Not signed with a key that the provider alone has")
    claims: Claims = jwt.decode(
        token,
        _public(key, algorithm),
        algorithms=ALGORITHMS,
        audience=expected.audience,
        options=OPTIONS,
    )
    _require_issuer(claims, expected.issuer)
    _require_client(claims, expected.audience)
    _require_moment(claims, expected.asked_since)
    if claims["nonce"] != expected.nonce:
        raise jwt.InvalidTokenError("Made for another sign-in")
    if not (0 < len(claims["sub"]) <= LONGEST_SUBJECT and claims["sub"].isprintable()):
        raise jwt.InvalidTokenError("No subject that can be stored")
    return claims


def _public(key: Key, algorithm: str) -> jwt.PyJWK:
    try:
        return jwt.PyJWK(key, key.get("alg") or algorithm)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise jwt.InvalidKeyError("The provider shows a key that is none") from error


def _require_issuer(claims: Claims, issuer: str) -> None:
    if claims["iss"] != issuer.replace(TENANT, str(claims.get("tid"))):
        raise jwt.InvalidIssuerError("Of another issuer")


def _require_client(claims: Claims, client_id: str) -> None:
    # A token for several clients has to say which of them asked for it.
    is_shared = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims.get("azp", None if is_shared else client_id) != client_id:
        raise jwt.InvalidAudienceError("Made for another client")


def _require_moment(claims: Claims, asked_since: float | None) -> None:
    now = clock.now().timestamp()
    if not now - LEEWAY_SECONDS < _seconds(claims, "exp"):
        raise jwt.ExpiredSignatureError("Expired")
    if not _seconds(claims, "iat") < now + LEEWAY_SECONDS:
        raise jwt.ImmatureSignatureError("Of the future")
    if asked_since is not None and _seconds(claims, "auth_time", now) < asked_since - LEEWAY_SECONDS:
        raise jwt.InvalidTokenError("Nobody was asked again")


def _seconds(claims: Claims, name: str, default: float | None = None) -> float:
    value = claims.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise jwt.InvalidTokenError(f"{name} is no time")
    return value
