"""Access tokens: what is not exactly one of ours is nothing."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest

from app.auth import access_tokens
from app.models import UserSession
from app.settings import Settings
from tests.cast import Clock

ROW = UserSession(id=uuid4(), user_id=uuid4())


def forged(
    settings: Settings, claims: dict[str, Any], header: dict[str, Any] | None = None, key: str = "access-token"
) -> str:
    """A token like ours but for what the test says; a claim of None is left out."""
    ours = jwt.decode(access_tokens.issue(settings, ROW), options={"verify_signature": False})
    changed = {name: value for name, value in (ours | claims).items() if value is not None}
    headers = {"typ": access_tokens.TYPE} | (header or {})
    return jwt.encode(changed, settings.key_for(key), algorithm="HS256", headers=headers)


def test_our_own_token_names_the_user_and_the_sign_in(settings: Settings) -> None:
    assert access_tokens.read(settings, forged(settings, {})) == (ROW.user_id, ROW.id)


@pytest.mark.parametrize("claim", access_tokens.REQUIRED)
def test_a_token_without_one_of_its_claims_is_nothing(settings: Settings, claim: str) -> None:
    assert access_tokens.read(settings, forged(settings, {claim: None})) is None


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://another.example"},
        {"aud": "another"},
        {"sub": "not-a-uuid"},
        {"sub": 7},
        {"sid": ["a", "list"]},
        {"exp": "soon"},
        {"exp": 1},
        {"nbf": 4102444800},
    ],
)
def test_a_token_with_a_strange_claim_is_nothing(settings: Settings, claims: dict[str, Any]) -> None:
    assert access_tokens.read(settings, forged(settings, claims)) is None


@pytest.mark.parametrize("header", [{"typ": "JWT"}, {"typ": "refresh"}, {"crit": ["unknown"], "unknown": 1}])
def test_a_token_of_another_type_is_nothing(settings: Settings, header: dict[str, Any]) -> None:
    assert access_tokens.read(settings, forged(settings, {}, header)) is None


@pytest.mark.parametrize("purpose", ["refresh-token", "litestar-users", "another"])
def test_a_key_for_another_purpose_signs_nothing(settings: Settings, purpose: str) -> None:
    assert access_tokens.read(settings, forged(settings, {}, key=purpose)) is None


@pytest.mark.parametrize("algorithm", ["none", "HS512"])
def test_another_algorithm_is_nothing(settings: Settings, algorithm: str) -> None:
    claims = jwt.decode(forged(settings, {}), options={"verify_signature": False})
    key = "" if algorithm == "none" else settings.key_for("access-token") * 2
    token = jwt.encode(claims, key, algorithm=algorithm, headers={"typ": access_tokens.TYPE})
    assert access_tokens.read(settings, token) is None


@pytest.mark.parametrize("token", ["", ".", "a.b.c", "é" * 50, "eyJhbGciOiJub25lIn0.e30."])
def test_what_is_no_token_at_all_is_nothing(settings: Settings, token: str) -> None:
    assert access_tokens.read(settings, token) is None


def test_a_token_lives_for_fifteen_minutes(settings: Settings, clock: Clock) -> None:
    token = access_tokens.issue(settings, ROW)
    clock.advance(timedelta(minutes=14, seconds=58))
    assert access_tokens.read(settings, token) is not None
    clock.advance(timedelta(seconds=2))
    assert access_tokens.read(settings, token) is None
