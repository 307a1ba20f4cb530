"""What a provider can do wrong, by name."""

import zlib
from collections.abc import Callable
from enum import StrEnum


class Address(StrEnum):
    """What the provider says about the address of whoever signs in."""

    VERIFIED = "verified"
    UNVERIFIED = "not verified"
    UNSAID = "not said to be verified"
    IN_WORDS = "verified, as a word instead of a yes"
    MISSING = "missing"
    ASKED_FOR = "only told when asked for"
    OF_ANOTHER = "only told when asked for, and of somebody else"


class Lie(StrEnum):
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
    ANOTHER_KEY = "signed with a key of somebody else"
    UNKNOWN_KEY = "signed with a key that is not shown"
    NO_SUBJECT = "no subject"
    ODD_SUBJECT = "a subject that cannot be stored"
    LONG_SUBJECT = "a subject of 300 characters"
    NOT_AGAIN = "from before anybody was asked again"


class Trouble(StrEnum):
    """What is wrong with an answer."""

    NONE = "nothing"
    SILENT = "it never comes"
    BROKEN = "a 500"
    ELSEWHERE = "a redirect"
    HUGE = "10 MB"
    PACKED = "10 MB, packed"
    NO_JSON = "no JSON"
    NO_TEXT = "no text"
    NESTED = "brackets in brackets"
    SHAPE = "another shape"
    LONG_TOKEN = "a token of 300 characters"


class Place(StrEnum):
    """Where an answer comes from."""

    METADATA = "/.well-known/openid-configuration"
    KEYS = "/keys"
    TOKEN = "/token"
    ABOUT = "/userinfo"


def huge() -> bytes:
    """An answer of 10 MB."""
    return b'{"access_token": "' + b"a" * 10_000_000 + b'"}'


# The status, headers and body of a wrong answer; a token that is too long is no answer of its own.
CONTENT: dict[Trouble, Callable[[], tuple[int, dict[str, str], bytes]]] = {
    Trouble.BROKEN: lambda: (500, {}, b"Traceback (most recent call last): a secret of the provider"),
    Trouble.ELSEWHERE: lambda: (302, {"Location": "https://evil.example/token"}, b""),
    Trouble.HUGE: lambda: (200, {}, huge()),
    Trouble.PACKED: lambda: (200, {"Content-Encoding": "deflate"}, zlib.compress(huge())),
    Trouble.NO_JSON: lambda: (200, {}, b"<!doctype html><title>Sign in</title>"),
    Trouble.NO_TEXT: lambda: (200, {}, b'{"access_token": "\xff\xfe"}'),
    Trouble.NESTED: lambda: (200, {}, b"[" * 100_000),
    Trouble.SHAPE: lambda: (200, {}, b'[{"access_token": 5, "keys": {}}]'),
}
