"""The accounts at the provider, and the tokens in which it describes them."""

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

from tests.provider.fault_switches import AnswerFault
from tests.provider.fault_switches import EmailClaim
from tests.provider.fault_switches import Endpoint
from tests.provider.fault_switches import TokenFault

Claims = dict[str, Any]
A_WHILE_IN_SECONDS = 3600


@dataclass
class Grant:
    """The consent of one user."""

    client_id: str
    redirect_uri: str
    nonce: str | None
    challenge: str
    subject: str
    email: str
    address: EmailClaim = EmailClaim.VERIFIED
    token_fault: TokenFault = TokenFault.NONE
    # Seconds since the user signed in at the provider, if it was asked to say so.
    signed_in_ago: int | None = None


@cache
def key(name: str) -> RSAKey:
    """A key of this process; making one takes a moment."""
    return RSAKey.generate_key(2048, {"kid": name, "use": "sig", "alg": "RS256"})


@dataclass
class Provider:
    """What the provider knows, all of it in memory."""

    issuer: str
    # The registered client: its secret, how it sends it, and where its users are sent back to.
    client_id: str
    client_secret: str
    origins: tuple[str, ...]
    auth_method: str = "client_secret_basic"
    signed_out_pages: tuple[str, ...] = ()
    # How it refuses a client and a code: one product has words of its own.
    refuses_client: tuple[int, str] = (401, "invalid_client")
    refuses_code: tuple[int, str] = (400, "invalid_grant")
    # As one product does: a code is spent by a request of any client.
    spends_codes_first: bool = False
    # Where the issuer answers, if its URL has a path, and what it calls itself there.
    path: str = "/"
    calls_itself: str = ""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    answer_faults: dict[Endpoint, AnswerFault] = field(default_factory=dict)
    more_claims: Claims = field(default_factory=dict)
    more_userinfo: Claims = field(default_factory=dict)
    more_metadata: Claims = field(default_factory=dict)
    more_tokens: Claims = field(default_factory=dict)
    grants: dict[str, Grant] = field(default_factory=dict)
    tokens: dict[str, Grant] = field(default_factory=dict)
    # Tokens with which a service can ask again without the person; nothing answers to them here.
    gives_refresh_tokens: bool = False
    refresh_tokens: list[str] = field(default_factory=list)
    key_name: str = "first"
    # Whether tokens say which key they were signed with.
    names_keys: bool = True
    signs_userinfo: bool = False
    # How long ago the user signed in there when a service asks for another sign-in.
    signs_in_again_after: int = 0
    # What a service has pushed beforehand, by its name (RFC 9126).
    pushed: dict[str, dict[str, str]] = field(default_factory=dict)

    def code_for(self, grant: Grant) -> str:
        """A code that is redeemed once."""
        code = token_urlsafe()
        self.grants[code] = grant
        return code

    def token_for(self, grant: Grant) -> str:
        """A token that opens what the provider knows about this person."""
        is_long = self.answer_faults.get(Endpoint.TOKEN) is AnswerFault.LONG_TOKEN
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
        """What it says about the user of a token."""
        subject = "another account" if grant.address is EmailClaim.OF_ANOTHER else grant.subject
        return {"sub": subject} | _address_at_userinfo(grant) | self.more_userinfo

    def signed_about(self, grant: Grant) -> str:
        """The same, signed (OpenID Connect Core, 5.3.2)."""
        claims = {"iss": self.issuer, "aud": grant.client_id} | self.about(grant)
        return self._signed(claims, grant.token_fault)

    def id_token(self, grant: Grant) -> str | None:
        """The signed claims about a user, with the faults of this grant."""
        if grant.token_fault is TokenFault.MISSING:
            return None
        if grant.token_fault is TokenFault.UNREADABLE:
            return "no token at all"
        return self._signed(self._claims(grant), grant.token_fault)

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
        claims |= {} if grant.signed_in_ago is None else {"auth_time": now - grant.signed_in_ago}
        claims |= _address_in_token(grant) | self.more_claims
        # A claim of dots is left out.
        return {name: value for name, value in (claims | _faulty(grant, now)).items() if value is not ...}

    def _signed(self, claims: Claims, token_fault: TokenFault) -> str:
        shown = "unknown" if token_fault is TokenFault.UNKNOWN_KEY else self.key_name
        signing = "another" if token_fault is TokenFault.ANOTHER_KEY else shown
        named = {"kid": shown} if self.names_keys else {}
        token = jwt.encode({"alg": "RS256"} | named, claims, key(signing))
        if token_fault is TokenFault.UNSIGNED:
            return f"{token.rpartition('.')[0]}."
        public = key(shown).as_pem(private=False)
        by_hand = {
            TokenFault.ALG_NONE: ("none", b""),
            TokenFault.SHARED_SECRET: ("HS256", self.client_secret.encode()),
            TokenFault.PUBLIC_SECRET: ("HS256", public),
        }
        return _signed_by_hand(named, claims, *by_hand[token_fault]) if token_fault in by_hand else token


def _signed_by_hand(header: Claims, claims: Claims, algorithm: str, secret: bytes) -> str:
    # joserfc refuses to do that, with reason.
    parts = [_text(json.dumps(part).encode()) for part in (header | {"alg": algorithm}, claims)]
    signature = hmac.digest(secret, ".".join(parts).encode(), "sha256") if secret else b""
    return ".".join([*parts, _text(signature)])


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _address_in_token(grant: Grant) -> Claims:
    known: dict[EmailClaim, Claims] = {
        EmailClaim.VERIFIED: {"email": grant.email, "email_verified": True},
        EmailClaim.UNVERIFIED: {"email": grant.email, "email_verified": False},
        EmailClaim.CONTRADICTED: {"email_verified": False},
        EmailClaim.UNSAID: {"email": grant.email},
        EmailClaim.HALF: {"email": grant.email},
        EmailClaim.IN_WORDS: {"email": grant.email, "email_verified": "true"},
    }
    return known.get(grant.address, {})


def _address_at_userinfo(grant: Grant) -> Claims:
    known: dict[EmailClaim, Claims] = {
        EmailClaim.MISSING: {},
        EmailClaim.UNSAID: {"email": grant.email},
        EmailClaim.UNVERIFIED: {"email": grant.email, "email_verified": False},
        EmailClaim.IN_WORDS_ASKED_FOR: {"email": grant.email, "email_verified": "true"},
    }
    return known.get(grant.address, {"email": grant.email, "email_verified": True})


def _faulty(grant: Grant, now: int) -> Claims:
    faults: dict[TokenFault, Claims] = {
        TokenFault.AUDIENCE: {"aud": "another-client"},
        TokenFault.AUDIENCES: {"aud": [grant.client_id, "another-client"]},
        TokenFault.PARTY: {"azp": "another-client"},
        TokenFault.ISSUER: {"iss": "https://another.example"},
        TokenFault.NONCE: {"nonce": "of another sign-in"},
        TokenFault.NO_NONCE: {"nonce": None},
        TokenFault.EXPIRED: {"exp": now - A_WHILE_IN_SECONDS},
        TokenFault.FUTURE: {"iat": now + A_WHILE_IN_SECONDS},
        TokenFault.NO_SUBJECT: {"sub": ""},
        TokenFault.ODD_SUBJECT: {"sub": "a\0b"},
        TokenFault.LONG_SUBJECT: {"sub": "a" * 300},
        TokenFault.NOT_AGAIN: {"auth_time": now - A_WHILE_IN_SECONDS},
        TokenFault.NO_AUTH_TIME: {"auth_time": ...},
    }
    return faults.get(grant.token_fault, {})
