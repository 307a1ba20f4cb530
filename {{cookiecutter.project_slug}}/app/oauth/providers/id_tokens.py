"""The tokens that an OpenID provider signs, and the rules that they have to meet (OpenID Connect Core, 3.1.3.7)."""

import math
from collections.abc import Iterable
from collections.abc import Iterator
from typing import Any
from typing import NamedTuple

import jwt
from jwt.types import Options

from app import clock

# Signed with a key that the provider alone has. A shared secret, or no signature, proves nothing here.
KEY_TYPES = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
REQUIRED = ["iss", "aud", "sub", "iat", "exp", "nonce"]
# `_require_times` checks times, by the clock of the service.
OPTIONS: Options = {
    "require": REQUIRED,
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "enforce_minimum_key_length": True,
}
# How far the clocks of others may be off.
LEEWAY_SECONDS = 60
# How long before a re-authentication the user may have signed in there: one provider never accepts 0.
MAX_AGE_SECONDS = 60
MAX_SUBJECT_LENGTH = 255
# In an issuer it stands for the claim `tid` of the token: Microsoft has an issuer for each company at one URL.
TENANT = "{tenantid}"

Key = dict[str, Any]
Claims = dict[str, Any]


class Expected(NamedTuple):
    """What a token has to contain besides a signature."""

    issuer: str
    audience: str
    nonce: str
    # When the provider was asked to sign the user in again, if it was asked to say when it did.
    asked_at: float | None


class WrongSignature(jwt.PyJWTError):
    """None of the keys has signed this token: the provider may have newer ones."""


def read(token: str, keys: Iterable[Key], expected: Expected) -> Claims:
    """The claims of an ID token.

    Raises:
        WrongSignature: if none of these keys has signed it.
        PyJWTError: if it breaks another rule.
    """
    claims = verified(token, keys, audience=expected.audience, options=OPTIONS)
    require_issuer(claims, expected.issuer)
    _require_client(claims, expected.audience)
    _require_times(claims, expected.asked_at)
    if claims["nonce"] != expected.nonce:
        raise jwt.InvalidTokenError("Made for another sign-in")
    if not (0 < len(claims["sub"]) <= MAX_SUBJECT_LENGTH and claims["sub"].isprintable()):
        raise jwt.InvalidTokenError("No subject that can be stored")
    return claims


def read_userinfo(token: str, keys: Iterable[Key], issuer: str, audience: str) -> Claims:
    """The claims of a signed answer of the userinfo endpoint (OpenID Connect Core, 5.3.2).

    Raises:
        WrongSignature: if none of these keys has signed it.
        PyJWTError: if it is from another issuer, or for another client.
    """
    claims = verified(token, keys, audience=None, options={**OPTIONS, "require": [], "verify_aud": False})
    audiences = claims.get("aud", audience)
    if claims.get("iss", issuer) != issuer or audience not in (
        audiences if isinstance(audiences, list) else [audiences]
    ):
        raise jwt.InvalidTokenError("From another issuer, or for another client")
    return claims


def verified(token: str, keys: Iterable[Key], *, audience: str | None, options: Options) -> Claims:
    """The claims of a token that one of these keys has signed.

    Raises:
        WrongSignature: if none of them has.
        PyJWTError: if it is not for this audience, or lacks a claim.
    """
    header = jwt.get_unverified_header(token)
    if header.get("alg") not in ALGORITHMS:
        raise jwt.InvalidAlgorithmError("Not signed with a key that the provider alone has")
    for key in _candidates(header, keys):
        try:
            claims: Claims = jwt.decode(token, key, algorithms=[header["alg"]], audience=audience, options=options)
        except (jwt.InvalidSignatureError, jwt.InvalidKeyError):
            continue
        return claims
    raise WrongSignature


def _candidates(header: dict[str, Any], keys: Iterable[Key]) -> Iterator[jwt.PyJWK]:
    # A set may list a key twice, or two keys under one id (RFC 7517, 4.5), so more than one may fit.
    for key in keys:
        is_named = header.get("kid") is None or key.get("kid") in (header["kid"], None)
        is_for_this = key.get("alg", header["alg"]) == header["alg"] and key.get("use", "sig") == "sig"
        if is_named and is_for_this and key.get("kty") == KEY_TYPES[header["alg"][:2]]:
            try:
                yield jwt.PyJWK(key, header["alg"])
            except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError):
                continue


def require_issuer(claims: Claims, issuer: str) -> None:
    """Refuse the claims of another issuer.

    Raises:
        InvalidIssuerError: if they are.
    """
    if claims["iss"] != issuer.replace(TENANT, str(claims.get("tid"))):
        raise jwt.InvalidIssuerError("From another issuer")


def _require_client(claims: Claims, client_id: str) -> None:
    # A token for several clients has to say which of them asked for it.
    is_shared = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims.get("azp", None if is_shared else client_id) != client_id:
        raise jwt.InvalidAudienceError("Made for another client")


def _require_times(claims: Claims, asked_at: float | None) -> None:
    now = clock.now().timestamp()
    if not now - LEEWAY_SECONDS < seconds(claims, "exp"):
        raise jwt.ExpiredSignatureError("Expired")
    if not seconds(claims, "iat") < now + LEEWAY_SECONDS:
        raise jwt.ImmatureSignatureError("Of the future")
    if asked_at is not None and seconds(claims, "auth_time") < asked_at - MAX_AGE_SECONDS - LEEWAY_SECONDS:
        raise jwt.InvalidTokenError("The provider has not asked the user again")


def seconds(claims: Claims, name: str) -> float:
    """The time in a claim.

    Raises:
        InvalidTokenError: if there is none.
    """
    value = claims.get(name)
    # JSON has no infinity and no NaN, but Python reads them, and comparisons with NaN are false.
    if isinstance(value, bool) or not isinstance(value, int | float) or not -math.inf < value < math.inf:
        raise jwt.InvalidTokenError(f"{name} is missing or not a time")
    return value
