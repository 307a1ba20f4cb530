"""Access tokens: what is not exactly one of ours is nothing."""

import hmac
import json
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from jwt.utils import base64url_encode
from pydantic import SecretStr

from app.auth import jwt_tokens
from app.models import UserSession
from app.settings import Settings
from tests.cast import Clock
from tests.cast import Outbox
from tests.cast import Person
from tests.cast import Stage

ROW = UserSession(
    id=uuid4(), user_id=uuid4(), generation=3, amr=["pwd"], authenticated_at=datetime(2026, 1, 1, tzinfo=UTC)
)
CLAIMS = (ROW.user_id, ROW.id, ROW.generation)


def forged(
    settings: Settings, claims: dict[str, Any], header: dict[str, Any] | None = None, key: str = "access-token"
) -> str:
    """A token like ours but for what the test says; a claim of None is left out."""
    token = jwt_tokens.issue(settings, ROW)
    ours = jwt.decode(token, options={"verify_signature": False})
    changed = {name: value for name, value in (ours | claims).items() if value is not None}
    headers = jwt.get_unverified_header(token) | (header or {})
    return jwt.encode(changed, settings.key_for(key), algorithm="HS256", headers=headers)


def test_our_own_token_names_the_user_and_the_sign_in(settings: Settings) -> None:
    assert jwt_tokens.read(settings, forged(settings, {})) == CLAIMS


@pytest.mark.checklist("K13")
def test_it_says_how_and_when_the_sign_in_was_made(settings: Settings) -> None:
    claims = jwt.decode(jwt_tokens.issue(settings, ROW), options={"verify_signature": False})
    assert (claims["amr"], claims["auth_time"]) == (["pwd"], int(ROW.authenticated_at.timestamp()))


@pytest.mark.checklist("F02")
@pytest.mark.parametrize("claim", jwt_tokens.REQUIRED)
def test_a_token_without_one_of_its_claims_is_nothing(settings: Settings, claim: str) -> None:
    assert jwt_tokens.read(settings, forged(settings, {claim: None})) is None


@pytest.mark.checklist("F02")
@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://another.example"},
        {"aud": "another"},
        {"sub": "not-a-uuid"},
        {"sub": 7},
        {"sid": ["a", "list"]},
        {"gen": "newest"},
        {"exp": "soon"},
        {"exp": 1},
        {"nbf": 4102444800},
    ],
)
def test_a_token_with_a_strange_claim_is_nothing(settings: Settings, claims: dict[str, Any]) -> None:
    assert jwt_tokens.read(settings, forged(settings, claims)) is None


@pytest.mark.checklist("F01", "F02")
@pytest.mark.parametrize("header", [{"typ": "JWT"}, {"typ": "refresh"}, {"crit": ["unknown"], "unknown": 1}])
def test_a_token_of_another_type_is_nothing(settings: Settings, header: dict[str, Any]) -> None:
    assert jwt_tokens.read(settings, forged(settings, {}, header)) is None


@pytest.mark.checklist("F01", "F03")
@pytest.mark.parametrize("purpose", ["refresh-token", "litestar-users", "another"])
def test_a_key_for_another_purpose_signs_nothing(settings: Settings, purpose: str) -> None:
    assert jwt_tokens.read(settings, forged(settings, {}, key=purpose)) is None


@pytest.mark.checklist("F02")
@pytest.mark.parametrize("algorithm", ["none", "HS512"])
def test_another_algorithm_is_nothing(settings: Settings, algorithm: str) -> None:
    _, payload, _ = forged(settings, {}).split(".")
    header = json.dumps(jwt.get_unverified_header(forged(settings, {})) | {"alg": algorithm})
    signed = f"{base64url_encode(header.encode()).decode()}.{payload}"
    key = settings.key_for("access-token")
    signature = b"" if algorithm == "none" else hmac.digest(key, signed.encode(), "sha512")
    assert jwt_tokens.read(settings, f"{signed}.{base64url_encode(signature).decode()}") is None


@pytest.mark.checklist("F02")
@pytest.mark.parametrize("token", ["", ".", "a.b.c", "é" * 50, "eyJhbGciOiJub25lIn0.e30."])
def test_what_is_no_token_at_all_is_nothing(settings: Settings, token: str) -> None:
    assert jwt_tokens.read(settings, token) is None


@pytest.mark.checklist("F06")
def test_a_token_lives_for_fifteen_minutes(settings: Settings, clock: Clock) -> None:
    token = jwt_tokens.issue(settings, ROW)
    clock.advance(timedelta(minutes=14, seconds=58))
    assert jwt_tokens.read(settings, token) is not None
    clock.advance(timedelta(seconds=2))
    assert jwt_tokens.read(settings, token) is None


@pytest.mark.checklist("F04")
def test_a_key_that_took_the_place_of_another_accepts_what_that_one_signed(settings: Settings) -> None:
    new = settings.model_copy(update={"secret_key": SecretStr("the key that the service has been given today")})
    both = new.model_copy(update={"secret_key_previous": settings.secret_key})
    old_token, new_token = jwt_tokens.issue(settings, ROW), jwt_tokens.issue(both, ROW)
    assert jwt_tokens.read(both, old_token) == jwt_tokens.read(both, new_token) == CLAIMS
    assert jwt_tokens.read(new, new_token) == CLAIMS, "the newer key signs"
    assert jwt_tokens.read(new, old_token) is None, "the older one counts as long as it is named"
    key_ids = {jwt.get_unverified_header(token)["kid"] for token in (old_token, new_token)}
    assert len(key_ids) == 2


@pytest.mark.checklist("F02")
@pytest.mark.parametrize("header", [{"kid": "unknown"}, {"kid": ""}, {"jku": "https://evil.example"}])
def test_a_header_names_one_of_our_keys_or_nothing(settings: Settings, header: dict[str, Any]) -> None:
    assert jwt_tokens.read(settings, forged(settings, {}, header)) is None


@pytest.mark.checklist("F01")
async def test_a_token_from_a_mail_opens_nothing(visitor: Person, settings: Settings, outbox: Outbox) -> None:
    await visitor.register()
    token = outbox.token_for(visitor)
    assert jwt_tokens.read(settings, token) is None
    access_token = jwt_tokens.issue(settings, ROW)
    assert (await visitor.post("/verify", token=access_token)).status_code == 400
    assert (await visitor.post("/verify", token=token)).status_code == 200


@pytest.mark.checklist("F08")
async def test_the_next_owner_of_an_address_inherits_no_token(grace: Person, stage: Stage) -> None:
    await grace.sign_in()
    headers, cookies = dict(grace.client.headers), dict(grace.client.cookies)
    await grace.client.delete("/users/me")
    assert (await (await stage.verified("grace")).sign_in()).status_code == 201
    grace.client.headers.update(headers)
    grace.client.cookies.update(cookies)
    assert (await grace.get("/users/me")).status_code == 401
