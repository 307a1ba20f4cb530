"""The faults that the provider can show, by name."""

import zlib
from collections.abc import Callable
from enum import StrEnum


class EmailClaim(StrEnum):
    """Where the provider says an address, and whether it says that it is verified."""

    VERIFIED = "verified"
    UNVERIFIED = "not verified"
    UNSAID = "not said to be verified"
    IN_WORDS = "verified, as a word instead of a yes"
    MISSING = "missing"
    ASKED_FOR = "only told when asked for"
    HALF = "only said to be verified when asked for"
    IN_WORDS_ASKED_FOR = "verified as a word, only told when asked for"
    CONTRADICTED = "not verified, and verified when asked for"
    OF_ANOTHER = "only told when asked for, and of another account"


NO_PROOF = [EmailClaim.UNVERIFIED, EmailClaim.UNSAID, EmailClaim.MISSING, EmailClaim.CONTRADICTED]


class TokenFault(StrEnum):
    """What is wrong with the ID token."""

    NONE = "nothing"
    MISSING = "there is none"
    UNREADABLE = "it is none"
    AUDIENCE = "for another audience"
    AUDIENCES = "for several audiences"
    PARTY = "for another authorised party"
    ISSUER = "of another issuer"
    NONCE = "another nonce"
    NO_NONCE = "no nonce"
    EXPIRED = "expired"
    FUTURE = "of the future"
    UNSIGNED = "without its signature"
    ALG_NONE = "signed with nothing"
    SHARED_SECRET = "signed with the client's secret"
    PUBLIC_SECRET = "signed with the public key as a secret"
    ANOTHER_KEY = "signed with a key of another provider"
    UNKNOWN_KEY = "signed with a key that is not shown"
    NO_SUBJECT = "no subject"
    ODD_SUBJECT = "a subject that cannot be stored"
    LONG_SUBJECT = "a subject of 300 characters"
    NOT_AGAIN = "from before the user was asked again"
    NO_AUTH_TIME = "without the time of the sign-in"


class AnswerFault(StrEnum):
    """What is wrong with an answer."""

    NONE = "nothing"
    SILENT = "it never comes"
    BROKEN = "a 500"
    ELSEWHERE = "a redirect"
    HUGE = "10 MB"
    PACKED = "10 MB, compressed"
    NO_JSON = "no JSON"
    NO_TEXT = "no text"
    NESTED = "brackets in brackets"
    SHAPE = "another shape"
    LONG_TOKEN = "a token of 300 characters"


class Endpoint(StrEnum):
    """The paths of the provider."""

    METADATA = "/.well-known/openid-configuration"
    KEYS = "/keys"
    TOKEN = "/token"
    USERINFO = "/userinfo"


def huge() -> bytes:
    """An answer of 10 MB."""
    return b'{"access_token": "' + b"a" * 10_000_000 + b'"}'


# The status, headers and body of a wrong answer; a token that is too long is no answer of its own.
CONTENT: dict[AnswerFault, Callable[[], tuple[int, dict[str, str], bytes]]] = {
    AnswerFault.BROKEN: lambda: (500, {}, b"Traceback (most recent call last): a secret of the provider"),
    AnswerFault.ELSEWHERE: lambda: (302, {"Location": "https://evil.example/token"}, b""),
    AnswerFault.HUGE: lambda: (200, {}, huge()),
    AnswerFault.PACKED: lambda: (200, {"Content-Encoding": "deflate"}, zlib.compress(huge())),
    AnswerFault.NO_JSON: lambda: (200, {}, b"<!doctype html><title>Sign in</title>"),
    AnswerFault.NO_TEXT: lambda: (200, {}, b'{"access_token": "\xff\xfe"}'),
    AnswerFault.NESTED: lambda: (200, {}, b"[" * 100_000),
    AnswerFault.SHAPE: lambda: (200, {}, b'[{"access_token": 5, "keys": {}}]'),
}
