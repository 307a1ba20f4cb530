"""What people do with their factors."""

import hmac
from base64 import b32decode
from typing import Any

from httpx import Response

from app import clock
from app.factors.totp import SECONDS
from tests.cast import Person
from tests.credentials import kind
from tests.factors.authenticator import Authenticator

Json = dict[str, Any]


def code_of(secret: str, *, steps_ago: int = 0) -> str:
    """What an authenticator app shows, by another implementation than that of the service."""
    step = int(clock.now().timestamp()) // SECONDS - steps_ago
    digest = hmac.digest(b32decode(secret), step.to_bytes(8, "big"), "sha1")
    number = int.from_bytes(digest[(start := digest[19] & 15) : start + 4], "big") & (2**31 - 1)
    return str(number)[-6:].zfill(6)


async def add_totp(person: Person) -> tuple[str, list[str]]:
    """Set up an authenticator app; returns its secret and the recovery codes. The step before is used."""
    secret = (await person.post("/users/me/totp")).json()["secret"]
    answer = await person.post("/users/me/totp/confirm", code=code_of(secret, steps_ago=1))
    assert answer.status_code == 200, answer.text
    return secret, answer.json().get("recovery_codes", [])


async def add_passkey(person: Person, device: Authenticator, name: str = "Phone") -> Response:
    """Add a passkey on a device."""
    asked = (await person.post("/users/me/passkeys/options")).json()
    made = device.create(asked["publicKey"])
    return await person.post("/users/me/passkeys", challenge=asked["challenge"], credential=made, name=name)


async def first_step(person: Person) -> Json:
    """Send the password; returns the challenge."""
    answer = await person.post("/login", email=person.email, password=person.password)
    assert answer.status_code == 202, answer.text
    body: Json = answer.json()
    return body


async def second_step(person: Person, challenge: str, **factor: object) -> Response:
    """Send the factor."""
    answer = await person.post("/login/second-factor", challenge=challenge, **factor)
    kind.present(person.client, answer)
    return answer


async def sign_in_by_passkey(person: Person, device: Authenticator, **changes: object) -> Response:
    """Sign in with a passkey alone."""
    asked = (await person.post("/passkeys/options")).json()
    sent = {"challenge": asked["challenge"], "credential": device.get(asked["publicKey"])} | changes
    answer = await person.post("/passkeys/sign-in", **sent)
    kind.present(person.client, answer)
    return answer


async def amr_of(person: Person) -> list[str]:
    """How the current sign-in was made."""
    devices = (await person.get("/users/me/sessions")).json()
    [current] = [device for device in devices if device["current"]]
    amr: list[str] = current["amr"]
    return amr


def type_of(answer: Response) -> tuple[int, str]:
    """The status and the type of a refusal."""
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")
