"""Who signs in at the provider, and what it says about them."""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from datetime import UTC
from datetime import datetime
from functools import cache
from secrets import token_urlsafe
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.provider.lies import Address
from tests.provider.lies import Lie
from tests.provider.lies import Place
from tests.provider.lies import Trouble

Claims = dict[str, Any]
A_WHILE_IN_SECONDS = 3600


@dataclass
class Grant:
    """Somebody has said yes."""

    client_id: str
    redirect_uri: str
    nonce: str | None
    challenge: str
    subject: str
    email: str
    address: Address = Address.VERIFIED
    lie: Lie = Lie.NONE
    is_again: bool = False


@cache
def key(name: str) -> RSAKey:
    """A key of this process; making one takes a moment."""
    return RSAKey.generate_key(2048, {"kid": name, "use": "sig", "alg": "RS256"})


@dataclass
class Provider:
    """What the provider knows, all of it in memory."""

    issuer: str
    # Who may ask, with which secret, and where people are sent back to.
    client_id: str
    client_secret: str
    origins: tuple[str, ...]
    # Where the issuer answers, if its address has a path, and what it calls itself there.
    path: str = "/"
    calls_itself: str = ""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    troubles: dict[Place, Trouble] = field(default_factory=dict)
    more_claims: Claims = field(default_factory=dict)
    more_metadata: Claims = field(default_factory=dict)
    grants: dict[str, Grant] = field(default_factory=dict)
    tokens: dict[str, Grant] = field(default_factory=dict)
    # Tokens with which a service can ask again without the person; nothing answers to them here.
    gives_refresh_tokens: bool = False
    refresh_tokens: list[str] = field(default_factory=list)
    key_name: str = "first"
    # Whether tokens say which key they were signed with.
    names_keys: bool = True

    def code_for(self, grant: Grant) -> str:
        """A code that is redeemed once."""
        code = token_urlsafe()
        self.grants[code] = grant
        return code

    def token_for(self, grant: Grant) -> str:
        """A token that opens what the provider knows about this person."""
        is_long = self.troubles.get(Place.TOKEN) is Trouble.LONG_TOKEN
        token = token_urlsafe(225 if is_long else 32)
        self.tokens[token] = grant
        return token

    def refresh_token(self) -> str | None:
        """A token to ask again with, if it gives any."""
        if not self.gives_refresh_tokens:
            return None
        self.refresh_tokens.append(token_urlsafe())
        return self.refresh_tokens[-1]

    def about(self, grant: Grant) -> Claims:
        """What it tells whoever shows the token."""
        subject = "somebody else" if grant.address is Address.OF_ANOTHER else grant.subject
        about = {} if grant.address is Address.MISSING else {"email": grant.email, "email_verified": True}
        return {"sub": subject} | about

    def id_token(self, grant: Grant) -> str | None:
        """What it says about somebody, signed; or not, or not as it should be."""
        if grant.lie is Lie.MISSING:
            return None
        if grant.lie is Lie.UNREADABLE:
            return "no token at all"
        return self._signed(self._claims(grant), grant.lie)

    def _claims(self, grant: Grant) -> Claims:
        now = int(self.now().timestamp())
        claims: Claims = {
            "iss": self.calls_itself or self.issuer,
            "aud": grant.client_id,
            "sub": grant.subject,
            "iat": now,
            "exp": now + A_WHILE_IN_SECONDS,
        }
        claims |= {"nonce": grant.nonce} if grant.nonce else {}
        claims |= {"auth_time": now} if grant.is_again else {}
        claims |= _about_address(grant) | self.more_claims
        # A claim of dots is left out.
        return {name: value for name, value in (claims | _lied(grant, now)).items() if value is not ...}

    def _signed(self, claims: Claims, lie: Lie) -> str:
        shown = "unknown" if lie is Lie.UNKNOWN_KEY else self.key_name
        signing = "another" if lie is Lie.ANOTHER_KEY else shown
        named = {"kid": shown} if self.names_keys else {}
        token = jwt.encode({"alg": "RS256"} | named, claims, key(signing))
        if lie is Lie.UNSIGNED:
            return f"{token.rpartition('.')[0]}."
        public = key(shown).as_pem(private=False)
        by_hand = {
            Lie.ALG_NONE: ("none", b""),
            Lie.SHARED_SECRET: ("HS256", self.client_secret.encode()),
            Lie.PUBLIC_SECRET: ("HS256", public),
        }
        return _signed_by_hand(named, claims, *by_hand[lie]) if lie in by_hand else token


def _signed_by_hand(header: Claims, claims: Claims, algorithm: str, secret: bytes) -> str:
    # joserfc refuses to do that, with reason.
    parts = [_text(json.dumps(part).encode()) for part in (header | {"alg": algorithm}, claims)]
    signature = hmac.digest(secret, ".".join(parts).encode(), "sha256") if secret else b""
    return ".".join([*parts, _text(signature)])


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _about_address(grant: Grant) -> Claims:
    about: dict[Address, Claims] = {
        Address.VERIFIED: {"email": grant.email, "email_verified": True},
        Address.UNVERIFIED: {"email": grant.email, "email_verified": False},
        Address.UNSAID: {"email": grant.email},
        Address.IN_WORDS: {"email": grant.email, "email_verified": "true"},
    }
    return about.get(grant.address, {})


def _lied(grant: Grant, now: int) -> Claims:
    lies: dict[Lie, Claims] = {
        Lie.AUDIENCE: {"aud": "another-client"},
        Lie.AUDIENCES: {"aud": [grant.client_id, "another-client"]},
        Lie.PARTY: {"azp": "another-client"},
        Lie.ISSUER: {"iss": "https://another.example"},
        Lie.NONCE: {"nonce": "of somebody else"},
        Lie.NO_NONCE: {"nonce": None},
        Lie.EXPIRED: {"exp": now - A_WHILE_IN_SECONDS},
        Lie.FUTURE: {"iat": now + A_WHILE_IN_SECONDS},
        Lie.NO_SUBJECT: {"sub": ""},
        Lie.ODD_SUBJECT: {"sub": "a\0b"},
        Lie.LONG_SUBJECT: {"sub": "a" * 300},
        Lie.NOT_AGAIN: {"auth_time": now - A_WHILE_IN_SECONDS},
    }
    return lies.get(grant.lie, {})
